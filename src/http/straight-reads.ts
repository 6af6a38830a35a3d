/**
 * What a socket receives goes to its reader at once. A stream lays it into a list first, tells its reader in a later tick, and puts together what the
 * reader asks for then; where one piece comes at a time and is read in full, as answers are, that is nearly all that reading costs.
 */
import type { Readable } from 'node:stream';

/** From now on, for a reader that listens for `readable` and reads until there is nothing. What it leaves, or does not listen for yet, lies in the stream as ever. */
export function readStraight(socket: Readable): void {
  const push = socket.push.bind(socket);
  const read = socket.read.bind(socket);
  let arrived: unknown;

  const handOver: typeof push = (chunk, ...rest) => {
    if (!Buffer.isBuffer(chunk) || socket.readableLength > 0 || arrived !== undefined) return push(chunk, ...rest);
    arrived = chunk;
    socket.emit('readable');
    if (arrived === undefined) return true;
    arrived = undefined;
    return push(chunk);
  };

  const take = (bytes?: number): unknown => {
    if (arrived === undefined || bytes !== undefined) return read(bytes);
    const chunk = arrived;
    arrived = undefined;
    return chunk;
  };

  for (const [name, value] of Object.entries({ push: handOver, read: take }))
    Object.defineProperty(socket, name, { value, configurable: true, writable: true });
}
