/**
 * The connections of the front door, for its end. A server of Node's that closes drops its time limits for requests, and closes of the connections
 * those alone that were answered and say nothing more: one that never sent anything, or a part of a request, would keep it from its end.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { merge, type Observable, Subject, tap, timer } from 'rxjs';

/** So long what was on its way when the door closed is waited for, on a connection that has sent nothing yet. */
const UNUSED_MS = 1_000;
/** Between two looks. */
const LOOK_EVERY_MS = 1_000;

class RequestTimeout extends Error {
  override readonly name = 'RequestTimeout';
  readonly code = 'ERR_HTTP_REQUEST_TIMEOUT';
}

const latest = new WeakMap<Socket, IncomingMessage>();

/** Whether no other stands behind it on its connection, so that this may end with its answer. */
export const isLatest = (request: IncomingMessage): boolean => latest.get(request.socket) === request;

export class Connections {
  readonly #server: Server;
  /** With the requests whose answers have not gone. */
  readonly #open = new Map<Socket, Set<{ readonly request: IncomingMessage; readonly response: ServerResponse }>>();
  /** Emits those that have all their answers. */
  readonly #answered = new Subject<Socket>();

  /** Has to see a server before it listens. */
  constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      this.#open.set(socket, new Set());
      socket.once('close', () => this.#open.delete(socket));
    });
    // Before whoever answers it at once.
    server.prependListener('request', (request, response) => {
      latest.set(request.socket, request);
      const underWay = this.#open.get(request.socket);
      const exchange = { request, response };
      underWay?.add(exchange);
      response.once('close', () => {
        underWay?.delete(exchange);
        if (underWay?.size === 0) this.#answered.next(request.socket);
      });
    });
  }

  /** Closes, while it is subscribed to, those that have sent nothing or have all their answers, and refuses whose request does not come as a whole in time: counted from now. */
  endUnasked(requestTimeoutMs: number): Observable<unknown> {
    const unusedMs = Math.min(UNUSED_MS, requestTimeoutMs);
    return merge(
      // Of what was answered before, behind what is answered now, the answer does not say so.
      this.#answered.pipe(tap((socket) => socket.destroySoon())),
      timer(unusedMs, LOOK_EVERY_MS).pipe(tap(() => this.#endUnused())),
      timer(requestTimeoutMs, LOOK_EVERY_MS).pipe(tap(() => this.#refuseLate())),
    );
  }

  #endUnused(): void {
    for (const socket of this.#open.keys()) if (socket.bytesRead === 0) socket.destroy();
  }

  #refuseLate(): void {
    for (const [socket, underWay] of this.#open) {
      // Who has an answer coming to him keeps his connection, whatever stands behind that: with the answer it ends.
      const isAnswered = [...underWay].some(({ request, response }) => request.complete || response.headersSent);
      // As Node tells of one while the server is open, so that one place refuses both.
      if (!isAnswered) this.#server.emit('clientError', new RequestTimeout(), socket);
    }
  }
}
