/** The operators: turned away, given up, out of time, or too few. In dead letters with the stage `handle`. */
import { isTransient, messageOf, SluiceError } from './sluice-error.ts';

/**
 * Every attempt that was allowed failed; `cause` is the last error. As transient as its cause.
 * @remedy Look at the cause, which is in the dead letter too: the API was away for longer than all tries. When it works again, `sluice dlq retry`.
 */
export class RetryExhaustedError extends SluiceError {
  readonly code = 'ERR_RETRY_EXHAUSTED';
  override readonly isTransient: boolean;
  readonly attempts: number;

  /** `because`: why there is no further attempt, where it is not that all allowed ones were made. */
  constructor(attempts: number, options: { readonly cause: unknown; readonly because?: string }) {
    const made = `${attempts} attempt${attempts === 1 ? '' : 's'}`;
    const why = options.because === undefined ? '' : `, ${options.because}`;
    super(`gave up after ${made}${why}: ${messageOf(options.cause)}`, options);
    this.attempts = attempts;
    this.isTransient = isTransient(options.cause);
  }
}

/**
 * All slots and all queue slots are taken: nothing ran.
 * @remedy More calls come than the API's `concurrency` and `maxQueued` take: lower the pipeline's `concurrency`, or raise those where the API can
 * bear it.
 */
export class BulkheadRejectedError extends SluiceError {
  readonly code = 'ERR_BULKHEAD_REJECTED';
  override readonly isTransient = true;
}

/**
 * A circuit breaker did not let the call through: nothing ran.
 * @remedy The API fails; the breaker lets probes through by itself, and pipelines that need the API wait. Look at the API.
 */
export class CircuitOpenError extends SluiceError {
  readonly code = 'ERR_CIRCUIT_OPEN';
  override readonly isTransient = true;
  /** Moment on the clock of RxJS from which calls are let through again to probe; Infinity while the circuit is isolated by hand. */
  readonly retryAt: number;

  constructor(message: string, retryAt: number) {
    super(message);
    this.retryAt = retryAt;
  }
}

/**
 * Turned away here, because too few of the last calls were accepted there: nothing ran.
 * @remedy The API turns away too much: look at it. Calls are let through again as it accepts them.
 */
export class ThrottledError extends SluiceError {
  readonly code = 'ERR_THROTTLED';
  override readonly isTransient = true;
  /** Share of calls that was being turned away, 0 to 1. */
  readonly rejectRatio: number;

  constructor(message: string, rejectRatio: number) {
    super(message);
    this.rejectRatio = rejectRatio;
  }
}

/**
 * More wait for a rate limit than may, or it counts as many keys as it can: nothing ran.
 * @remedy More calls come than `rateLimit` lets through: lower the pipeline's `concurrency`, or raise the limit where the API allows it.
 */
export class RateLimitRejectedError extends SluiceError {
  readonly code = 'ERR_RATE_LIMIT_REJECTED';
  override readonly isTransient = true;
}

/**
 * Fewer branches succeeded than asked for. As transient as the most hopeful of its reasons.
 * @remedy `reasons` and the message name each branch that failed: look at those APIs, or ask for fewer by `atLeast`.
 */
export class GatherFailedError extends SluiceError {
  readonly code = 'ERR_GATHER_FAILED';
  override readonly isTransient: boolean;
  /** What became of the branches that failed, by name. */
  readonly reasons: Readonly<Record<string, Error>>;

  constructor(succeeded: number, atLeast: number, reasons: Readonly<Record<string, Error>>) {
    const failed = Object.entries(reasons).map(([branch, reason]) => `${branch}: ${reason.message}`);
    const why = failed.length === 0 ? 'there are no more' : failed.join('; ');
    super(`${succeeded} of at least ${atLeast} branches succeeded; ${why}`);
    this.reasons = reasons;
    this.isTransient = Object.values(reasons).some(isTransient);
  }
}

/**
 * A branch was still running when the gather's time ran out.
 * @remedy One branch is slow: look at its API, give it longer by `within`, or live without it (`optional`, `atLeast`).
 */
export class BranchTimeoutError extends SluiceError {
  readonly code = 'ERR_BRANCH_TIMEOUT';
  override readonly isTransient = true;
  readonly withinMs: number;

  constructor(withinMs: number) {
    super(`no value within ${withinMs} ms`);
    this.withinMs = withinMs;
  }
}

/**
 * The source had not ended when its time was over. What it began may still have its effect.
 * @remedy Look at what takes so long, or allow more; it may still have had its effect.
 */
export class TimeoutExceededError extends SluiceError {
  readonly code = 'ERR_TIMEOUT';
  override readonly isTransient = true;
  readonly withinMs: number;

  constructor(withinMs: number) {
    super(`not finished within ${withinMs} ms`);
    this.withinMs = withinMs;
  }
}

/**
 * The moment by which it had to be done has come: permanent, for another attempt would be later still.
 * @remedy The message was too old, or its time too short: look at the queue's length and the message's `expiration`. Given back by `sluice dlq
 * retry` it has no deadline any more.
 */
export class DeadlineExceededError extends SluiceError {
  readonly code = 'ERR_DEADLINE_EXCEEDED';
  /** On the clock of RxJS, `asyncScheduler.now()`: milliseconds since 1970 outside of virtual time. */
  readonly deadlineAt: number;

  constructor(deadlineAt: number) {
    super(`not finished by its deadline, ${deadlineAt}`);
    this.deadlineAt = deadlineAt;
  }
}

/**
 * A batcher holds as many items as it may: nothing was sent for this one.
 * @remedy More callers wait than `maxPending`: raise it, or make larger batches.
 */
export class BatchRejectedError extends SluiceError {
  readonly code = 'ERR_BATCH_REJECTED';
  override readonly isTransient = true;
}

/**
 * The answer to a batch cannot be shared out: it has not one result for each item.
 * @remedy The batch endpoint has to answer with one result for each item, in order: mend `request`.
 */
export class BatchMismatchError extends SluiceError {
  readonly code = 'ERR_BATCH_MISMATCH';
  readonly items: number;
  /** Undefined when the answer is no list. */
  readonly results: number | undefined;

  constructor(items: number, results: number | undefined) {
    super(`expected one result for each of ${items} items, got ${results === undefined ? 'no list' : results}`);
    this.items = items;
    this.results = results;
  }
}

/**
 * A branch or step ended without a value.
 * @remedy A branch or step has to emit a value: end it with one, or mark the branch `optional`.
 */
export class NoValueError extends SluiceError {
  readonly code = 'ERR_NO_VALUE';
}
