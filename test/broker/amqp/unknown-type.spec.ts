/**
 * An exchange of a type that no plugin brings, as RabbitMQ answers since 4.0: by closing the channel. Before, it closed the connection, which the embedded
 * broker does too; the line to it changes one answer into the other.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { expect } from 'chai';
import { openInspection } from '../../../src/broker/amqp/open-inspection.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import { createEmbeddedBroker, type EmbeddedBroker } from '../../../src/broker/embedded/embedded-broker.ts';
import { TopologyError } from '../../../src/errors.ts';
import { done, outcomeOf } from '../../contract/broker-port.ts';
import { createTestBroker, throughPort } from './rabbitmq-under-test.ts';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');
/** Class, method and reply code at the head of a close, which says the same of a channel and of a connection behind that. */
const CONNECTION_CLOSE_503 = hex('000a003201f7');
const CHANNEL_CLOSE_406 = hex('001400280196');

/** Bytes of a frame between its type and what it says. */
const CHANNEL_AND_SIZE = 6;

/** Requests of these connections go over their first channel. */
function asOfTheChannel(bytes: Buffer): Buffer {
  const at = bytes.indexOf(CONNECTION_CLOSE_503);
  if (at < 0) return bytes;
  const changed = Buffer.from(bytes);
  CHANNEL_CLOSE_406.copy(changed, at);
  changed.writeUInt16BE(1, at - CHANNEL_AND_SIZE);
  return changed;
}

describe('a broker that closes a channel for a type of exchange it does not know', () => {
  // Of a plugin that neither has.
  const type = 'x-random' as 'x-consistent-hash';
  let embedded: EmbeddedBroker;
  let server: Server;
  let url: string;
  let broker: Broker | undefined;
  const sockets = new Set<Socket>();

  before(async () => {
    embedded = createEmbeddedBroker();
    const direct = new URL((await embedded.start()).url);
    server = createServer((client) => {
      const upstream = connect(Number(direct.port), '127.0.0.1');
      for (const socket of [client, upstream]) {
        sockets.add(socket);
        socket.on('error', () => {});
      }
      client.pipe(upstream);
      upstream.on('data', (bytes: Buffer) => client.write(asOfTheChannel(bytes)));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = throughPort(direct.href, (server.address() as AddressInfo).port);
  });
  after(async () => {
    if (broker !== undefined) await done(broker.close({ withinMs: 500 }));
    for (const socket of sockets) socket.destroy();
    server.close();
    await embedded.stop();
  });

  it('is told as lacking the plugin, with what enables it', async () => {
    broker = createTestBroker(url);
    const error = await outcomeOf(
      broker.establish({ exchanges: [{ name: 'hash', type }], queues: [], bindings: [] }, 'assert'),
    );
    expect(error).to.be.instanceOf(TopologyError);
    expect(error?.message).to.contain('exchange "hash"').and.contain('rabbitmq-plugins enable');
  });

  it('is said by the doctor’s inspection to know none', async () => {
    const inspection = await openInspection({ urls: [url] });
    expect(await inspection.hasExchangeType(type)).to.equal(false);
    await inspection.close();
  });
});
