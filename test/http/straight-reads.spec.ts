import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { expect } from 'chai';
import fc from 'fast-check';
import sinon from 'sinon';
import { ONE_MEMORY, readStraight } from '../../src/http/straight-reads.ts';

/** A socket as far as reading goes, and a reader who takes what there is unless he is told to leave it. */
function socketWithReader() {
  const socket = new Readable({ read() {} });
  const got: Buffer[] = [];
  const reader = { isLeaving: false };
  const readAll = (): void => {
    for (let chunk: unknown = socket.read(); chunk !== null; chunk = socket.read()) got.push(chunk as Buffer);
  };
  const listen = (): unknown => socket.on('readable', () => !reader.isLeaving && readAll());
  return { socket, got, reader, readAll, listen };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('readStraight', () => {
  it('hands over what comes at once, as it came', () => {
    const { socket, got, listen } = socketWithReader();
    readStraight(socket);
    listen();
    const chunks = [Buffer.from('HTTP/1.1 200 OK'), Buffer.from('{}')];
    for (const chunk of chunks) expect(socket.push(chunk)).to.equal(true);
    expect(got).to.have.length(2);
    expect(got[0]).to.equal(chunks[0]);
    expect(got[1]).to.equal(chunks[1]);
  });

  it('asks the stream once while nothing goes into it', () => {
    const { socket, got, reader, readAll, listen } = socketWithReader();
    const read = sinon.spy(socket, 'read');
    readStraight(socket);
    listen();
    for (let n = 0; n < 3; n++) readAll();
    socket.push(Buffer.from('a'));
    readAll();
    const asked = read.callCount;
    reader.isLeaving = true;
    socket.push(Buffer.from('b'));
    readAll();
    socket.unshift(Buffer.from('c'));
    readAll();
    expect(asked).to.equal(1);
    expect(Buffer.concat(got).toString()).to.equal('abc');
  });

  it('tells of the end after what came before', async () => {
    const { socket, got, listen } = socketWithReader();
    readStraight(socket);
    listen();
    socket.push(Buffer.from('a'));
    socket.push(null);
    await new Promise((resolve) => socket.once('end', resolve));
    expect(Buffer.concat(got).toString()).to.equal('a');
  });

  it('holds back when a reader leaves more than the stream may hold', () => {
    const { socket, reader, listen } = socketWithReader();
    readStraight(socket);
    listen();
    reader.isLeaving = true;
    expect(socket.push(Buffer.alloc(socket.readableHighWaterMark))).to.equal(false);
  });

  it('loses nothing and keeps the order, whenever the reader comes, leaves and comes again', async () => {
    const step = fc.constantFrom('listen', 'leave', 'read', 'come back', 'turn', 'chunk', 'chunk', 'chunk');
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const { socket, got, reader, readAll, listen } = socketWithReader();
        readStraight(socket);
        let [sent, isListening] = [0, false];
        const begin = (): void => {
          if (!isListening) listen();
          isListening = true;
        };
        for (const each of steps) {
          if (each === 'listen') begin();
          else if (each === 'leave') reader.isLeaving = true;
          else if (each === 'come back') reader.isLeaving = false;
          else if (each === 'read') readAll();
          else if (each === 'turn') await turn();
          else socket.push(Buffer.from(`${++sent} `));
        }
        reader.isLeaving = false;
        begin();
        const ended = new Promise((resolve) => socket.once('end', resolve));
        socket.push(null);
        readAll();
        await ended;
        const expected = Array.from({ length: sent }, (_, n) => `${n + 1} `).join('');
        expect(Buffer.concat(got).toString()).to.equal(expected);
      }),
      { numRuns: 300 },
    );
  });
});

describe('sockets that receive into one memory', () => {
  it('keep what each has received, and tell of the end', async () => {
    const peers: Socket[] = [];
    const server = createServer((peer) => peers.push(peer));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const kept: Buffer[][] = [];
    const sockets: Socket[] = [];
    for (const _ of [1, 2]) {
      const accepted = once(server, 'connection');
      const socket = connect({ port, host: '127.0.0.1', onread: ONE_MEMORY });
      const got: Buffer[] = [];
      readStraight(socket);
      socket.on('readable', () => {
        for (let chunk: unknown = socket.read(); chunk !== null; chunk = socket.read()) got.push(chunk as Buffer);
      });
      await accepted;
      kept.push(got);
      sockets.push(socket);
    }
    // Larger than the memory, so that it is used again and again.
    const texts = ['a', 'b'].map((letter) => letter.repeat(200_000));
    const ended = sockets.map((socket) => once(socket, 'end'));
    for (const [n, peer] of peers.entries()) peer.end(texts[n] ?? '');
    await Promise.all(ended);
    expect(kept.map((chunks) => Buffer.concat(chunks).toString())).to.deep.equal(texts);
    server.close();
  });
});
