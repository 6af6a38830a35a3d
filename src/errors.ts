/**
 * Every error sluice raises, one class for each thing a caller may do differently about it.
 * Each carries a stable `code`, its facts as fields, and whether its cause is worth another attempt:
 * that is decided here and in the place where the error arises, nowhere else.
 */

export interface SluiceErrorOptions {
  readonly cause?: unknown;
}

/** Base of all errors of sluice. */
export abstract class SluiceError extends Error {
  /** Stable across releases; dead letters, logs and metrics carry it. */
  abstract readonly code: string;
  /** Whether another attempt may succeed: transient errors are retried, permanent ones are dead-lettered. */
  readonly isTransient: boolean = false;
  /** What a person needs beside the message to act on it; dead letters carry it. */
  declare readonly details?: string;

  constructor(message: string, options: SluiceErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = new.target.name;
  }
}

/**
 * Whether a cause is worth another attempt. True only for an error that says so itself, through an own or inherited
 * `isTransient: true`; whatever else is thrown (a TypeError, a string, undefined) is a mistake of the program: permanent.
 */
export function isTransient(cause: unknown): boolean {
  try {
    return typeof cause === 'object' && cause !== null && 'isTransient' in cause && cause.isTransient === true;
  } catch {
    // A getter or a proxy that throws: what is asked about is thrown by anybody.
    return false;
  }
}

/** The stable code of an error, `ERR_HANDLE_FAILED` for anything that has none of ours. */
export function codeOf(cause: unknown): string {
  try {
    return cause instanceof SluiceError ? cause.code : 'ERR_HANDLE_FAILED';
  } catch {
    return 'ERR_HANDLE_FAILED';
  }
}

/** What an error of ours tells beside its message. */
export function detailsOf(error: unknown): string | undefined {
  try {
    return error instanceof SluiceError ? error.details : undefined;
  } catch {
    return undefined;
  }
}

/** The cause of an error, undefined where it has none or cannot be read. */
export function causeOf(error: unknown): unknown {
  try {
    return error instanceof Error ? error.cause : undefined;
  } catch {
    return undefined;
  }
}

/** Longest text of an error that is passed on, in characters: some hold a whole answer, and each goes into logs, facts and journals. */
const MAX_MESSAGE_LENGTH = 4_000;

/** The text of whatever was thrown: a string, never empty, whatever it is; of a long one its beginning. */
export function messageOf(cause: unknown): string {
  const text = textOf(cause);
  return text.length > MAX_MESSAGE_LENGTH
    ? `${text.slice(0, MAX_MESSAGE_LENGTH)}… (${text.length} characters in all)`
    : text;
}

function textOf(cause: unknown): string {
  try {
    if (cause instanceof Error) return String(cause.message || cause.name || 'an error without a message');
    return typeof cause === 'string' && cause !== '' ? cause : `thrown value: ${String(cause)}`;
  } catch {
    return 'a thrown value that cannot be read';
  }
}

// ---- for authors: say yourself what a failure is worth

/** Thrown by a handle for a cause that may pass: the message is retried later. */
export class TransientError extends SluiceError {
  readonly code = 'ERR_TRANSIENT';
  override readonly isTransient = true;
}

/** Thrown by a handle for a cause that will not pass: the message is dead-lettered at once. */
export class PermanentError extends SluiceError {
  readonly code = 'ERR_PERMANENT';
}

// ---- definitions and configuration: found before the first message

/** One mistake in a definition or in the configuration. */
export interface Problem {
  /** What is wrong where: `pipeline "orders"`, `api "payment"`, `environment`. */
  readonly subject: string;
  /** Path inside the subject, `retry.maxAttempts`; empty for the subject as a whole. */
  readonly path: string;
  /** What was found and what is allowed. */
  readonly message: string;
}

export function describeProblem({ subject, path, message }: Problem): string {
  return path === '' ? `${subject}: ${message}` : `${subject}: ${path}: ${message}`;
}

/** A pipeline, API, queue or saga is defined wrongly. All its mistakes at once, in `problems`. */
export class DefinitionError extends SluiceError {
  readonly code = 'ERR_DEFINITION_INVALID';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[], options?: SluiceErrorOptions) {
    super(problems.map(describeProblem).join('\n'), options);
    this.problems = problems;
  }
}

/** The environment lacks a value or holds a wrong one. All mistakes at once, in `problems`. */
export class ConfigError extends SluiceError {
  readonly code = 'ERR_CONFIG_INVALID';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[], options?: SluiceErrorOptions) {
    super(problems.map(describeProblem).join('\n'), options);
    this.problems = problems;
  }
}

