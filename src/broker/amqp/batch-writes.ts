/**
 * One system call for all that is written in one turn of the event loop. amqplib writes each message and each ack by itself,
 * and with a hundred of them at a time those calls are most of what publishing and acking cost.
 */
import type { Socket } from 'node:net';

/** Holds writes back until the running turn is over; nothing waits longer, so nothing is late. */
export function batchWrites(socket: Socket): void {
  const write = socket.write.bind(socket);
  let isHeld = false;
  const release = (): void => {
    isHeld = false;
    socket.uncork();
  };
  const holdAndWrite = (...args: Parameters<typeof write>): boolean => {
    if (!isHeld) {
      isHeld = true;
      socket.cork();
      process.nextTick(release);
    }
    return write(...args);
  };
  Object.defineProperty(socket, 'write', { value: holdAndWrite, configurable: true, writable: true });
}
