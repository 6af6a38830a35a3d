/**
 * One system call for all that is written in one turn of the event loop. amqplib writes each message and each ack by itself, and with a
 * hundred of them at a time those calls are most of what publishing and acking cost. A turn is one round through all sockets that have
 * something, so that what the answers of many APIs bring about leaves together.
 */
import type { Socket } from 'node:net';

/** What is written to a socket leaves at the end of the turn. */
export interface TurnWrites {
  /** Runs once, when the turn is over: what it writes leaves with the rest. Must not throw. */
  atEndOfTurn(work: () => void): void;
}

/** Holds writes back until the running turn is over, and no longer: the loop does not wait while something is held. */
export function batchWrites(socket: Socket): TurnWrites {
  const write = socket.write.bind(socket);
  let works: (() => void)[] = [];
  let isHeld = false;
  const release = (): void => {
    const due = works;
    works = [];
    for (const work of due) work();
    isHeld = false;
    socket.uncork();
  };
  const hold = (): void => {
    if (isHeld) return;
    isHeld = true;
    socket.cork();
    setImmediate(release);
  };
  const holdAndWrite = (...args: Parameters<typeof write>): boolean => {
    hold();
    return write(...args);
  };
  Object.defineProperty(socket, 'write', { value: holdAndWrite, configurable: true, writable: true });
  return {
    atEndOfTurn: (work) => {
      works.push(work);
      hold();
    },
  };
}

/** For a connection without a socket of its own to hold back. */
export const unbatched: TurnWrites = { atEndOfTurn: (work) => void setImmediate(work) };
