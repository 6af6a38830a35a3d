/**
 * Sagas as authors write them: steps with their compensations, every type inferred from the step before.
 * A saga makes a handle; the engine knows handles, not sagas. `run-saga.ts` brings it to life.
 */
import type { Observable, ObservableInput } from 'rxjs';
import { z } from 'zod';
import { problemsOf, reportProblems, zodSchema } from '../definition.ts';
import { DefinitionError, type Problem } from '../errors.ts';
import type { CallTargets } from '../http/call-target.ts';
import { lastWord } from './last-word.ts';
import { planStep, stepsSchema } from './plan-step.ts';
import { runSaga } from './run-saga.ts';
import type { SagaContext, SagaFailure, SagaPlan, SagaScope, SagaStage } from './saga-plan.ts';
import type { ForwardStepOptions, StepCondition, StepOptions, StepResult, Stored } from './step-options.ts';

export interface SagaOptions<Schema extends z.ZodType, Definitions extends CallTargets> {
  /** Unique in the worker; part of every idempotency key: renaming a saga makes its running ones strangers. */
  readonly name: string;
  /**
   * Of the definition. A change of steps needs a new one: what was begun under another is finished by that one, where `formerly` names it, and is
   * stuck until a worker that knows it comes by, where not. Integer, at least 1. Default: 1.
   */
  readonly version?: number;
  readonly input: Schema;
  readonly apis: Definitions;
  /** Names the one saga a message asks for: a second message with the same id and body continues or repeats its answer. 1 to 512 characters. */
  readonly id: (input: z.output<Schema>) => string;
}

type Undo<Input, Definitions extends CallTargets, Results> = (
  scope: SagaScope<Input, Definitions, Results>,
) => ObservableInput<unknown>;

/** Steps that run at the same time, by name. Their compensations see the results before them; where one needs its own step's, use the other form. */
type Branches<Input, Definitions extends CallTargets, Results, Added> = {
  readonly [N in keyof Added]:
    | ((scope: SagaScope<Input, Definitions, Results>) => ObservableInput<Added[N]>)
    | (ForwardStepOptions<Input, Definitions, Results, Added[N], never> & {
        readonly compensate?: Undo<Input, Definitions, Results>;
        readonly undoInDoubt?: Undo<Input, Definitions, Results>;
      });
};

/** Steps that run at the same time, one after the other said; each sees the results before all of them, its compensation its own too. */
export interface ParallelSteps<Input, Definitions extends CallTargets, Results, Added> {
  step<Name extends string, Result>(
    name: Name,
    run: (scope: SagaScope<Input, Definitions, Results>) => ObservableInput<Result>,
    compensate?: Undo<Input, Definitions, Results & { readonly [N in Name]: Stored<Result> }>,
  ): ParallelSteps<Input, Definitions, Results, Added & { readonly [N in Name]: Stored<Result> }>;
  step<Name extends string, Result, Schema extends z.ZodType = never>(
    name: Name,
    options: StepOptions<Input, Definitions, Name, Results, Result, Schema> &
      StepCondition<Input, Definitions, Results>,
  ): ParallelSteps<
    Input,
    Definitions,
    Results,
    Added & { readonly [N in Name]: StepResult<Result, Schema> | undefined }
  >;
  step<Name extends string, Result, Schema extends z.ZodType = never>(
    name: Name,
    options: StepOptions<Input, Definitions, Name, Results, Result, Schema>,
  ): ParallelSteps<Input, Definitions, Results, Added & { readonly [N in Name]: StepResult<Result, Schema> }>;
}

/** Steps after the point of no return that run at the same time, by name. */
type ForwardBranches<Input, Definitions extends CallTargets, Results, Added> = {
  readonly [N in keyof Added]:
    | ((scope: SagaScope<Input, Definitions, Results>) => ObservableInput<Added[N]>)
    | ForwardStepOptions<Input, Definitions, Results, Added[N], never>;
};

