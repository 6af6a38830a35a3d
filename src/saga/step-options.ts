/** A step as an author writes it out, where it is more than a call and its undoing. */
import type { ObservableInput } from 'rxjs';
import type { z } from 'zod';
import type { CallTargets } from '../http/call-target.ts';
import type { Duration } from '../policies/duration.ts';
import type { SagaScope } from './saga-plan.ts';

export interface StepRetry {
  /** Tries within one try of the message, the first included. Integer, at least 1. */
  readonly maxAttempts: number;
  readonly backoff?: {
    /** Pause after the first failed try; it doubles from one to the next. Default: '200ms'. */
    readonly initial?: Duration;
    /** Longest pause. Default: '5s'. */
    readonly max?: Duration;
  };
}

/** How a step is tried; its compensation is tried in the same way. */
export interface StepTrying {
  /** Default: one try; calls have retries of their own. */
  readonly retry?: StepRetry;
  /**
   * Time for one try. What takes longer is cut off, and nobody knows whether it took effect: it is tried again with the same keys, now or on a
   * later try of the message. Default: none; calls have timeouts of their own.
   */
  readonly timeout?: Duration;
}

/** A value as it comes back from the journal, which holds JSON: a `Date` is a text, and null what is undefined in a list. */
export type Stored<Value> = unknown extends Value
  ? Value
  : Value extends { toJSON(): infer Said }
    ? StoredMembers<Said>
    : StoredMembers<Value>;

/** What a toJSON gives is not asked for another. */
type StoredMembers<Value> = unknown extends Value
  ? Value
  : Value extends string | number | boolean | bigint | null | undefined
    ? Value
    : Value extends readonly unknown[]
      ? { [At in keyof Value]: StoredItem<Value[At]> }
      : { [Name in keyof Value]: Stored<Value[Name]> };

type StoredItem<Value> = unknown extends Value ? Value : Value extends undefined ? null : Stored<Value>;

/** What a step's result is once it is in the journal: what its schema makes of it, where it has one. */
export type StepResult<Result, Schema> = Stored<
  [Schema] extends [never] ? Result : Schema extends z.ZodType ? z.output<Schema> : Result
>;

/** A step that cannot be undone any more, or need not be. */
export interface ForwardStepOptions<Input, Definitions extends CallTargets, Results, Result, Schema>
  extends StepTrying {
  /** What the result has to be. What does not fit fails the step, its effect in doubt. */
  readonly result?: Schema;
  readonly run: (scope: SagaScope<Input, Definitions, Results>) => ObservableInput<Result>;
}

export interface StepOptions<Input, Definitions extends CallTargets, Name extends string, Results, Result, Schema>
  extends ForwardStepOptions<Input, Definitions, Results, Result, Schema> {
  /** Undoes the step after a later one failed. */
  readonly compensate?: (
    scope: SagaScope<Input, Definitions, Results & { readonly [N in Name]: StepResult<Result, Schema> }>,
  ) => ObservableInput<unknown>;
  /**
   * Undoes the step where nobody knows whether it took effect, when no try is left: a promise that undoing what never was does no harm. It sees no
   * result of the step. Without it such a saga is stuck.
   */
  readonly undoInDoubt?: (scope: SagaScope<Input, Definitions, Results>) => ObservableInput<unknown>;
}

/** Asked once, when the step's turn comes; the answer is written down, and holds for good. */
export interface StepCondition<Input, Definitions extends CallTargets, Results> {
  readonly when: (scope: SagaScope<Input, Definitions, Results>) => boolean;
}
