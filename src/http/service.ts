/**
 * A service as handles see it: cold Observables of answers, bound to the message they are made for.
 * Types only; `bound-service.ts` is one, `define-service.ts` makes the definition.
 */
import type { z } from 'zod';
import type { Duration } from '../policies/duration.ts';
import type { Call } from './cold-call.ts';
import type { ServiceOperation, ServiceOperations } from './service-options.ts';

export interface AskOptions {
  /** Time for the whole call: waiting, every attempt, every pause. Default: bounded by `timeout` and `retry` of the service. */
  readonly within?: Duration;
  /**
   * Names the effect, where neither message nor request does. Default: derived from message id, service, operation and request, so that it is the same
   * for every attempt and every redelivery; equal requests of one message are told apart by the order in which they are made.
   */
  readonly idempotencyKey?: string;
}

/** What an operation answers: `unknown` where its definition has no schema for it. */
export type AnswerOf<Operation extends ServiceOperation> = Operation extends {
  readonly answer: infer Schema extends z.ZodType;
}
  ? z.output<Schema>
  : unknown;

/**
 * `ask` makes a cold Observable of one answer: subscribing sends the request, unsubscribing ends the waiting; a request that nobody has taken by
 * then expires with its attempt. It is no promise, and whoever awaits it is refused: `await firstValueFrom(apis.rates.ask(…))`.
 *
 * Each attempt is a message of its own, with a correlation id of its own and the call's idempotency key for a message id, so that a service that
 * keeps to message ids does it once. An answer to an attempt that was given up is dropped.
 *
 * Errors: ServiceFailedError, CallTimeoutError, NetworkError, ResponseInvalidError, ResponseTooLargeError, RequestInvalidError,
 * BulkheadRejectedError, RateLimitRejectedError, RetryExhaustedError around a transient one of these; CircuitOpenError and ThrottledError,
 * which are not retried here.
 */
export interface Service<Operations extends ServiceOperations = ServiceOperations> {
  ask<Name extends keyof Operations & string>(
    operation: Name,
    request: z.input<Operations[Name]['request']>,
    options?: AskOptions,
  ): Call<AnswerOf<Operations[Name]>>;
}
