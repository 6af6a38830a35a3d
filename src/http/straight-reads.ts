/**
 * What a socket receives goes to its reader at once, in memory of its size. A stream lays it into a list first, tells its reader in a later tick, and puts
 * together what the reader asks for then; and a socket takes 64 KiB for each piece that comes, and gives back what is not needed. Where one piece comes at
 * a time and is read in full, as answers are, that is most of what reading costs.
 */
import type { OnReadOpts, Socket } from 'node:net';
import type { Readable } from 'node:stream';

/**
 * For `net.connect` and `tls.connect`. All sockets receive into the same memory, one after the other, and what has come is copied out of it before the next
 * does.
 */
export const ONE_MEMORY: OnReadOpts = {
  buffer: Buffer.allocUnsafeSlow(65_536),
  callback(this: Socket, bytes: number, memory: Uint8Array): boolean {
    return this.push(Buffer.from(memory.subarray(0, bytes)));
  },
};

/** From now on, for a reader that listens for `readable` and reads until there is nothing. What it leaves, or does not listen for yet, lies in the stream as ever. */
export function readStraight(socket: Readable): void {
  const push = socket.push.bind(socket);
  const read = socket.read.bind(socket);
  let arrived: unknown;
  /** The stream was asked and had nothing, and has not ended since. undici asks several times for each request. */
  let isKnownEmpty = false;

  const handOver: typeof push = (chunk, ...rest) => {
    if (!Buffer.isBuffer(chunk) || socket.readableLength > 0 || arrived !== undefined) {
      isKnownEmpty = false;
      return push(chunk, ...rest);
    }
    arrived = chunk;
    socket.emit('readable');
    if (arrived === undefined) return true;
    arrived = undefined;
    return push(chunk);
  };

  const take = (bytes?: number): unknown => {
    if (bytes !== undefined) return read(bytes);
    if (arrived === undefined) return ask();
    const chunk = arrived;
    arrived = undefined;
    return chunk;
  };

  const ask = (): unknown => {
    if (isKnownEmpty && socket.readableLength === 0) return null;
    const chunk: unknown = read();
    isKnownEmpty = chunk === null;
    return chunk;
  };

  for (const [name, value] of Object.entries({ push: handOver, read: take }))
    Object.defineProperty(socket, name, { value, configurable: true, writable: true });
}
