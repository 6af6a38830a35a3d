/** The connection of a command: given up when whoever typed it does, by each who opens one. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect } from 'chai';
import { openDeadLetters } from '../../../src/broker/amqp/open-dead-letters.ts';
import { openDeclarer } from '../../../src/broker/amqp/open-declarer.ts';
import { openInspection } from '../../../src/broker/amqp/open-inspection.ts';
import { BrokerUnavailableError } from '../../../src/errors.ts';

const AN_HOUR_MS = 3_600_000;

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
});
