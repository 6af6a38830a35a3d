/** Bytes in and out of a sample API: a bounded body, and the ways an answer leaves, the broken ones included. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer } from './operation.ts';

const MAX_BODY_BYTES = 2 ** 20;

export class BodyTooLargeError extends Error {
  override readonly name = 'BodyTooLargeError';
}

/** @throws BodyTooLargeError over 1 MiB, as soon as it is seen. */
export function readBody(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_BODY_BYTES) reject(new BodyTooLargeError(`body exceeds ${MAX_BODY_BYTES} bytes`));
      else chunks.push(chunk);
    });
    request.once('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    request.once('error', reject);
  });
}

export function sendText(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    ...headers,
  });
  response.end(text);
}

export function sendJson(
  response: ServerResponse,
  { status, body }: Answer,
  headers?: Readonly<Record<string, string>>,
): void {
  sendText(response, status, JSON.stringify(body), headers);
}

/** The whole answer, a byte at a time. */
export function sendDrip(response: ServerResponse, { status, body }: Answer, everyMs: number): void {
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'content-length': bytes.length });
  response.flushHeaders();
  let sent = 0;
  const timer = setInterval(() => {
    response.write(bytes.subarray(sent, sent + 1));
    sent += 1;
    if (sent < bytes.length) return;
    clearInterval(timer);
    response.end();
  }, everyMs);
  response.once('close', () => clearInterval(timer));
}

/** RST, not FIN: the client sees ECONNRESET. */
export function reset(request: IncomingMessage): void {
  request.socket.resetAndDestroy();
}
