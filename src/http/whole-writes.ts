/**
 * A request with a body as one write. undici writes head and body apart, and corks the socket meanwhile so that both leave in one system call;
 * a call of two pieces costs Node a quarter more than one of a text.
 */
import type { Writable } from 'node:stream';

/** Up to here Node writes a text without taking memory for it. */
const MOST_BYTES = 16_384;

/** From now on a text and the bytes behind it, written while the socket is corked, leave as one text of the same bytes. Whatever else is written leaves as ever. */
export function writeWhole(socket: Writable): void {
  const cork = socket.cork.bind(socket);
  const uncork = socket.uncork.bind(socket);
  const write = socket.write.bind(socket);
  let state: 'uncorked' | 'gathering' | 'corked' = 'uncorked';
  let head: string | undefined;

  const corkAfterAll = (): void => {
    state = 'corked';
    cork();
    if (head !== undefined) write(head, 'latin1');
    head = undefined;
  };

  const gather = (...args: Parameters<typeof write>): boolean => {
    if (state !== 'gathering') return write(...args);
    const chunk: unknown = args[0];
    const encoding: unknown = args[1];
    if (head === undefined && typeof chunk === 'string' && encoding === 'latin1') {
      head = chunk;
      return true;
    }
    if (head !== undefined && Buffer.isBuffer(chunk) && head.length + chunk.length <= MOST_BYTES) {
      // A character of Latin-1 is a byte, whatever the bytes mean.
      const whole = head + chunk.toString('latin1');
      head = undefined;
      state = 'uncorked';
      return write(whole, 'latin1');
    }
    corkAfterAll();
    return write(...args);
  };

  const begin = (): void => {
    if (state === 'uncorked') {
      state = 'gathering';
    } else {
      if (state === 'gathering') corkAfterAll();
      cork();
    }
  };

  const end = (): void => {
    if (head !== undefined) corkAfterAll();
    if (state === 'corked') uncork();
    if (socket.writableCorked === 0) state = 'uncorked';
  };

  for (const [name, value] of Object.entries({ cork: begin, uncork: end, write: gather }))
    Object.defineProperty(socket, name, { value, configurable: true, writable: true });
}
