/**
 * A broker that is none, or somebody on the way who changes what it says: connections fail with a reason, nothing else does, and the next one
 * that is sound works.
 */
import { once } from 'node:events';
import { type AddressInfo, connect as connectTcp, createServer, type Server, type Socket } from 'node:net';
import { expect } from 'chai';
import * as fc from 'fast-check';
import type { Observable } from 'rxjs';
import type { Broker, BrokerStatus } from '../../../src/broker/broker.ts';
import { createEmbeddedBroker } from '../../../src/broker/embedded/embedded-broker.ts';
import { done, message, outcomeOf, uniqueName } from '../../contract/broker-port.ts';
import { eventually } from '../../support/eventually.ts';
import { createTestBroker, throughPort } from './rabbitmq-under-test.ts';

const SEED = 20_261_128;

/** Head of a frame: type, channel, size. */
function frameHead(type: number, bytes: number): Buffer {
  const head = Buffer.alloc(7);
  head.writeUInt8(type, 0);
  head.writeUInt32BE(bytes, 3);
  return head;
}

describe('a hostile broker', () => {
  const sockets = new Set<Socket>();
  let server: Server;
  let broker: Broker | undefined;

  const listen = async (onConnection: (socket: Socket) => void): Promise<number> => {
    server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
      onConnection(socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  afterEach(async () => {
    if (broker !== undefined) await done(broker.close({ withinMs: 500 }));
    broker = undefined;
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  it('S12: that answers any bytes at all costs connections, with a reason each, and nothing else', async () => {
    const starts = fc.sample(fc.uint8Array({ maxLength: 300 }), { numRuns: 40, seed: SEED });
    // Well-formed heads with anything behind them, which reach the decoder.
    const framed = fc.sample(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.uint8Array({ maxLength: 300 })), {
      numRuns: 40,
      seed: SEED,
    });
    const answers = [
      ...starts,
      ...framed.map(([type, bytes]) => Buffer.concat([frameHead(type, bytes.length), bytes, Buffer.of(206)])),
      Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
      Buffer.from('AMQP\x00\x00\x09\x01'),
    ];
    let answered = 0;
    const port = await listen((socket) => {
      const answer = answers[answered++ % answers.length] ?? Buffer.alloc(0);
      socket.once('data', () => socket.end(answer));
    });
    const statuses: BrokerStatus[] = [];
    broker = createTestBroker(`amqp://127.0.0.1:${port}`, {
      handshakeTimeoutMs: 300,
      reconnect: { initialMs: 1, maxMs: 2 },
    });
    broker.status.subscribe((status) => statuses.push(status));
    await eventually('all answers are tried', () => answered >= answers.length + 2, 100_000);
    expect(statuses.map(({ state }) => state)).to.not.include('connected');
    expect(statuses.filter(({ state }) => state !== 'closed').at(-1)?.reason).to.be.a('string');
  });

  it('S12: that announces a frame of gigabytes is hung up on before it is sent', async () => {
    const sent: number[] = [];
    const port = await listen((socket) => {
      socket.once('data', () => {
        socket.write(frameHead(1, 0x7f_ff_ff_ff));
        const chunk = Buffer.alloc(64 * 1024);
        const index = sent.push(0) - 1;
        const more = (): void => {
          while (!socket.destroyed && socket.writable && (sent[index] ?? 0) < 64 * 2 ** 20) {
            sent[index] = (sent[index] ?? 0) + chunk.length;
            if (!socket.write(chunk)) return;
          }
        };
        socket.on('drain', more);
        more();
      });
    });
    const reasons = new Set<string>();
    broker = createTestBroker(`amqp://127.0.0.1:${port}`, { handshakeTimeoutMs: 5_000 });
    broker.status.subscribe(({ reason }) => reason !== undefined && reasons.add(reason));
    await eventually('it is told', () => reasons.size > 0);
    expect([...reasons].join()).to.match(/Frame size \d+ exceeds maxFrameSize 1048576/);
    // What buffers on both ends may have taken, and not what was announced.
    expect(Math.max(...sent)).to.be.lessThan(16 * 2 ** 20);
  });

  it('S12: or a line that changes bytes of what it says costs connections, and a sound one works', async function inItsTime() {
    this.timeout(120_000);
    const embedded = createEmbeddedBroker();
    const { url } = await embedded.start();
    const flips = fc.sample(fc.tuple(fc.integer({ min: 0, max: 700 }), fc.integer({ min: 1, max: 255 })), {
      numRuns: 60,
      seed: SEED,
    });
    let connections = 0;
    let isSound = false;
    const port = await listen((socket) => {
      const [position, mask] = (isSound ? undefined : flips[connections++ % flips.length]) ?? [-1, 0];
      const upstream = connectTcp(Number(new URL(url).port), '127.0.0.1');
      sockets.add(upstream);
      upstream.on('error', () => socket.destroy());
      upstream.on('close', () => {
        sockets.delete(upstream);
        socket.destroy();
      });
      socket.on('close', () => upstream.destroy());
      socket.pipe(upstream);
      let passed = 0;
      upstream.on('data', (bytes) => {
        const at = position - passed;
        if (at >= 0 && at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ mask;
        passed += bytes.length;
        socket.write(bytes);
      });
    });
    broker = createTestBroker(throughPort(url, port), {
      handshakeTimeoutMs: 200,
      rpcTimeoutMs: 100,
      confirmTimeoutMs: 200,
      reconnect: { initialMs: 1, maxMs: 2 },
    });
    const queue = uniqueName('queue');
    const topology = { exchanges: [], queues: [{ name: queue, arguments: {} }], bindings: [] };
    const work = async (): Promise<void> => {
      while (!isSound && broker !== undefined) {
        await done(broker.establish(topology, 'assert')).catch(() => {});
        await outcomeOf(broker.publish(message(queue, 'x')));
        // Whatever became of it: the next connection meets the next byte.
        for (const socket of sockets) socket.destroy();
      }
    };
    const working = work();
    await eventually('every byte was changed once', () => connections >= flips.length, 100_000);
    isSound = true;
    for (const socket of sockets) socket.destroy();
    await working;
    // The limits are short for the bytes before: a machine that stands still for a moment exceeds them on a sound line, too.
    const works = (command: Observable<never>) => async () => (await outcomeOf(command)) === undefined;
    await eventually('a sound one declares', works(broker.establish(topology, 'assert')));
    await eventually('a sound one takes a message', works(broker.publish(message(queue, 'sound'))));
    await done(broker.close({ withinMs: 500 }));
    broker = undefined;
    await embedded.stop();
  });
});
