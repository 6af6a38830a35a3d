import { once } from 'node:events';
import { connect, createServer, Socket } from 'node:net';
import { expect } from 'chai';
import sinon from 'sinon';
import { readEndpoint } from '../../../src/broker/amqp/address.ts';
import { batchWrites } from '../../../src/broker/amqp/batch-writes.ts';
import { dial } from '../../../src/broker/amqp/link.ts';
import { describeWithRabbitMq } from '../../support/rabbitmq.ts';

describe('batchWrites', () => {
  it('sends what one turn writes in one piece, in order, and each turn by itself', async () => {
    const chunks: string[] = [];
    const server = createServer((socket) => socket.on('data', (chunk) => chunks.push(chunk.toString())));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const socket = connect(typeof address === 'object' && address !== null ? address.port : 0, '127.0.0.1');
    await once(socket, 'connect');
    socket.setNoDelay(true);
    batchWrites(socket);

    for (let index = 0; index < 100; index++) socket.write(`${index},`);
    expect(socket.writableCorked).to.equal(1);
    const last = new Promise<void>((resolve) => socket.write('end', () => resolve()));
    await last;
    expect(socket.writableCorked).to.equal(0);
    socket.end('bye');
    await once(server.close(), 'close');
    expect(chunks[0]).to.equal(`${Array.from({ length: 100 }, (_, index) => `${index},`).join('')}end`);
    expect(chunks.join('').endsWith('endbye')).to.equal(true);
  });
});

describeWithRabbitMq('a link', (rabbit) => {
  it('batches what amqplib writes to its socket', async () => {
    const cork = sinon.spy(Socket.prototype, 'cork');
    const link = await dial({
      endpoint: readEndpoint(rabbit().url, 10),
      name: 'test',
      tls: {},
      auth: 'plain',
      handshakeTimeoutMs: 5_000,
      rpcTimeoutMs: 5_000,
      onBlocked: () => {},
      onDefect: () => {},
      signal: new AbortController().signal,
    });
    cork.resetHistory();
    const channel = await link.model.createChannel();
    expect(cork.callCount).to.be.greaterThan(0);
    await channel.close();
    await link.close(1_000);
    sinon.restore();
  });
});
