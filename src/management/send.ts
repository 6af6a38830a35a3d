/** Answers on their way out: whole ones at once, streams text by text, never faster than the asker reads. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { firstValueFrom, fromEvent, map, merge, type Observable, ReplaySubject, share, take, timer } from 'rxjs';
import type { Answer, StreamAnswer, WholeAnswer } from './route.ts';

/** What every answer says unless its route says otherwise: not to be kept, framed, sniffed at, or run. */
const GUARDS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

/** What a refused request may still send before its connection is cut, in bytes: enough for a client to come to read the answer. */
const MAX_IGNORED_BYTES = 16 * 1024 * 1024;

export const isWhole = (answer: Answer): answer is WholeAnswer => 'body' in answer;

export function sendWhole(request: IncomingMessage, response: ServerResponse, answer: WholeAnswer): void {
  const { status, contentType, body, headers } = answer;
  const isUnread = !request.complete;
  response.writeHead(status, {
    ...GUARDS,
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    ...(isUnread ? { connection: 'close' } : {}),
    ...headers,
  });
  response.end(request.method === 'HEAD' ? undefined : body);
  if (isUnread) ignoreRest(request);
}

function ignoreRest(request: IncomingMessage): void {
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.byteLength;
    if (bytes > MAX_IGNORED_BYTES) request.destroy();
  });
  request.on('error', () => {});
}

/**
 * Writes what the stream gives until it ends, the asker leaves or `closing` emits. Settles when there is nothing more to write; rejects
 * with what the stream throws. An asker who takes nothing for `stallMs` is cut off; one who is told nothing may wait for ever.
 */
export async function sendStream(
  request: IncomingMessage,
  response: ServerResponse,
  { contentType, headers, texts }: StreamAnswer,
  closing: Observable<unknown>,
  stallMs: number,
): Promise<void> {
  const gone = new ReplaySubject<void>(1);
  // An answer behind another on its connection is not told that it closes.
  merge(fromEvent(response, 'close'), closeOf(request.socket), closing)
    .pipe(
      take(1),
      map(() => undefined),
    )
    .subscribe(gone);
  const { socket } = response;
  try {
    socket?.setTimeout(0);
    response.writeHead(200, { ...GUARDS, 'content-type': contentType, ...headers });
    response.flushHeaders();
    for await (const text of texts(gone)) {
      if (!response.write(text) && !(await hasDrained(response, gone, stallMs))) return;
    }
    socket?.setTimeout(stallMs);
    response.end();
  } finally {
    if (!response.writableEnded) response.destroy();
  }
}

const closes = new WeakMap<Socket, Observable<unknown>>();

/** With one listener for all streams of a connection: Node warns of more than ten. */
function closeOf(socket: Socket): Observable<unknown> {
  const close = closes.get(socket) ?? fromEvent(socket, 'close').pipe(share());
  closes.set(socket, close);
  return close;
}

const hasDrained = (response: ServerResponse, gone: Observable<void>, stallMs: number): Promise<boolean> =>
  firstValueFrom(
    merge(
      fromEvent(response, 'drain').pipe(map(() => true)),
      gone.pipe(map(() => false)),
      timer(stallMs).pipe(map(() => false)),
    ),
  );