// ---- messages in, results out

export type PayloadFault =
  | 'empty'
  | 'size'
  | 'headers'
  | 'encoding'
  | 'content-type'
  | 'parse'
  | 'depth'
  | 'number'
  | 'schema'
  | 'key'
  | 'reply-to';

/** A message that can never be handled as it is: dead-lettered with this reason, nothing is called. */
export class PayloadInvalidError extends SluiceError {
  readonly code = 'ERR_PAYLOAD_INVALID';
  readonly fault: PayloadFault;

  constructor(fault: PayloadFault, message: string, options?: SluiceErrorOptions) {
    super(message, options);
    this.fault = fault;
  }
}

/** A message whose key was used by another one, with another body: which of the two is meant, nobody here can say. */
export class MessageConflictError extends SluiceError {
  readonly code = 'ERR_MESSAGE_CONFLICT';

  constructor(messageId: string) {
    super(
      `message ${JSON.stringify(messageId)} has the key of one that is done, and another body; keys must not be reused`,
    );
  }
}

/** A result that cannot be sent: not serialisable, too large, or with a routing key AMQP does not allow. */
export class ResultInvalidError extends SluiceError {
  readonly code = 'ERR_RESULT_INVALID';
}

/** A handle did not finish within the pipeline's `timeout`. */
export class HandleTimeoutError extends SluiceError {
  readonly code = 'ERR_HANDLE_TIMEOUT';
  override readonly isTransient = true;
  readonly timeoutMs: number;

  constructor(timeoutMs: number) {
    super(`the handle did not finish within ${timeoutMs} ms`);
    this.timeoutMs = timeoutMs;
  }
}

// ---- broker

/** No connection, or it went away before the answer came. */
export class BrokerUnavailableError extends SluiceError {
  readonly code = 'ERR_BROKER_UNAVAILABLE';
  override readonly isTransient = true;
}

/** The broker refuses what the worker needs: a queue with other arguments, a missing exchange, a missing permission. */
export class TopologyError extends SluiceError {
  readonly code = 'ERR_TOPOLOGY';
}

/** The broker said no to a publish (`basic.nack`): a queue is full or lost its leader. */
export class PublishNackedError extends SluiceError {
  readonly code = 'ERR_PUBLISH_NACKED';
  override readonly isTransient = true;
}

/** The channel or the time ran out before the confirm: the message may or may not be stored. Publish again with the same message id. */
export class PublishUnknownError extends SluiceError {
  readonly code = 'ERR_PUBLISH_UNKNOWN';
  override readonly isTransient = true;
}

/** The exchange took the message, but no queue is bound for its routing key. */
export class UnroutableError extends SluiceError {
  readonly code = 'ERR_UNROUTABLE';
  override readonly isTransient = true;
  readonly exchange: string;
  readonly routingKey: string;

  constructor(exchange: string, routingKey: string) {
    super(
      exchange === ''
        ? `queue "${routingKey}" does not exist`
        : `exchange "${exchange}" has no queue bound for routing key "${routingKey}"`,
    );
    this.exchange = exchange;
    this.routingKey = routingKey;
  }
}

// ---- calls

interface CallFacts {
  readonly api: string;
  /** `POST /charge`: method and path template. */
  readonly operation: string;
}

abstract class CallError extends SluiceError {
  readonly api: string;
  readonly operation: string;

  constructor({ api, operation }: CallFacts, message: string, options?: SluiceErrorOptions) {
    super(`${api} ${operation}: ${message}`, options);
    this.api = api;
    this.operation = operation;
  }
}

/** Statuses worth another attempt: request timeout, too early, too many requests, and the server's own failures. */
const isTransientStatus = (status: number): boolean =>
  status === 408 || status === 425 || status === 429 || (status >= 500 && status !== 501 && status !== 505);

/** The API answered, with a status outside 2xx. */
export class HttpStatusError extends CallError {
  readonly code = 'ERR_HTTP_STATUS';
  override readonly isTransient: boolean;
  readonly status: number;
  /** Pause the API asked for (`Retry-After`), in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(call: CallFacts, status: number, retryAfterMs?: number) {
    super(call, `answered ${status}`);
    this.status = status;
    this.retryAfterMs = retryAfterMs;
    this.isTransient = isTransientStatus(status);
  }
}

/** The call did not end in time: waiting for a slot, connecting and the whole body included. The API may have acted. */
export class CallTimeoutError extends CallError {
  readonly code = 'ERR_CALL_TIMEOUT';
  override readonly isTransient = true;
  readonly timeoutMs: number;

