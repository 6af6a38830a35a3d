/**
 * An API as handles see it: cold Observables of answers, bound to the message they are made for.
 * Types only; `bound-api.ts` is one, `define-api.ts` makes the definition.
 */
import type { z } from 'zod';
import type { Duration } from '../policies/duration.ts';
import type { Call } from './cold-call.ts';

export type HttpMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** A value for a place in a path template or for a query parameter. */
export type ParameterValue = string | number | bigint | boolean;

export interface CallOptions {
  /**
   * Schema of the answer's body. An answer that does not fit fails with `ResponseInvalidError`.
   * Default: the body as `unknown`; JSON parsed, `text/*` a string, other types bytes, an empty one undefined.
   */
  readonly response?: z.ZodType;
  /** Values for `{name}` places of the path; each is encoded and stays within its segment. */
  readonly path?: Readonly<Record<string, ParameterValue>>;
  /** Query parameters; undefined leaves one out, an array repeats it. */
  readonly params?: Readonly<Record<string, ParameterValue | readonly ParameterValue[] | undefined>>;
  /**
   * Headers of this call, over the API's own. A value no header may hold fails the call: nothing is stripped. Refused are headers that belong to
   * the transport (Host, Content-Length, Connection …), to the API's `auth`, and those each call gets by itself: `x-correlation-id`
   * (percent-encoded where the id is not printable ASCII), `traceparent`, `x-timeout-ms` (milliseconds until this attempt is given up, by its
   * timeout or the message's deadline, whichever is sooner: an API need not go on after that), and `idempotency-key` on all but GET.
   */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * Whether the API may run this call twice at the same time without harm, so that the API's `hedge` may start a second try; both carry the same
   * idempotency key. Default: true for GET, false for the others.
   */
  readonly idempotent?: boolean;
  /** `false`: this call neither takes its answer from the API's `cache` nor leaves it there. Default: GET calls use it, where there is one. */
  readonly cache?: false;
  /** Time for the whole call: waiting, every attempt, every pause. Default: bounded by `timeout` and `retry` of the API. */
  readonly within?: Duration;
  /**
   * Names the effect, where neither message nor body does. Default: derived from message id, API, method, path, query and body, so that it is
   * the same for every attempt and every redelivery; give one where the body holds something made up on the spot (a time, a random id).
   *
   * Calls that are equal in all of that are told apart by the order in which the methods are called: two equal POSTs are two effects. So repeat a
   * call by subscribing to the same Observable again, or through the API's `retry`; calling the method again makes another effect.
   */
  readonly idempotencyKey?: string;
}

export interface WithResponse<Schema extends z.ZodType> extends CallOptions {
  readonly response: Schema;
}

/**
 * Each method makes a cold Observable of one answer: subscribing sends the request, unsubscribing aborts it. It is no promise, and whoever awaits it is
 * refused: in an async function it is `await firstValueFrom(apis.payment.post(…))`.
 *
 * Paths are templates relative to the base URL: `/orders/{id}` with `path: { id }`. Facts, metrics and errors name a call by its template, so
 * leave what comes from messages to `path` and `params`.
 *
 * A body is sent as JSON; what JSON cannot carry (BigInt, NaN, functions, circles) fails the call. With a content type in `headers`, a string or
 * bytes go out as they are. It is read at the first subscription and sent unchanged by every attempt.
 *
 * Errors: HttpStatusError, CallTimeoutError, NetworkError, ResponseInvalidError, ResponseTooLargeError, RequestInvalidError,
 * BulkheadRejectedError, RateLimitRejectedError, RetryExhaustedError around a transient one of these; CircuitOpenError and ThrottledError,
 * which are not retried here.
 */
export interface Api {
  get<Schema extends z.ZodType>(path: string, options: WithResponse<Schema>): Call<z.output<Schema>>;
  get(path: string, options?: CallOptions): Call<unknown>;
  post<Schema extends z.ZodType>(path: string, body: unknown, options: WithResponse<Schema>): Call<z.output<Schema>>;
  post(path: string, body?: unknown, options?: CallOptions): Call<unknown>;
  put<Schema extends z.ZodType>(path: string, body: unknown, options: WithResponse<Schema>): Call<z.output<Schema>>;
  put(path: string, body?: unknown, options?: CallOptions): Call<unknown>;
  patch<Schema extends z.ZodType>(path: string, body: unknown, options: WithResponse<Schema>): Call<z.output<Schema>>;
  patch(path: string, body?: unknown, options?: CallOptions): Call<unknown>;
  delete<Schema extends z.ZodType>(path: string, options: WithResponse<Schema>): Call<z.output<Schema>>;
  delete(path: string, options?: CallOptions): Call<unknown>;
}
