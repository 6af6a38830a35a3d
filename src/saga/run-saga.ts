/**
 * A saga at work: forwards step by step, or back step by step, each move journalled before the next begins.
 * What the journal already holds is not done again, so a run after a crash goes on where the last one stood.
 */
import {
  asyncScheduler,
  catchError,
  concat,
  defaultIfEmpty,
  defer,
  last,
  map,
  mergeMap,
  type Observable,
  of,
  retry,
  take,
  throwError,
  timer,
} from 'rxjs';
import {
  CompensationFailedError,
  codeOf,
  isRefusal,
  isTransient,
  JournalFencedError,
  JournalHeldError,
  messageOf,
  SagaConflictError,
  SagaInDoubtError,
  SagaUndoneError,
} from '../errors.ts';
import type { ApiDefinitions } from '../http/define-api.ts';
import { scopeApis } from '../http/scope-apis.ts';
import type { JournalRecord, OpenJournal } from '../journal/journal.ts';
import { fingerprint } from '../message/identity.ts';
import type { SagaContext, SagaPlan, SagaScope, SagaStep } from './saga-plan.ts';
import { type SagaState, type StepFailure, sagaState } from './saga-state.ts';

type StepOutcome = { readonly ok: true; readonly result: unknown } | { readonly ok: false; readonly error: unknown };

/** A record as a move writes it; the time is added where it is appended. */
type Move = JournalRecord extends infer R ? (R extends JournalRecord ? Omit<R, 'at'> : never) : never;

interface SagaRun {
  readonly plan: SagaPlan;
  readonly sagaId: string;
  readonly input: unknown;
  readonly context: SagaContext<ApiDefinitions>;
  readonly journal: OpenJournal;
}

/**
 * Cold. Emits the saga's answer once. Unsubscribing stops after the move under way; its journal is released.
 *
 * @throws SagaConflictError when the id belongs to another input; the step's own error where
 *   it is worth another try later, or where no `whenCompensated` is given; CompensationFailedError and SagaInDoubtError when the saga is stuck.
 */
export function runSaga(plan: SagaPlan, input: unknown, context: SagaContext<ApiDefinitions>): Observable<unknown> {
  return defer(() => {
    const sagaId = plan.id(input);
    return context.journal.open({ space: 'saga', name: plan.name, id: sagaId }).pipe(
      mergeMap((journal) => proceed({ plan, sagaId, input, context, journal })),
      // The last word: with it the journal is let go.
      take(1),
      retry({ delay: untilFree }),
    );
  });
}

const ASK_AGAIN_MS = { first: 100, most: 2_000 } as const;

/** Somebody else runs this saga, or took it over: waits for its end, which then is this message's too. The handle's timeout bounds the wait. */
function untilFree(error: unknown, times: number): Observable<unknown> {
  if (!(error instanceof JournalHeldError || error instanceof JournalFencedError)) return throwError(() => error);
  return timer(Math.min(ASK_AGAIN_MS.first * 2 ** Math.min(times - 1, 10), ASK_AGAIN_MS.most));
}

function proceed(run: SagaRun): Observable<unknown> {
  const { plan, sagaId, input, journal } = run;
  const state = sagaState(journal.records);
  const inputHash = fingerprint(JSON.stringify(input));
  if (state.inputHash === undefined)
    return record(run, { kind: 'started', inputHash }, () => stepForward(run, new Map()));
  if (state.inputHash !== inputHash) {
    return throwError(
      () =>
        new SagaConflictError(`saga "${plan.name}" ${sagaId} was started with another input; ids must not be reused`),
    );
  }
  if (state.end === 'completed') return of(finish(run, state.results));
  if (state.failure === undefined) return stepForward(run, state.results);
  return stepBack(run, state, state.failure);
}

/** Runs the first step without a result; when there is none left, the saga is complete. */
function stepForward(run: SagaRun, results: ReadonlyMap<string, unknown>): Observable<unknown> {
  const step = run.plan.steps.find(({ name }) => !results.has(name));
  if (step === undefined) return record(run, { kind: 'completed' }, () => of(finish(run, results)));
  return record(run, { kind: 'stepIntended', step: step.name }, () =>
    outcomeOf(() => step.run(scopeOf(run, results, step.name))).pipe(
      mergeMap((outcome) => {
        if (!outcome.ok) return turnBack(run, step, results, outcome.error);
        const { result } = outcome;
        return record(run, { kind: 'stepDone', step: step.name, result }, () =>
          stepForward(run, new Map(results).set(step.name, result)),
        );
      }),
    ),
  );
}

