/** What a handle knows beside the message itself. */
import { asyncScheduler } from 'rxjs';
import type { ApiDefinitions, Apis, CallTargets } from '../http/call-target.ts';
import type { Journal } from '../journal/journal.ts';
import type { Logger } from '../log.ts';
import type { Headers } from '../message/delivery.ts';
import type { TraceContext } from '../tracing.ts';

/** The second argument of `handle`, of which it takes what it needs: `handle: (message, { apis, log, headers }) => …`. */
export interface Context<Definitions extends CallTargets = ApiDefinitions> {
  /** The pipeline's APIs and services, bound to this message: its correlation id, trace, deadline and idempotency keys go with every call. */
  readonly apis: Apis<Definitions>;
  /** Every line carries pipeline, message id, correlation id, trace id and attempt. */
  readonly log: Logger;
  /** The publisher's, or else `body-` and the `bodyHash`. */
  readonly messageId: string;
  /** Of the whole conversation: the publisher's, or else the message id. Results and calls carry it on. */
  readonly correlationId: string;
  /** W3C trace context of this message, for clients of your own; the `apis` hand it on by themselves. */
  readonly trace: TraceContext;
  /** This try of the message, counted from 1 over all its waits in the broker. */
  readonly attempt: number;
  /** Tries there can be: the first and one for each of the queue's retry delays. */
  readonly maxAttempts: number;
  /**
   * When this try's time is over, in milliseconds of the RxJS clock: the pipeline's `timeout`, or the message's own expiration where that comes first and
   * the handle does not mind it by itself, as a saga does.
   */
  readonly deadline: number;
  /** When the message is too late, in milliseconds of the RxJS clock. Undefined: it never is. */
  readonly expiresAt: number | undefined;
  /** Names the message's body as it came: 43 characters, the same for the same bytes. */
  readonly bodyHash: string;
  /** Headers of the message, by their names: own keys only. */
  readonly headers: Headers;
  /** Whether the broker says it handed this message over before. */
  readonly redelivered: boolean;
  /** Aborted when the handle is: for promises and clients that know nothing of unsubscribing. */
  readonly signal: AbortSignal;
  /** The worker's journal, where sagas write down what they did. */
  readonly journal: Journal;
}

/** Milliseconds of the RxJS clock: virtual inside a TestScheduler's run. */
export const clockNow = (): number => asyncScheduler.now();
