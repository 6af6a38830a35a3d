/** A saga as it runs: what its steps see, and its parts with their types erased (the builder in `saga.ts` has checked them). */
import type { ObservableInput } from 'rxjs';
import type { z } from 'zod';
import type { Apis, CallTargets } from '../http/call-target.ts';
import type { Journal } from '../journal/journal.ts';
import type { Logger } from '../log.ts';
import { fingerprint } from '../message/identity.ts';
import type { RetryWithBackoffOptions } from '../operators/retry-with-backoff.ts';

/** What a saga needs of the context it runs in: any pipeline's context has it. */
export interface SagaContext<Definitions extends CallTargets> {
  readonly apis: Apis<Definitions>;
  readonly log: Logger;
  readonly journal: Journal;
  readonly attempt: number;
  readonly maxAttempts: number;
  /** When the message is too late, in milliseconds of the RxJS clock. Default: never. */
  readonly expiresAt?: number | undefined;
  /** Names the message's body as it came: definitions of two versions may read the same body in two ways. */
  readonly bodyHash?: string | undefined;
  /** Of the message that runs it: a stuck saga's journal names it. */
  readonly messageId?: string;
}

/** What a step and its compensation see. */
export interface SagaScope<Input, Definitions extends CallTargets, Results> {
  readonly input: Input;
  /** Bound to the step: a call has the same idempotency key however often the step is repeated, another than the same call of another step. */
  readonly apis: Apis<Definitions>;
  /** Results of the steps before, by name, as they lie in the journal: plain data. Undefined where a step's condition did not hold. */
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

type ErasedScope = SagaScope<unknown, CallTargets, unknown>;
type Work = (scope: ErasedScope) => ObservableInput<unknown>;

/** A step with its types erased, as it runs. */
export interface SagaStep {
  readonly name: string;
  readonly run: Work;
  readonly compensate: Work | undefined;
  readonly undoInDoubt: Work | undefined;
  readonly when: ((scope: ErasedScope) => boolean) | undefined;
  readonly result: z.ZodType | undefined;
  readonly retry: Pick<RetryWithBackoffOptions, 'maxAttempts' | 'backoff' | 'attemptTimeout'>;
}

/** Steps that run at the same time; most stages have one. */
export interface SagaStage {
  readonly steps: readonly SagaStep[];
  /** The point of no return lies before it. */
  readonly isAfterPivot: boolean;
}

/** A whole saga with its types erased, as it runs. */
export interface SagaPlan {
  readonly name: string;
  readonly version: number;
  /** Earlier definitions, which finish what was begun under them. */
  readonly former: readonly SagaPlan[];
  readonly id: (input: unknown) => string;
  readonly stages: readonly SagaStage[];
  readonly finish: (scope: { readonly input: unknown; readonly results: unknown }) => unknown;
  readonly whenCompensated:
    | ((scope: { readonly input: unknown; readonly failure: SagaFailure }) => unknown)
    | undefined;
}

/** What may not change while sagas of a version run: the steps, their order, what can be undone, and the point of no return. */
export const shapeOf = ({ stages }: SagaPlan): string =>
  fingerprint(
    ...stages.map(({ steps, isAfterPivot }) =>
      JSON.stringify([isAfterPivot, steps.map(({ name, compensate }) => [name, compensate !== undefined])]),
    ),
  ).slice(0, 16);

export const stepOf = ({ stages }: SagaPlan, name: string): SagaStep | undefined =>
  stages.flatMap(({ steps }) => steps).find((step) => step.name === name);
