/** The operators: turned away, given up, out of time, or too few. */
import { isTransient, messageOf, SluiceError } from './sluice-error.ts';

/** Every attempt that was allowed failed; `cause` is the last error. As transient as its cause. */
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

/** All slots and all queue slots are taken: nothing ran. */
export class BulkheadRejectedError extends SluiceError {
  readonly code = 'ERR_BULKHEAD_REJECTED';
  override readonly isTransient = true;
}

/** A circuit breaker did not let the call through: nothing ran. */
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

/** Turned away here, because too few of the last calls were accepted there: nothing ran. */
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

/** More wait for a rate limit than may, or it counts as many keys as it can: nothing ran. */
export class RateLimitRejectedError extends SluiceError {
  readonly code = 'ERR_RATE_LIMIT_REJECTED';
  override readonly isTransient = true;
}

/** Fewer branches succeeded than asked for. As transient as the most hopeful of its reasons. */
export class GatherFailedError extends SluiceError {
  readonly code = 'ERR_GATHER_FAILED';
  override readonly isTransient: boolean;
  /** What became of the branches that failed, by name. */
  readonly reasons: Readonly<Record<string, Error>>;

  constructor(succeeded: number, atLeast: number, reasons: Readonly<Record<string, Error>>) {
    const failed = Object.entries(reasons).map(([branch, reason]) => `${branch}: ${reason.message}`);
    super(`${succeeded} of at least ${atLeast} branches succeeded; ${failed.join('; ')}`);
    this.reasons = reasons;
    this.isTransient = Object.values(reasons).some(isTransient);
  }
}

/** A branch was still running when the gather's time ran out. */
export class BranchTimeoutError extends SluiceError {
  readonly code = 'ERR_BRANCH_TIMEOUT';
  override readonly isTransient = true;
  readonly withinMs: number;

  constructor(withinMs: number) {
    super(`no value within ${withinMs} ms`);
    this.withinMs = withinMs;
  }
}

/** The source had not ended when its time was over. What it began may still have its effect. */
export class TimeoutExceededError extends SluiceError {
  readonly code = 'ERR_TIMEOUT';
  override readonly isTransient = true;
  readonly withinMs: number;

  constructor(withinMs: number) {
    super(`not finished within ${withinMs} ms`);
    this.withinMs = withinMs;
  }
}

/** The moment by which it had to be done has come: permanent, for another attempt would be later still. */
export class DeadlineExceededError extends SluiceError {
  readonly code = 'ERR_DEADLINE_EXCEEDED';
  /** On the clock of RxJS, `asyncScheduler.now()`: milliseconds since 1970 outside of virtual time. */
  readonly deadlineAt: number;

  constructor(deadlineAt: number) {
    super(`not finished by its deadline, ${deadlineAt}`);
    this.deadlineAt = deadlineAt;
  }
}

/** A batcher holds as many items as it may: nothing was sent for this one. */
export class BatchRejectedError extends SluiceError {
  readonly code = 'ERR_BATCH_REJECTED';
  override readonly isTransient = true;
}

/** The answer to a batch cannot be shared out: it has not one result for each item. */
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

/** A branch or step ended without a value. */
export class NoValueError extends SluiceError {
  readonly code = 'ERR_NO_VALUE';
}
