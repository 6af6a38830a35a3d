/** What an API answers in a test: values for the symbols of its diagram, and failures for its `#`. */

import { ERROR_CODE_HEADER, transportErrorOf } from '../../http/classify.ts';
import type { TransportError, TransportResponse } from '../../http/transport.ts';
import { encodeBody } from '../../message/codec.ts';
import type { ApiRequest } from './request.ts';

export type AnswerHeaders = Readonly<Record<string, string>>;
/** A complete response, whatever its status. */
export interface Answer {
  readonly kind: 'answer';
  readonly status: number;
  /** A body, or a function that makes one of the request that is answered. */
  readonly body: unknown;
  readonly headers: AnswerHeaders;
}

/** No response: the connection fails. */
export interface ConnectionFailure {
  readonly kind: 'connectionFailure';
  readonly code: string;
}

type BodyMaker = (request: ApiRequest) => unknown;

/** A response with this status. The body goes out as JSON; a string or bytes as they are where `content-type` says so. */
export function status(code: number, body: BodyMaker, headers?: AnswerHeaders): Answer;
export function status(code: number, body?: unknown, headers?: AnswerHeaders): Answer;
export function status(code: number, body?: unknown, headers: AnswerHeaders = {}): Answer {
  return { kind: 'answer', status: code, body, headers };
}

/** A response with status 200. `ok((request) => …)` makes its body of the request. */
export function ok(body: BodyMaker, headers?: AnswerHeaders): Answer;
export function ok(body?: unknown, headers?: AnswerHeaders): Answer;
export function ok(body?: unknown, headers?: AnswerHeaders): Answer {
  return status(200, body, headers);
}

/** For `#`: a response whose status is an error. */
export function httpError(code: number, body: BodyMaker, headers?: AnswerHeaders): Answer;
export function httpError(code: number, body?: unknown, headers?: AnswerHeaders): Answer;
export function httpError(code: number, body?: unknown, headers?: AnswerHeaders): Answer {
  return status(code, body, headers);
}

/**
 * For `#`: a service gave the request up, and says by which error; with a status, as a problem of RFC 9457, it was that: `serviceError(undefined, 503)`.
 * Default: 422, as a request that it dead-lettered.
 */
export const serviceError = (errorCode?: string, code = 422): Answer =>
  status(code, undefined, errorCode === undefined ? {} : { [ERROR_CODE_HEADER]: errorCode });

/** For `#`: no response, the connection breaks. `ECONNREFUSED`, `ECONNRESET`, `ETIMEDOUT`, `ENOTFOUND` … */
export const networkError = (code: string): ConnectionFailure => ({ kind: 'connectionFailure', code });

const isKind = (value: unknown, kind: string): boolean =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === kind;

export const isAnswer = (value: unknown): value is Answer => isKind(value, 'answer');
export const isConnectionFailure = (value: unknown): value is ConnectionFailure => isKind(value, 'connectionFailure');

/** An answer's body, made for this request where a function makes it. @throws whatever that function throws. */
export const bodyOf = ({ body }: Answer, request: ApiRequest): unknown =>
  typeof body === 'function' ? (body as BodyMaker)(request) : body;

/** @throws whatever the function that makes the body throws. */
export function responseOf(answer: Answer, request: ApiRequest): TransportResponse {
  const { status: code, headers } = answer;
  const body = bodyOf(answer, request);
  const named = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  if (body === undefined) return { status: code, headers: named, body: new Uint8Array() };
  if (typeof body === 'string' && named['content-type'] !== undefined)
    return { status: code, headers: named, body: Buffer.from(body) };
  const encoded = encodeBody(body);
  return { status: code, headers: { 'content-type': encoded.contentType, ...named }, body: encoded.body };
}

export const failureOf = ({ code }: ConnectionFailure, host: string): TransportError =>
  transportErrorOf(Object.assign(new Error(`${code} in a marble test`), { code }), host);