/**
 * A step failed: later, where it is worth another try; stuck, where its effect is in doubt and would have to be undone; otherwise the decision
 * to compensate is recorded, for good.
 */
function turnBack(
  run: SagaRun,
  step: SagaStep,
  results: ReadonlyMap<string, unknown>,
  error: unknown,
): Observable<unknown> {
  if (isWorthLater(run, error)) return throwError(() => error);
  // Nothing is recorded: whoever resumes the saga repeats the step with its keys, and learns what became of it.
  if (step.compensate !== undefined && !isRefusal(error)) {
    const { plan, sagaId } = run;
    return throwError(() => new SagaInDoubtError(plan.name, sagaId, step.name, { cause: error }));
  }
  const failure: StepFailure = { step: step.name, code: codeOf(error), message: messageOf(error) };
  const state: SagaState = { ...sagaState([]), results, failure };
  return record(run, { kind: 'stepFailed', ...failure }, () => stepBack(run, state, failure, error));
}

/** Undoes the last step that is done and not undone; when there is none left, the saga is undone. */
function stepBack(run: SagaRun, state: SagaState, failure: StepFailure, error?: unknown): Observable<unknown> {
  if (state.end === 'undone') return giveUp(run, state, failure, error);
  const step = run.plan.steps.findLast(
    ({ name, compensate }) => compensate !== undefined && state.results.has(name) && !state.compensated.includes(name),
  );
  if (step?.compensate === undefined) return record(run, { kind: 'undone' }, () => giveUp(run, state, failure, error));

  const { name, compensate } = step;
  return record(run, { kind: 'compensationIntended', step: name }, () =>
    outcomeOf(() => compensate(scopeOf(run, state.results, `${name}/undo`))).pipe(
      mergeMap((outcome) => {
        if (!outcome.ok) return failToCompensate(run, name, outcome.error);
        const compensated = [...state.compensated, name];
        return record(run, { kind: 'compensationDone', step: name }, () =>
          stepBack(run, { ...state, compensated }, failure, error),
        );
      }),
    ),
  );
}

function failToCompensate(run: SagaRun, step: string, error: unknown): Observable<never> {
  const { plan, sagaId } = run;
  const move: Move = { kind: 'compensationFailed', step, code: codeOf(error), message: messageOf(error) };
  return record(run, move, () =>
    throwError(() =>
      isWorthLater(run, error) ? error : new CompensationFailedError(plan.name, sagaId, step, { cause: error }),
    ),
  );
}

function finish({ plan, input }: SagaRun, results: ReadonlyMap<string, unknown>): unknown {
  return plan.finish({ input, results: Object.fromEntries(results) });
}

/** The saga is undone: its author's answer, or the failure of the step that turned it back. */
function giveUp(
  { plan, input, sagaId }: SagaRun,
  { compensated }: SagaState,
  failure: StepFailure,
  error?: unknown,
): Observable<unknown> {
  if (plan.whenCompensated !== undefined)
    return of(plan.whenCompensated({ input, failure: { ...failure, compensated } }));
  const undone = (): unknown => error ?? new SagaUndoneError(plan.name, sagaId, failure);
  return throwError(undone);
}

const isWorthLater = ({ context }: SagaRun, error: unknown): boolean =>
  isTransient(error) && context.attempt < context.maxAttempts;

function scopeOf(
  { plan, sagaId, input, context }: SagaRun,
  results: ReadonlyMap<string, unknown>,
  move: string,
): SagaScope<unknown, ApiDefinitions, unknown> {
  return {
    input,
    results: Object.fromEntries(results),
    log: context.log,
    // Once for each move: the calls of a move that are alike are told apart by counting them.
    apis: scopeApis(context.apis, `saga/${plan.name}/${sagaId}/${move}`),
  };
}

/** The last value of a move, or its error, as a value: only the author's work counts, not the journal's. */
const outcomeOf = (work: () => ReturnType<SagaStep['run']>): Observable<StepOutcome> =>
  defer(work).pipe(
    defaultIfEmpty(undefined),
    last(),
    map((result): StepOutcome => ({ ok: true, result })),
    catchError((error: unknown) => of<StepOutcome>({ ok: false, error })),
  );

/** Writes a move down, and only then goes on. */
const record = <T>({ journal }: SagaRun, move: Move, next: () => Observable<T>): Observable<T> =>
  concat(
    defer(() => journal.append({ ...move, at: asyncScheduler.now() })),
    defer(next),
  );
