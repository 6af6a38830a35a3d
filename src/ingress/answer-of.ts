/** A pipeline's result becomes an HTTP answer: decoded, mapped by the author's `respond`, and cut to what the schema of its status names. */
import type { z } from 'zod';
import type { Reply } from '../broker/requests.ts';
import { parseNow } from '../message/parse-now.ts';
import { writeJson } from '../message/write-json.ts';
import type { Entrance } from './ingress.ts';
import { type Answer, problemAnswer } from './problem.ts';

/** Never throws: what goes wrong is told, and the client learns that the result cannot be shown, not why. */
export function answerOf({ ingress, form }: Entrance, reply: Reply, onError: (error: unknown) => void): Answer {
  try {
    const decoded = form.readResult(reply);
    if (!decoded.ok) throw decoded.error;
    const { status, body, headers = {} } = ingress.respond(decoded.value);
    if (!Number.isInteger(status) || status < 200 || status > 599)
      throw new RangeError(`respond: expected a status from 200 to 599, got ${String(status)}`);
    const schema = ingress.responses[String(status)];
    const shown = schema === undefined ? body : namedBy(schema, body, status);
    return {
      status,
      headers: { ...checked(headers), ...(shown === undefined ? {} : { 'content-type': 'application/json' }) },
      text: shown === undefined ? '' : jsonOf(shown),
    };
  } catch (error) {
    onError(error);
    return problemAnswer({
      status: 500,
      code: 'result-not-shown',
      detail: 'the message is done, but its result cannot be shown; the log says why',
    });
  }
}

/** @throws ZodError for what does not fit. */
function namedBy(schema: z.ZodType, body: unknown, status: number): unknown {
  const read = parseNow(schema, body, `the schema of responses.${status}`);
  if (!read.success) throw read.error;
  return read.data;
}

/** Codecs and `respond` may give what JSON would silently turn into something else. */
function jsonOf(value: unknown): string {
  const writing = writeJson(value);
  if (!writing.ok) throw new TypeError(`the result is no JSON: ${writing.message}`);
  return writing.text;
}

/** Names and values that HTTP can carry; those of the connection are the server's own. */
const NAME = /^[!#$%&'*+.^_`|~\w-]{1,100}$/;
const VALUE = /^[\x20-\x7e]{0,2000}$/;
const OF_THE_CONNECTION = /^(connection|content-length|transfer-encoding|keep-alive|upgrade|trailer|te)$/;

function checked(headers: Readonly<Record<string, string>>): Record<string, string> {
  const lower: Record<string, string> = {};
  for (const [given, value] of Object.entries(headers)) {
    const name = given.toLowerCase();
    if (!NAME.test(name) || OF_THE_CONNECTION.test(name) || !VALUE.test(value))
      throw new TypeError(`respond: header ${JSON.stringify(given)} cannot be sent`);
    lower[name] = value;
  }
  return lower;
}
