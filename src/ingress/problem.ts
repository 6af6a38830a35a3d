/**
 * Answers that say what is wrong, as problem details.
 * @see https://www.rfc-editor.org/rfc/rfc9457
 */
import { STATUS_CODES } from 'node:http';

/** Why a request is refused. */
export interface Refusal {
  readonly status: number;
  /** Stable: the last part of the problem's type. */
  readonly code: string;
  /** For people. Never holds what was sent. */
  readonly detail: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** What is wrong with the body, part by part. */
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
}

export const PROBLEM_TYPE = 'application/problem+json';

/** A full answer: status, headers in lower case, and the text of the body. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

export function problemAnswer({ status, code, detail, headers, errors }: Refusal): Answer {
  const problem = {
    type: `urn:sluice:problem:${code}`,
    title: STATUS_CODES[status] ?? 'Refused',
    status,
    detail,
    ...(errors === undefined ? {} : { errors }),
  };
  return { status, headers: { 'content-type': PROBLEM_TYPE, ...headers }, text: JSON.stringify(problem) };
}

export const jsonAnswer = (status: number, body: unknown, headers: Answer['headers'] = {}): Answer => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  text: JSON.stringify(body),
});

/** Nothing was done, and nothing is wrong with the request: it may be sent again. */
export const comeAgain = (code: string, detail: string, seconds = 5): Refusal => ({
  status: 503,
  code,
  detail,
  headers: { 'retry-after': String(seconds) },
});

export const failed: Refusal = { status: 500, code: 'failed', detail: 'this went wrong; the log says why' };
