/** The answer to what never became a request, written on its socket: Fastify knows nothing of it. */
import type { Socket } from 'node:net';
import { PROBLEM_TYPE, problemAnswer, type Refusal } from './problem.ts';

/** What never became a request: too slow, too long, no HTTP. */
export function refuseConnection(code: string, socket: Socket): void {
  if (socket.destroyed || !socket.writable || code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const { status, text } = problemAnswer(refusalOfConnection(code));
  const head = `HTTP/1.1 ${status} Refused\r\nconnection: close\r\ncontent-type: ${PROBLEM_TYPE}\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n`;
  socket.end(head + text, () => socket.destroy());
}

function refusalOfConnection(code: string): Refusal {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return { status: 408, code: 'too-slow', detail: 'the request did not arrive in time' };
  if (code === 'HPE_HEADER_OVERFLOW')
    return { status: 431, code: 'headers-too-large', detail: 'the headers are larger than they may be' };
  return { status: 400, code: 'no-http', detail: 'this is no request of HTTP' };
}
