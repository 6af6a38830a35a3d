/** A pipeline's result becomes an HTTP answer: decoded, mapped by the author's `respond`, and cut to what the schema of its status names. */
import type { Reply } from '../broker/requests.ts';
import { decodeBody } from '../message/codec.ts';
import type { Entrance } from './ingress.ts';
import { type Answer, problemAnswer } from './problem.ts';

/** A worker's own result is trusted to be of a size; this is far above what fits a message by default. */
const MAX_RESULT_BYTES = 16 * 2 ** 20;

/** Never throws: what goes wrong is told, and the client learns that the result cannot be shown, not why. */
export function answerOf({ ingress }: Entrance, reply: Reply, onError: (error: unknown) => void): Answer {
  try {
    const decoded = decodeBody(reply.body, reply.properties, { maxBytes: MAX_RESULT_BYTES });
    if (!decoded.ok) throw decoded.error;
    const { status, body, headers = {} } = ingress.respond(decoded.value);
    if (!Number.isInteger(status) || status < 200 || status > 599)
      throw new RangeError(`respond: expected a status from 200 to 599, got ${String(status)}`);
    const schema = ingress.responses[String(status)];
    const shown = schema === undefined ? body : schema.parse(body);
    return {
      status,
      headers: { ...checked(headers), ...(shown === undefined ? {} : { 'content-type': 'application/json' }) },
      text: shown === undefined ? '' : JSON.stringify(shown),
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