/** A saga after its point of no return: there is no way but on, so nothing here can be undone. */
export interface ForwardSaga<Input, Definitions extends CallTargets, Results> {
  /** Adds a step that is tried until it is done; when no try is left, the saga is stuck, and goes on here when its message is given back. */
  step<Name extends string, Result>(
    name: Name,
    run: (scope: SagaScope<Input, Definitions, Results>) => ObservableInput<Result>,
  ): ForwardSaga<Input, Definitions, Results & { readonly [N in Name]: Stored<Result> }>;
  step<Name extends string, Result, Schema extends z.ZodType = never>(
    name: Name,
    options: ForwardStepOptions<Input, Definitions, Results, Result, Schema> &
      StepCondition<Input, Definitions, Results>,
  ): ForwardSaga<Input, Definitions, Results & { readonly [N in Name]: StepResult<Result, Schema> | undefined }>;
  step<Name extends string, Result, Schema extends z.ZodType = never>(
    name: Name,
    options: ForwardStepOptions<Input, Definitions, Results, Result, Schema>,
  ): ForwardSaga<Input, Definitions, Results & { readonly [N in Name]: StepResult<Result, Schema> }>;

  /** Adds steps that run at the same time, each as `step` would have it; none sees another's result. All of them end before one is tried again. */
  all<Added extends Readonly<Record<string, unknown>>>(
    branches: ForwardBranches<Input, Definitions, Results, Added>,
  ): ForwardSaga<Input, Definitions, Results & { readonly [N in keyof Added]: Stored<Added[N]> }>;

  /** Ends the saga: what its handle emits when every step is done. It must be plain data: the journal keeps it, for the message published again. */
  returns<Output>(
    finish: (scope: { readonly input: Input; readonly results: Results }) => Output,
  ): SagaHandle<Input, Definitions, Stored<Output>>;
}

export interface Saga<Input, Definitions extends CallTargets, Results> {
  /**
   * Adds a step. Its result is the last value `run` emits; it must be plain data. `compensate` undoes it after a later step failed.
   * Both may run more than once for one saga, each time with the same idempotency keys.
   */
  step<Name extends string, Result>(
    name: Name,
    run: (scope: SagaScope<Input, Definitions, Results>) => ObservableInput<Result>,
    compensate?: Undo<Input, Definitions, Results & { readonly [N in Name]: Stored<Result> }>,
  ): Saga<Input, Definitions, Results & { readonly [N in Name]: Stored<Result> }>;
  /** A step with a condition: where it does not hold, the step counts as done, its result is undefined, and there is nothing to undo. */
  step<Name extends string, Result, Schema extends z.ZodType = never>(
    name: Name,
    options: StepOptions<Input, Definitions, Name, Results, Result, Schema> &
      StepCondition<Input, Definitions, Results>,
  ): Saga<Input, Definitions, Results & { readonly [N in Name]: StepResult<Result, Schema> | undefined }>;
  step<Name extends string, Result, Schema extends z.ZodType = never>(
    name: Name,
    options: StepOptions<Input, Definitions, Name, Results, Result, Schema>,
  ): Saga<Input, Definitions, Results & { readonly [N in Name]: StepResult<Result, Schema> }>;

  /**
   * Adds steps that run at the same time, each as `step` would have it; none sees another's result. All of them end before anything is decided:
   * when one fails, those that are done are undone, the last done first.
   */
  all<Added extends Readonly<Record<string, unknown>>>(
    branches: Branches<Input, Definitions, Results, Added>,
  ): Saga<Input, Definitions, Results & { readonly [N in keyof Added]: Stored<Added[N]> }>;
  all<Added>(
    branches: (
      together: ParallelSteps<Input, Definitions, Results, Record<never, never>>,
    ) => ParallelSteps<Input, Definitions, Results, Added>,
  ): Saga<Input, Definitions, Results & Added>;

  /** The point of no return: once the steps before it are done, the saga never goes back. */
  pivot(): ForwardSaga<Input, Definitions, Results>;

  /** Ends the saga: what its handle emits when every step is done. It must be plain data: the journal keeps it, for the message published again. */
  returns<Output>(
    finish: (scope: { readonly input: Input; readonly results: Results }) => Output,
  ): SagaHandle<Input, Definitions, Stored<Output>>;
}

