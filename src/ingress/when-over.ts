/**
 * When a request is over: its answer has gone, or nobody is there to take it. Node tells an answer that its connection has closed only where it
 * stands first; of requests that are sent one behind another without a wait (pipelining) all others were never over, and kept their places.
 */
import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** What is to be done when the connection closes, for answers that have not gone. */
const pending = new WeakMap<Duplex, Set<() => void>>();

/** Calls back once: the socket is that of the request, since an answer has one only when its turn has come. */
export function whenOver(response: ServerResponse, socket: Duplex, callBack: () => void): void {
  const ofSocket = pending.get(socket) ?? watched(socket);
  const over = (): void => {
    if (ofSocket.delete(over)) callBack();
  };
  ofSocket.add(over);
  response.once('close', over);
}

/** Whether a request on it is not over. */
export const isUnderWay = (socket: Duplex): boolean => (pending.get(socket)?.size ?? 0) > 0;

function watched(socket: Duplex): Set<() => void> {
  const ofSocket = new Set<() => void>();
  pending.set(socket, ofSocket);
  socket.once('close', () => {
    for (const over of ofSocket) over();
  });
  return ofSocket;
}
