/** The body of an action: JSON, small, and read only of those who may act. */
import type { IncomingMessage } from 'node:http';
import { refusal, type WholeAnswer } from './route.ts';

export const MAX_BODY_BYTES = 64 * 1024;

export type Body =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly refusal: WholeAnswer };

/** Rejects when the request breaks off. */
export async function readBody(request: IncomingMessage): Promise<Body> {
  const { 'content-length': length, 'content-type': type = 'application/json' } = request.headers;
  // A form of a foreign page cannot send this type without asking first.
  if (!/^application\/json *(;|$)/i.test(type))
    return { ok: false, refusal: refusal(415, 'expected content-type: application/json') };
  if (Number(length) > MAX_BODY_BYTES) return tooLarge;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    bytes += (chunk as Buffer).byteLength;
    if (bytes > MAX_BODY_BYTES) return tooLarge;
    chunks.push(chunk as Buffer);
  }
  if (bytes === 0) return { ok: true, value: undefined };
  try {
    return { ok: true, value: JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown };
  } catch {
    return { ok: false, refusal: refusal(400, 'the body is no JSON') };
  }
}

const tooLarge: Body = { ok: false, refusal: refusal(413, `a body may have ${MAX_BODY_BYTES} bytes`) };
