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
    const { atEndOfTurn } = batchWrites(socket);

    const cork = sinon.spy(socket, 'cork');
    const pieces = Array.from({ length: 100 }, (_, index) => `${index},`);
    for (const piece of pieces) socket.write(piece);
    // Held, every one of them, until this turn is over.
    expect(socket.writableCorked).to.equal(1);
    expect(socket.writableLength).to.equal(pieces.join('').length);
    await new Promise<void>((resolve) => socket.write('last', () => resolve()));
    expect(socket.writableCorked).to.equal(0);
    expect(cork.callCount).to.equal(1);
    await new Promise<void>((resolve) => socket.write('next turn', () => resolve()));
    expect(cork.callCount).to.equal(2);

    // Callbacks and promises of the same turn are part of it, and work for its end comes before what it has written leaves.
    const left = new Promise<void>((resolve) => {
      atEndOfTurn(() => socket.write('end,', () => resolve()));
    });
    process.nextTick(() => socket.write('tick,'));
    await Promise.resolve();
    socket.write('promise,');
    expect(socket.writableCorked).to.equal(1);
    await left;
    expect(cork.callCount).to.equal(3);

    socket.end('bye');
    await once(server.close(), 'close');
    expect(chunks.join('')).to.equal(`${pieces.join('')}lastnext turnpromise,tick,end,bye`);
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
