/** The connection of a command: given up when whoever typed it does, by each who opens one. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect } from 'chai';
import { openDeadLetters } from '../../../src/broker/amqp/open-dead-letters.ts';
import { openDeclarer } from '../../../src/broker/amqp/open-declarer.ts';
import { type OpenInspectionOptions, openInspection } from '../../../src/broker/amqp/open-inspection.ts';
import { createEmbeddedBroker } from '../../../src/broker/embedded/embedded-broker.ts';
import { queue } from '../../../src/broker/queue.ts';
import { sourceTopology } from '../../../src/broker/source-topology.ts';
import { BrokerUnavailableError } from '../../../src/errors.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';

const AN_HOUR_MS = 3_600_000;
const TOPOLOGY = sourceTopology(queue('unanswered'));

describe('the connection of a command', () => {
  for (const open of [openDeadLetters, openDeclarer, openInspection])
    it(`is not waited for, nor made elsewhere, once it is given up: ${open.name}`, async () => {
      const sockets: Socket[] = [];
      const silent = createServer((socket) => void sockets.push(socket.on('error', () => {})));
      await once(silent.listen(0, '127.0.0.1'), 'listening');
      try {
        const url = `amqp://127.0.0.1:${(silent.address() as AddressInfo).port}`;
        const given = new AbortController();
        silent.once('connection', () => given.abort());
        const failure: unknown = await open({
          urls: [url, url],
          signal: given.signal,
          random: () => 0.5,
          handshakeTimeoutMs: AN_HOUR_MS,
        }).catch((error: unknown) => error);
        expect(failure).to.be.instanceOf(BrokerUnavailableError);
        expect(sockets).to.have.length(1);
      } finally {
        for (const socket of sockets) socket.destroy();
        silent.close();
      }
    });

  describe('once it is made', () => {
    const broker = createEmbeddedBroker();
    let line: TcpProxy;
    let onQuestion = (): void => {};
    let url = '';
    before(async () => {
      ({ url } = await broker.start());
    });
    beforeEach(async () => {
      line = await startTcpProxy(Number(new URL(url).port), {
        beforeChunk: (chunk) => {
          if (!chunk.includes('unanswered')) return;
          line.freeze('both');
          onQuestion();
        },
      });
    });
    afterEach(() => line.stop());
    after(() => broker.stop());

    for (const [whose, ask] of [
      ['a declaration', async (options: OpenInspectionOptions) => (await openDeclarer(options)).declare(TOPOLOGY)],
      ['a look', async (options: OpenInspectionOptions) => (await openInspection(options)).queue('unanswered')],
    ] as const)
      it(`ends with what is asked on it, when that is given up: ${whose}`, async () => {
        const given = new AbortController();
        onQuestion = () => setImmediate(() => given.abort());
        const failure: unknown = await ask({
          urls: [`amqp://127.0.0.1:${line.port}`],
          signal: given.signal,
          heartbeatS: 600,
          rpcTimeoutMs: AN_HOUR_MS,
        }).catch((error: unknown) => error);
        expect(failure).to.be.instanceOf(BrokerUnavailableError);
      });
  });
});