  constructor(call: CallFacts, timeoutMs: number) {
    super(call, `no complete answer within ${timeoutMs} ms`);
    this.timeoutMs = timeoutMs;
  }
}

/** Refused, reset, not resolved. The API may have acted. */
export class NetworkError extends CallError {
  readonly code = 'ERR_NETWORK';
  override readonly isTransient = true;
}

/** The answer is not what was declared: no JSON, or not the response schema. */
export class ResponseInvalidError extends CallError {
  readonly code = 'ERR_RESPONSE_INVALID';
}

/** The answer is larger than `maxResponseBytes`. */
export class ResponseTooLargeError extends CallError {
  readonly code = 'ERR_RESPONSE_TOO_LARGE';
  readonly maxBytes: number;

  constructor(call: CallFacts, maxBytes: number) {
    super(call, `answer exceeds ${maxBytes} bytes`);
    this.maxBytes = maxBytes;
  }
}

/** The request cannot be sent as it is: a path outside the base URL, a header value no header may hold, a body JSON cannot carry. */
export class RequestInvalidError extends CallError {
  readonly code = 'ERR_REQUEST_INVALID';
}

// ---- operators

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

const REJECTION_CODES: ReadonlySet<string> = new Set([
  'ERR_BULKHEAD_REJECTED',
  'ERR_CIRCUIT_OPEN',
  'ERR_THROTTLED',
  'ERR_RATE_LIMIT_REJECTED',
  'ERR_BATCH_REJECTED',
]);

/** Whether a cause says that the call was turned away on this side: nothing ran, so it tells nothing of the other side. */
export function isRejection(cause: unknown): boolean {
  return cause instanceof SluiceError && REJECTION_CODES.has(cause.code);
}

/**
 * Whether a cause says that nothing was done on the other side: it refused (4xx), or the call never left, or the author says so by an
 * error of his own choice. Anything else, a timeout, a lost answer, a 5xx, an answer that cannot be read, leaves the effect in doubt.
 */
export function isRefusal(cause: unknown): boolean {
  if (cause instanceof HttpStatusError) return cause.status >= 400 && cause.status < 500;
  return (
    isRejection(cause) ||
    cause instanceof RequestInvalidError ||
    cause instanceof PermanentError ||
    cause instanceof TransientError
  );
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

// ---- sagas

/** Which saga, and what its journal says: one line for each record. */
export interface SagaErrorFacts {
  readonly saga: string;
  readonly sagaId: string;
  readonly step: string;
  readonly journal: string;
}

/** A saga goes neither on nor back by itself; its dead letter carries the journal. Given back, it goes on where it stands. */
export abstract class SagaStuckError extends SluiceError {
  readonly saga: string;
  readonly sagaId: string;
  readonly step: string;
  override readonly details: string;

  constructor({ saga, sagaId, step, journal }: SagaErrorFacts, what: string, options?: SluiceErrorOptions) {
    super(`saga "${saga}" ${sagaId} is stuck: ${what}`, options);
    this.saga = saga;
    this.sagaId = sagaId;
    this.step = step;
    this.details = journal;
  }
}

/** A saga could neither finish nor be undone: a compensation failed for good. */
export class CompensationFailedError extends SagaStuckError {
  readonly code = 'ERR_COMPENSATION_FAILED';

  constructor(facts: SagaErrorFacts, options: { readonly cause: unknown }) {
    super(facts, `the compensation of step "${facts.step}" failed: ${messageOf(options.cause)}`, options);
  }
}

/**
 * A compensation failed for a cause that may pass. Its message comes again on tries that are the compensation's own: as many as a message has,
 * with the same pauses, whatever the way forward used up.
 */
export class CompensationDelayedError extends SluiceError {
  readonly code = 'ERR_COMPENSATION_DELAYED';
  override readonly isTransient = true;
  readonly step: string;
  /** Tries of this compensation that have failed. */
  readonly failures: number;

  constructor(step: string, failures: number, options: { readonly cause: unknown }) {
    super(`the compensation of step "${step}" failed, and is tried again: ${messageOf(options.cause)}`, options);
    this.step = step;
    this.failures = failures;
  }
}

/** A step that can be compensated may or may not have taken effect: the saga neither goes on nor back. Another try repeats the step with its keys. */
export class SagaInDoubtError extends SagaStuckError {
  readonly code = 'ERR_SAGA_IN_DOUBT';

  constructor(facts: SagaErrorFacts, options: { readonly cause: unknown }) {
    super(facts, `step "${facts.step}" may or may not have taken effect: ${messageOf(options.cause)}`, options);
  }
}

/** A step after the saga's point of no return failed, and no try is left: there is no way but on. */
export class SagaForwardFailedError extends SagaStuckError {
  readonly code = 'ERR_SAGA_FORWARD_FAILED';

  constructor(facts: SagaErrorFacts, options: { readonly cause: unknown }) {
    super(facts, `step "${facts.step}" failed after the point of no return: ${messageOf(options.cause)}`, options);
  }
}

/** A saga was begun under another definition than those this worker knows. A worker that knows it goes on with it. */
export class SagaVersionError extends SagaStuckError {
  readonly code = 'ERR_SAGA_VERSION';

  constructor(facts: Omit<SagaErrorFacts, 'step'>, what: string) {
    super({ ...facts, step: '' }, what);
  }
}

/** A person gave this saga up: its message is not handled any more. */
export class SagaAbandonedError extends SluiceError {
  readonly code = 'ERR_SAGA_ABANDONED';

  constructor(saga: string, sagaId: string) {
    super(`saga "${saga}" ${sagaId} was abandoned: nothing more is done for it`);
  }
}

/** A saga's id has to be a text of 1 to 512 characters without control characters. */
export class SagaIdError extends SluiceError {
  readonly code = 'ERR_SAGA_ID';
}

/** A saga without `whenCompensated` was undone on an earlier try of its message; what failed then. */
export class SagaUndoneError extends SluiceError {
  readonly code = 'ERR_SAGA_UNDONE';
  readonly saga: string;
  readonly sagaId: string;
  readonly step: string;

  constructor(saga: string, sagaId: string, failure: { readonly step: string; readonly message: string }) {
    super(`saga "${saga}" ${sagaId} was undone: step "${failure.step}" failed: ${failure.message}`);
    this.saga = saga;
    this.sagaId = sagaId;
    this.step = failure.step;
  }
}

/** A message asks for a saga id that is taken by another input. */
export class SagaConflictError extends SluiceError {
  readonly code = 'ERR_SAGA_CONFLICT';
}

// ---- journal

interface JournalEntryFacts {
  readonly space: string;
  readonly name: string;
  readonly id: string;
}

const describeEntry = ({ space, name, id }: JournalEntryFacts): string => `${space} "${name}" ${id}`;

/** Another owner holds this entry of the journal now. */
export class JournalHeldError extends SluiceError {
  readonly code = 'ERR_JOURNAL_HELD';
  override readonly isTransient = true;
  /** How long its lease runs, if it is not renewed, in milliseconds; 0 where that is not known. */
  readonly forMs: number;

  constructor(entry: JournalEntryFacts, forMs: number) {
    super(`${describeEntry(entry)} is held by another owner now`);
    this.forMs = forMs;
  }
}

/** The lease of an entry was lost while it was held: another owner may have taken over, so nothing more is written. */
export class JournalFencedError extends SluiceError {
  readonly code = 'ERR_JOURNAL_FENCED';
  override readonly isTransient = true;

  constructor(entry: JournalEntryFacts) {
    super(`${describeEntry(entry)} is not held any more: its lease was lost`);
  }
}

/** The journal's store cannot be asked now: away, full, locked. Whether it did what it was asked last is not known. */
export class JournalUnavailableError extends SluiceError {
  readonly code = 'ERR_JOURNAL_UNAVAILABLE';
  override readonly isTransient = true;
  /** Whether somebody has to change something first: tables to be made, another file to be named. Waiting does not help. */
  readonly isMisconfigured: boolean;

  constructor(message: string, options: SluiceErrorOptions & { readonly isMisconfigured?: boolean } = {}) {
    super(message, options);
    this.isMisconfigured = options.isMisconfigured ?? false;
  }
}

/** What the journal holds is not what was written: edited, or damaged. Nobody can say how the saga stands. */
export class JournalCorruptError extends SluiceError {
  readonly code = 'ERR_JOURNAL_CORRUPT';

  constructor(entry: JournalEntryFacts, what: string) {
    super(`the journal of ${describeEntry(entry)} is damaged: ${what}`);
  }
}

// ---- sources

/** The database of an outbox cannot be asked now, or its table is not what `sluice outbox sql` makes. Its rows stay where they are. */
export class OutboxUnavailableError extends SluiceError {
  readonly code = 'ERR_OUTBOX_UNAVAILABLE';
  override readonly isTransient = true;
}
