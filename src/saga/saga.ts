/**
 * Sagas as authors write them: steps with their compensations, every type inferred from the step before.
 * A saga makes a handle; the engine knows handles, not sagas. `run-saga.ts` brings it to life.
 */
import type { Observable, ObservableInput } from 'rxjs';
import { z } from 'zod';
import { problemsOf, reportProblems } from '../definition.ts';
import type { Problem } from '../errors.ts';
import type { ApiDefinitions } from '../http/define-api.ts';
import { runSaga } from './run-saga.ts';
import type { SagaContext, SagaFailure, SagaPlan, SagaScope, SagaStep } from './saga-plan.ts';

export interface SagaOptions<Schema extends z.ZodType, Definitions extends ApiDefinitions> {
  /** Unique in the worker; part of every idempotency key: renaming a saga makes its running ones strangers. */
  readonly name: string;
  readonly input: Schema;
  readonly apis: Definitions;
  /** Names the one saga a message asks for: a second message with the same id and body continues or repeats its answer. */
  readonly id: (input: z.output<Schema>) => string;
}

export interface Saga<Input, Definitions extends ApiDefinitions, Results> {
  /**
   * Adds a step. Its result is the last value `run` emits; it must be plain data. `compensate` undoes it after a later step failed.
   * Both may run more than once for one saga, each time with the same idempotency keys.
   */
  step<Name extends string, Result>(
    name: Name,
    run: (scope: SagaScope<Input, Definitions, Results>) => ObservableInput<Result>,
    compensate?: (
      scope: SagaScope<Input, Definitions, Results & { readonly [N in Name]: Result }>,
    ) => ObservableInput<unknown>,
  ): Saga<Input, Definitions, Results & { readonly [N in Name]: Result }>;

  /** Ends the saga: what its handle emits when every step is done. */
  returns<Output>(
    finish: (scope: { readonly input: Input; readonly results: Results }) => Output,
  ): SagaHandle<Input, Definitions, Output>;
}

export interface SagaHandle<Input, Definitions extends ApiDefinitions, Output> {
  (input: Input, context: SagaContext<Definitions>): Observable<Output>;
  /** What the handle emits when the saga was undone. Without it an undone saga fails with the error of its failed step. */
  whenCompensated<Failed>(
    finish: (scope: { readonly input: Input; readonly failure: SagaFailure }) => Failed,
  ): SagaHandle<Input, Definitions, Output | Failed>;
}

const isFunction = (value: unknown): boolean => typeof value === 'function';
const nameSchema = z.string().regex(/^[\w.-]{1,100}$/, { error: 'expected 1 to 100 letters, digits, "-", "_" or "."' });

const sagaSchema = z.strictObject({
  name: nameSchema,
  input: z.custom((value) => value instanceof z.ZodType, { error: 'expected a zod schema' }),
  apis: z.record(z.string(), z.unknown()),
  id: z.custom(isFunction, { error: 'expected a function from input to id' }),
});

const stepSchema = z.strictObject({
  name: nameSchema,
  run: z.custom(isFunction, { error: 'expected a function ({ input, apis, results }) => Observable or Promise' }),
  compensate: z
    .custom(isFunction, { error: 'expected a function ({ input, apis, results }) => Observable or Promise' })
    .optional(),
});

/**
 * Begins a saga: `saga({…}).step(…).step(…).returns(…)`.
 *
 * As a handle: runs the steps in order, journalling each one's intent and result. A step that fails for a transient cause with tries left
 * fails the message, which comes back later and goes on where the journal stands. A refusal undoes the steps done, in reverse order.
 * A step that can be compensated and whose effect is in doubt when no try is left (a timeout, a lost answer, a 5xx) leaves the saga stuck:
 * undoing what may not have happened, or keeping what may have, would both be guesses. Its message is dead-lettered; given back, it resumes.
 *
 * @throws DefinitionError naming the saga and each wrong option.
 */
export function saga<Schema extends z.ZodType, const Definitions extends ApiDefinitions>(
  options: SagaOptions<Schema, Definitions>,
): Saga<z.output<Schema>, Definitions, Record<never, never>> {
  reportProblems(problemsOf(subjectOf(options.name), sagaSchema, options));
  return withSteps(options, []) as Saga<z.output<Schema>, Definitions, Record<never, never>>;
}

const subjectOf = (name: unknown): string => `saga ${JSON.stringify(name) ?? String(name)}`;

type ErasedSaga = Saga<unknown, ApiDefinitions, unknown>;
type ErasedHandle = SagaHandle<unknown, ApiDefinitions, unknown>;
type ErasedOptions = { readonly name: string; readonly id: unknown };

function withSteps(options: ErasedOptions, steps: readonly SagaStep[]): unknown {
  const erased = {
    step: (name: string, run: SagaStep['run'], compensate?: SagaStep['compensate']) => {
      const subject = subjectOf(options.name);
      const taken: readonly Problem[] = steps.some((step) => step.name === name)
        ? [{ subject, path: `steps.${name}`, message: 'expected a name of its own; another step has it' }]
        : [];
      const wrong = problemsOf(subject, stepSchema, { name, run, compensate }).map((problem) => ({
        ...problem,
        path: `steps.${name}.${problem.path}`,
      }));
      reportProblems([...taken, ...wrong]);
      return withSteps(options, [...steps, { name, run, compensate }]) as ErasedSaga;
    },
    returns: (finish: SagaPlan['finish']) => {
      const subject = subjectOf(options.name);
      if (steps.length === 0)
        reportProblems([{ subject, path: 'steps', message: 'expected at least one step before returns()' }]);
      return toHandle({
        name: options.name,
        id: options.id as SagaPlan['id'],
        steps,
        finish,
        whenCompensated: undefined,
      });
    },
  };
  return erased;
}

function toHandle(plan: SagaPlan): ErasedHandle {
  const handle = (input: unknown, context: SagaContext<ApiDefinitions>) => runSaga(plan, input, context);
  return Object.assign(handle, {
    whenCompensated: (finish: SagaPlan['whenCompensated']) => toHandle({ ...plan, whenCompensated: finish }),
  }) as ErasedHandle;
}