export interface SagaHandle<Input, Definitions extends CallTargets, Output> {
  (input: Input, context: SagaContext<Definitions>): Observable<Output>;
  /**
   * What the engine asks for before the message of this saga is dead-lettered: cold, emits the error that counts, once the journal tells how the saga
   * stands. A handle that wraps a saga has to hand it on: `Object.assign(handle, { lastWord: … })`.
   */
  readonly lastWord: (input: Input, context: SagaContext<Definitions>, error: unknown) => Observable<unknown>;
  /** What the handle emits when the saga was undone. Without it an undone saga fails with the error of its failed step. */
  whenCompensated<Failed>(
    finish: (scope: { readonly input: Input; readonly failure: SagaFailure }) => Failed,
  ): SagaHandle<Input, Definitions, Output | Stored<Failed>>;
  /** Earlier definitions of this saga, of other versions: what was begun under them they finish. */
  formerly<Earlier>(
    ...versions: readonly SagaHandle<Input, Definitions, Earlier>[]
  ): SagaHandle<Input, Definitions, Output | Earlier>;
  /** What it is made of, for commands and pictures. */
  readonly saga: SagaOutline;
}

export interface SagaOutline {
  readonly name: string;
  readonly version: number;
  /** Names of the steps; those in one list run at the same time. */
  readonly stages: readonly (readonly string[])[];
}

const isFunction = (value: unknown): boolean => typeof value === 'function';
const nameSchema = z.string().regex(/^[\w.-]{1,100}$/, { error: 'expected 1 to 100 letters, digits, "-", "_" or "."' });

