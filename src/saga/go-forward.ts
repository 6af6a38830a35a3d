/** The way on: stage by stage, and what to do about a step that fails. */
import { concat, defer, forkJoin, map, mergeMap, type Observable, of, throwError } from 'rxjs';
import { firstOf, isRefusal, ResponseInvalidError, SagaForwardFailedError, SagaInDoubtError } from '../errors.ts';
import { parseNow } from '../message/parse-now.ts';
import { requireValue } from '../operators/require-value.ts';
import { goBack } from './go-back.ts';
import type { SagaStage, SagaStep } from './saga-plan.ts';
import { failureOf, type Outcome, plain, type SagaRun } from './saga-run.ts';

/** How a step ended. */
type StepEnd =
  | { readonly ok: true }
  /** `nothingRan`: it failed before it began. */
  | { readonly ok: false; readonly step: SagaStep; readonly error: unknown; readonly nothingRan: boolean };

type StepFailure = Extract<StepEnd, { readonly ok: false }>;

/**
 * Cold. Runs the first stage that is not done; when there is none left, the saga is complete. Where the message is too late, and there is a way back,
 * it is taken before anything more is begun; a step in doubt is repeated first, to learn what became of it.
 */
export function goForward(run: SagaRun): Observable<unknown> {
  const { results, intended } = run.state;
  const stage = run.plan.stages.find(({ steps }) => steps.some(({ name }) => !results.has(name)));
  if (stage === undefined) return complete(run);
  const left = stage.steps.filter(({ name }) => !results.has(name));
  const due = run.isTooLate && !stage.isAfterPivot ? left.filter(({ name }) => intended.has(name)) : left;
  if (due.length === 0) return turnBack(run, left[0]?.name ?? '', run.tooLate(), []);
  // All of them end before anything is decided: one that is cut off would be in doubt.
  return forkJoin(due.map((step) => runStep(run, step))).pipe(
    mergeMap((ends) => {
      const failures = ends.filter((end) => !end.ok);
      return failures.length === 0 ? goForward(run) : decide(run, stage, failures);
    }),
  );
}

function complete(run: SagaRun): Observable<unknown> {
  const { plan, input, state } = run;
  const answer = plain(plan.finish({ input, results: Object.fromEntries(state.results) }), 'the answer of returns');
  return run.record({ kind: 'completed', answer }, () => of(answer));
}

function runStep(run: SagaRun, step: SagaStep): Observable<StepEnd> {
  const begin = run.record({ kind: 'stepIntended', step: step.name }, () =>
    run.attempt(step).pipe(
      map((outcome) => (outcome.ok ? checked(step, outcome.result) : outcome)),
      mergeMap((outcome): Observable<StepEnd> => {
        if (!outcome.ok) return of({ ok: false, step, error: outcome.error, nothingRan: false });
        const { result } = outcome;
        return run.record({ kind: 'stepDone', step: step.name, result }, () => of<StepEnd>({ ok: true }));
      }),
    ),
  );
  return defer(() => {
    const { when, name } = step;
    // Once it was begun, its condition has held.
    if (when === undefined || run.state.intended.has(name)) return begin;
    let isWanted: boolean;
    try {
      isWanted = requireValue(`the condition of step "${name}" is`, when(run.scope(name)));
    } catch (error) {
      return of<StepEnd>({ ok: false, step, error, nothingRan: true });
    }
    return isWanted ? begin : run.record({ kind: 'stepSkipped', step: name }, () => of<StepEnd>({ ok: true }));
  });
}

/** The result as it is written down. What does not fit leaves its effect in doubt: something answered, and nobody knows what it did. */
function checked({ name, result: schema }: SagaStep, result: unknown): Outcome {
  try {
    const parsed = schema === undefined ? undefined : parseNow(schema, result, `the schema of step "${name}"`);
    if (parsed !== undefined && !parsed.success) {
      const issues = firstOf(parsed.error.issues, ({ path, message }) => `${path.join('.') || 'it'}: ${message}`);
      const error = new ResponseInvalidError({ api: 'step', operation: name }, `its result does not fit: ${issues}`);
      return { ok: false, error };
    }
    return { ok: true, result: plain(parsed === undefined ? result : parsed.data, `the result of step "${name}"`) };
  } catch (error) {
    return { ok: false, error };
  }
}

/**
 * Steps failed: later, where one is worth another try; stuck, where there is no way back, or an effect is in doubt that would have to be
 * undone; otherwise the decision to compensate is recorded, for good.
 */
function decide(run: SagaRun, stage: SagaStage, failures: readonly StepFailure[]): Observable<unknown> {
  const later = failures.find(({ error }) => run.isWorthLater(error, stage));
  if (later !== undefined) return throwError(() => later.error);
  const [first] = failures;
  if (first === undefined) return concat();
  if (stage.isAfterPivot) {
    const { step, error: cause } = first;
    return run.stuck((facts) => new SagaForwardFailedError({ ...facts, step: step.name }, { cause }));
  }
  const doubtful = failures.filter(isInDoubt);
  // No decision: whoever resumes the saga repeats the step with its keys, and learns what became of it.
  const insoluble = doubtful.find(({ step }) => step.undoInDoubt === undefined);
  if (insoluble !== undefined) {
    const { step, error: cause } = insoluble;
    return run.stuck((facts) => new SagaInDoubtError({ ...facts, step: step.name }, { cause }));
  }
  const inDoubt = doubtful.map(({ step }) => step.name);
  return turnBack(run, first.step.name, first.error, inDoubt);
}

/** The decision, written down once. */
function turnBack(run: SagaRun, step: string, error: unknown, inDoubt: readonly string[]): Observable<unknown> {
  const failure = { step, ...failureOf(error) };
  return run.record({ kind: 'stepFailed', ...failure, ...(inDoubt.length === 0 ? {} : { inDoubt }) }, () =>
    goBack(run, error),
  );
}

/** Whether a step may have taken an effect that would have to be undone. */
const isInDoubt = ({ step, error, nothingRan }: StepFailure): boolean =>
  !nothingRan && (step.compensate !== undefined || step.undoInDoubt !== undefined) && !isRefusal(error);
