/**
 * Sagas that go neither on nor back, and messages that no saga takes.
 * In dead letters with the stage `handle`, those of stuck sagas with the journal in `x-sluice-error-details`.
 */
import { messageOf, SluiceError, type SluiceErrorOptions } from './sluice-error.ts';

/** Which saga, and what its journal says: one line for each record. */
export interface SagaErrorFacts {
  readonly saga: string;
  readonly sagaId: string;
  readonly step: string;
  readonly journal: string;
}

/**
 * A saga goes neither on nor back by itself; its dead letter carries the journal. Given back, it goes on where it stands.
 * @remedy `sluice saga show ID`, then `sluice saga resume ID` or `sluice saga abandon ID`.
 */
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

/**
 * A saga could neither finish nor be undone: a compensation failed for good.
 * @remedy Undo by hand what the journal shows as done, or mend the API and `sluice saga resume ID`: its compensations begin anew.
 */
export class CompensationFailedError extends SagaStuckError {
  readonly code = 'ERR_COMPENSATION_FAILED';

  constructor(facts: SagaErrorFacts, options: { readonly cause: unknown }) {
    super(facts, `the compensation of step "${facts.step}" failed: ${messageOf(options.cause)}`, options);
  }
}

/**
 * A compensation failed for a cause that may pass. Its message comes again on tries that are the compensation's own: as many as a message has,
 * with the same pauses, whatever the way forward used up.
 * @remedy Nothing, as long as it passes; when its tries are used up the saga is stuck as ERR_COMPENSATION_FAILED.
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

/**
 * A step that can be compensated may or may not have taken effect: the saga neither goes on nor back. Another try repeats the step with its keys.
 * @remedy Look in the service whether the step took effect. `sluice saga resume ID` repeats it under the same key; `undoInDoubt` of the step
 * settles it without people.
 */
export class SagaInDoubtError extends SagaStuckError {
  readonly code = 'ERR_SAGA_IN_DOUBT';

  constructor(facts: SagaErrorFacts, options: { readonly cause: unknown }) {
    super(facts, `step "${facts.step}" may or may not have taken effect: ${messageOf(options.cause)}`, options);
  }
}

/**
 * A step after the saga's point of no return failed, and no try is left: there is no way but on.
 * @remedy Mend what the step needs, then `sluice saga resume ID`: it goes on at that step.
 */
export class SagaForwardFailedError extends SagaStuckError {
  readonly code = 'ERR_SAGA_FORWARD_FAILED';

  constructor(facts: SagaErrorFacts, options: { readonly cause: unknown }) {
    super(facts, `step "${facts.step}" failed after the point of no return: ${messageOf(options.cause)}`, options);
  }
}

interface CutOffFacts extends SagaErrorFacts {
  /** In words: `at step "charge"`. */
  readonly where: string;
}

/**
 * The message of a saga that was begun is given up from outside: its handle's time ran out on the last try, `returns` or `whenCompensated` failed, or
 * the broker would not hand it over again. Its `step` is the one that was begun and is not done, several by commas; where there is none, and on the way
 * back, what it was last about.
 * @remedy Look at its cause and its timeline (`sluice saga show ID`); give steps a `timeout` well below the handle's; then `sluice saga resume ID`.
 */
export class SagaCutOffError extends SagaStuckError {
  readonly code = 'ERR_SAGA_CUT_OFF';

  constructor({ where, ...facts }: CutOffFacts, options: { readonly cause: unknown }) {
    super(facts, `its message was given up ${where}: ${messageOf(options.cause)}`, options);
  }
}

/**
 * A saga was begun under another definition than those this worker knows. A worker that knows it goes on with it.
 * @remedy Start a worker that knows that version, or name the old definition by `formerly`; then `sluice saga resume ID`.
 */
export class SagaVersionError extends SagaStuckError {
  readonly code = 'ERR_SAGA_VERSION';

  constructor(facts: Omit<SagaErrorFacts, 'step'>, what: string) {
    super({ ...facts, step: '' }, what);
  }
}

/**
 * A person gave this saga up: its message is not handled any more.
 * @remedy Nothing: somebody decided it. Look in `sluice saga show ID` at what is done and what is not.
 */
export class SagaAbandonedError extends SluiceError {
  readonly code = 'ERR_SAGA_ABANDONED';

  constructor(saga: string, sagaId: string) {
    super(`saga "${saga}" ${sagaId} was abandoned: nothing more is done for it`);
  }
}

/**
 * A saga's id has to be a text of 1 to 512 characters without control characters.
 * @remedy A mistake of `id` in the saga's definition, or of the message: mend it, then `sluice dlq retry`.
 */
export class SagaIdError extends SluiceError {
  readonly code = 'ERR_SAGA_ID';
}

/**
 * A saga without `whenCompensated` was undone on an earlier try of its message; what failed then.
 * @remedy The reason names the step that failed. `whenCompensated` makes a result of it instead of a dead letter.
 */
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

/**
 * A message asks for a saga id that is taken by another input.
 * @remedy Two messages with one saga id and different bodies: find out which the publisher meant.
 */
export class SagaConflictError extends SluiceError {
  readonly code = 'ERR_SAGA_CONFLICT';
}