const sagaSchema = z.strictObject({
  name: nameSchema,
  version: z.int().min(1).optional(),
  input: zodSchema(),
  apis: z.record(z.string(), z.unknown()),
  id: z.custom(isFunction, { error: 'expected a function from input to id' }),
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
export function saga<Schema extends z.ZodType, const Definitions extends CallTargets>(
  options: SagaOptions<Schema, Definitions>,
): Saga<z.output<Schema>, Definitions, Record<never, never>> {
  if (typeof options !== 'object' || options === null)
    throw new DefinitionError([{ subject: 'saga', path: '', message: `expected options, got ${String(options)}` }]);
  const { name, version = 1 } = options;
  reportProblems(problemsOf(subjectOf(name), sagaSchema, options));
  const id = options.id as SagaPlan['id'];
  const parts: PlanParts = { name, version, id, stages: [], isForward: false };
  return new SagaBuilder(parts) as ErasedSaga as Saga<z.output<Schema>, Definitions, Record<never, never>>;
}

const subjectOf = (name: unknown): string => `saga ${JSON.stringify(name) ?? String(name)}`;

type ErasedSaga = Saga<unknown, CallTargets, unknown>;
type ErasedHandle = SagaHandle<unknown, CallTargets, unknown>;

interface PlanParts extends Pick<SagaPlan, 'name' | 'version' | 'id' | 'stages'> {
  readonly isForward: boolean;
}

/** What is built so far; each word gives a new one. */
class SagaBuilder {
  readonly #parts: PlanParts;

  constructor(parts: PlanParts) {
    this.#parts = parts;
  }

  step(name: string, what: unknown, compensate?: unknown): unknown {
    return this.#with([[name, optionsOf(what, compensate)]]);
  }

  all(branches: unknown): unknown {
    const steps = isFunction(branches) ? saidSteps(branches as (together: SaidSteps) => unknown) : namedSteps(branches);
    if (steps.length === 0)
      this.#report([
        { path: 'all', message: 'expected an object with a step for each name, or (together) => together.step(…)…' },
      ]);
    return this.#with(steps);
  }

  pivot(): unknown {
    if (this.#parts.stages.length === 0)
      this.#report([{ path: 'pivot', message: 'expected at least one step before the point of no return' }]);
    return new SagaBuilder({ ...this.#parts, isForward: true });
  }

  returns(finish: SagaPlan['finish']): unknown {
    if (this.#parts.stages.length === 0)
      this.#report([{ path: 'steps', message: 'expected at least one step before returns()' }]);
    reportProblems(finishProblems(this.#parts.name, 'returns', finish));
    const { isForward: _isForward, ...plan } = this.#parts;
    return toHandle({ ...plan, former: [], finish, whenCompensated: undefined });
  }

  #with(options: readonly (readonly [name: string, options: unknown])[]): SagaBuilder {
    const { stages, isForward } = this.#parts;
    const taken = new Set(stages.flatMap(({ steps }) => steps.map(({ name }) => name)));
    const problems: Omit<Problem, 'subject'>[] = [];
    for (const [name, step] of options) {
      const at = (path: string): string => `steps.${name}${path === '' ? '' : `.${path}`}`;
      if (taken.has(name)) problems.push({ path: at(''), message: 'expected a name of its own; another step has it' });
      taken.add(name);
      const wrong = [
        ...problemsOf('', z.strictObject({ name: nameSchema }), { name }),
        ...problemsOf('', stepsSchema(isForward), step),
      ];
      problems.push(...wrong.map(({ path, message }) => ({ path: at(path), message })));
    }
    this.#report(problems);
    const stage: SagaStage = {
      steps: options.map(([name, step]) => planStep(name, step)),
      isAfterPivot: isForward,
    };
    return new SagaBuilder({ ...this.#parts, stages: [...stages, stage] });
  }

  #report(problems: readonly Omit<Problem, 'subject'>[]): void {
    const subject = subjectOf(this.#parts.name);
    reportProblems(problems.map((problem) => ({ subject, ...problem })));
  }
}

/** What is no function would be found out when every step is done, or undone. */
const finishProblems = (name: string, path: string, finish: unknown): readonly Problem[] =>
  isFunction(finish)
    ? []
    : [{ subject: subjectOf(name), path, message: `expected a function (scope) => answer, got ${typeof finish}` }];

const optionsOf = (what: unknown, compensate?: unknown): unknown =>
  isFunction(what) ? { run: what, compensate } : what;

interface SaidSteps {
  step(name: string, what: unknown, compensate?: unknown): SaidSteps;
}

/** Steps said one after the other. */
function saidSteps(say: (together: SaidSteps) => unknown): (readonly [string, unknown])[] {
  const steps: (readonly [string, unknown])[] = [];
  const together: SaidSteps = {
    step: (name, what, compensate) => {
      steps.push([name, optionsOf(what, compensate)]);
      return together;
    },
  };
  say(together);
  return steps;
}

function namedSteps(branches: unknown): (readonly [string, unknown])[] {
  if (typeof branches !== 'object' || branches === null) return [];
  return Object.entries(branches).map(([name, what]) => [name, optionsOf(what)] as const);
}

/** Handles by their plans: `formerly` is given handles. */
const planOf = new WeakMap<object, SagaPlan>();

function toHandle(plan: SagaPlan): ErasedHandle {
  const handle = (input: unknown, context: SagaContext<CallTargets>) => runSaga(plan, input, context);
  const outline: SagaOutline = {
    name: plan.name,
    version: plan.version,
    stages: plan.stages.map(({ steps }) => steps.map(({ name }) => name)),
  };
  const made = Object.assign(handle, {
    saga: outline,
    lastWord: (input: unknown, context: SagaContext<CallTargets>, error: unknown) =>
      lastWord(plan, input, context, error),
    whenCompensated: (finish: SagaPlan['whenCompensated']) => {
      reportProblems(finishProblems(plan.name, 'whenCompensated', finish));
      return toHandle({ ...plan, whenCompensated: finish });
    },
    formerly: (...versions: readonly object[]) => toHandle({ ...plan, former: formerPlans(plan, versions) }),
  }) as ErasedHandle;
  planOf.set(made, plan);
  return made;
}

function formerPlans(plan: SagaPlan, versions: readonly object[]): readonly SagaPlan[] {
  const subject = subjectOf(plan.name);
  const named = versions.map((handle) => planOf.get(handle));
  // What an earlier definition finishes, this one finishes too.
  const former = [...new Set([...plan.former, ...named.flatMap((each) => [each, ...(each?.former ?? [])])])];
  const numbers = [plan, ...former].map((each) => each?.version);
  const problems: Problem[] = [];
  if (former.some((each) => each?.name !== plan.name))
    problems.push({ subject, path: 'formerly', message: 'expected sagas of the same name' });
  if (new Set(numbers).size < numbers.length)
    problems.push({
      subject,
      path: 'formerly',
      message: `expected a version of its own for each, got ${numbers.join(', ')}`,
    });
  reportProblems(problems);
  return former.filter((each) => each !== undefined);
}
