/** The answer to what never becomes a request of Fastify's, which knows nothing of it: written on its socket, or on node's own response. */
import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { GUARDS } from './guards.ts';
import { problemAnswer, type Refusal } from './problem.ts';

/** What never became a request, or not as a whole: too slow, too long, no HTTP. @returns the status; undefined where nobody is there to be told. */
export function refuseConnection(code: string, socket: Duplex): number | undefined {
  if (!socket.destroyed && socket.writable && code !== 'ECONNRESET') return writeTo(socket, refusalOfConnection(code));
  socket.destroy();
  return undefined;
}

/** CONNECT: node has taken its hands off the socket, and would close it without a word. */
export function refuseTunnel(socket: Duplex): number {
  // Whoever is gone meanwhile would end this process.
  socket.on('error', () => {});
  return writeTo(socket, { status: 501, code: 'method', detail: 'this is no proxy' });
}

/** `Expect` with anything but `100-continue`. */
export function refuseExpectation(response: ServerResponse): void {
  const { status, headers, text } = problemAnswer({
    status: 417,
    code: 'expectation',
    detail: 'nothing can be expected but 100-continue',
  });
  response.writeHead(status, { ...GUARDS, ...headers, ...endOf(text) });
  response.end(text);
}

/** What else was sent is not read. */
const endOf = (text: string): Readonly<Record<string, string | number>> => ({
  connection: 'close',
  'content-length': Buffer.byteLength(text),
});

function writeTo(socket: Duplex, refusal: Refusal): number {
  const { status, headers, text } = problemAnswer(refusal);
  const lines = Object.entries({ ...GUARDS, ...headers, ...endOf(text) }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  socket.end(`HTTP/1.1 ${status} Refused\r\n${lines.join('')}\r\n${text}`, () => socket.destroy());
  return status;
}

function refusalOfConnection(code: string): Refusal {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return { status: 408, code: 'too-slow', detail: 'the request did not arrive in time' };
  if (code === 'HPE_HEADER_OVERFLOW')
    return { status: 431, code: 'headers-too-large', detail: 'the headers are larger than they may be' };
  return { status: 400, code: 'no-http', detail: 'this is no request of HTTP' };
}
