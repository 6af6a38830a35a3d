import { Writable } from 'node:stream';
import { expect } from 'chai';
import fc from 'fast-check';
import { writeWhole } from '../../src/http/whole-writes.ts';

/** A socket as far as writing goes: what left, and in how many pieces. */
function recordingSocket() {
  const pieces: Buffer[] = [];
  const take = (chunk: string | Buffer, encoding: BufferEncoding): void => {
    pieces.push(typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk);
  };
  const socket = new Writable({
    decodeStrings: false,
    write: (chunk: string | Buffer, encoding, done) => {
      take(chunk, encoding);
      done();
    },
    writev: (chunks, done) => {
      for (const { chunk, encoding } of chunks as readonly { chunk: string | Buffer; encoding: BufferEncoding }[])
        take(chunk, encoding);
      done();
    },
  });
  return { socket, pieces, bytes: () => Buffer.concat(pieces) };
}

/** As undici writes it. */
function sendRequest(socket: Writable, head: string, body: Uint8Array): void {
  socket.cork();
  socket.write(head, 'latin1');
  socket.write(body);
  socket.uncork();
}

const HEAD = 'POST /charge HTTP/1.1\r\nx-name: J\xfcrgen\r\n\r\n';

describe('writeWhole', () => {
  it('lets head and body of a request leave in one piece', () => {
    const { socket, pieces } = recordingSocket();
    writeWhole(socket);
    const body = Buffer.from('{"name":"Jürgen"}');
    sendRequest(socket, HEAD, body);
    sendRequest(socket, HEAD, body);
    const request = Buffer.concat([Buffer.from(HEAD, 'latin1'), body]);
    expect(pieces).to.deep.equal([request, request]);
  });

  it('lets a large body leave in a piece of its own, not copied', () => {
    const { socket, pieces } = recordingSocket();
    writeWhole(socket);
    const body = Buffer.alloc(16_384);
    sendRequest(socket, HEAD, body);
    expect(pieces).to.have.length(2);
    expect(pieces[1]).to.equal(body);
  });

  it('changes no byte of what is written, and none of their order, however it is written', () => {
    const text = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) });
    const bytes = fc.uint8Array({ maxLength: 20 });
    const large = fc.constant(new Uint8Array(17_000).fill(7));
    const step = fc.oneof(
      fc.constantFrom('cork' as const, 'uncork' as const),
      text,
      bytes,
      bytes.map((each) => Buffer.from(each)),
      large.map((each) => Buffer.from(each)),
    );
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const [plain, whole] = [recordingSocket(), recordingSocket()];
        writeWhole(whole.socket);
        for (const { socket } of [plain, whole]) {
          for (const each of steps) {
            if (each === 'cork') socket.cork();
            else if (each === 'uncork') socket.uncork();
            else if (typeof each === 'string') socket.write(each, 'latin1');
            else socket.write(each);
          }
          for (let n = 0; n <= steps.length; n++) socket.uncork();
        }
        expect(whole.bytes()).to.deep.equal(plain.bytes());
      }),
    );
  });
});
