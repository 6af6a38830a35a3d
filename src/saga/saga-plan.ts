/** A saga as it runs: what its steps see, and its parts with their types erased (the builder in `saga.ts` has checked them). */
import type { ObservableInput } from 'rxjs';
import type { ApiDefinitions, Apis } from '../http/define-api.ts';
import type { Journal } from '../journal/journal.ts';
import type { Logger } from '../log.ts';

/** What a saga needs of the context it runs in: any pipeline's context has it. */
export interface SagaContext<Definitions extends ApiDefinitions> {
  readonly apis: Apis<Definitions>;
  readonly log: Logger;
  readonly journal: Journal;
  readonly attempt: number;
  readonly maxAttempts: number;
}

/** What a step and its compensation see. */
export interface SagaScope<Input, Definitions extends ApiDefinitions, Results> {
  readonly input: Input;
  /** Bound to the step: a call has the same idempotency key however often the step is repeated, another than the same call of another step. */
  readonly apis: Apis<Definitions>;
  /** Results of the steps before, by name. */
  readonly results: Results;
  readonly log: Logger;
}

export interface SagaFailure {
  /** The step that failed. */
  readonly step: string;
  readonly code: string;
  readonly message: string;
  /** Steps undone, in the order they were. */
  readonly compensated: readonly string[];
}

/** A step with its types erased, as it runs. */
export interface SagaStep {
  readonly name: string;
  readonly run: (scope: SagaScope<unknown, ApiDefinitions, unknown>) => ObservableInput<unknown>;
  readonly compensate: ((scope: SagaScope<unknown, ApiDefinitions, unknown>) => ObservableInput<unknown>) | undefined;
}

/** A whole saga with its types erased, as it runs. */
export interface SagaPlan {
  readonly name: string;
  readonly id: (input: unknown) => string;
  readonly steps: readonly SagaStep[];
  readonly finish: (scope: { readonly input: unknown; readonly results: unknown }) => unknown;
  readonly whenCompensated:
    | ((scope: { readonly input: unknown; readonly failure: SagaFailure }) => unknown)
    | undefined;
}
