/** The way back: what was done is undone, the last first, each move written down before the next. */
import { mergeMap, type Observable, of, throwError } from 'rxjs';
import { CompensationDelayedError, CompensationFailedError, isTransient, SagaUndoneError } from '../errors.ts';
import { type SagaStep, stepOf } from './saga-plan.ts';
import { failureOf, plain, type SagaRun } from './saga-run.ts';
import type { SagaState } from './saga-state.ts';

/** Cold. Undoes the last step that is done and not undone; when there is none left, the saga is undone. @param error What turned it back, where that is known. */
export function goBack(run: SagaRun, error?: unknown): Observable<unknown> {
  const undo = nextToUndo(run);
  if (undo === undefined) return endUndone(run, error);
  const { step, work } = undo;
  const { name } = step;
  return run.record({ kind: 'compensationIntended', step: name }, () =>
    run
      .undo(step, work)
      .pipe(
        mergeMap((outcome) =>
          outcome.ok
            ? run.record({ kind: 'compensationDone', step: name }, () => goBack(run, error))
            : failToUndo(run, name, outcome.error),
        ),
      ),
  );
}

/**
 * Cold. What becomes of an undoing that was cut off from outside: it has failed once more. Undefined where nothing is left to undo, or where what is left
 * was not begun and would not be tried again: it cannot have failed.
 */
export function delayUndoing(run: SagaRun, cause: unknown): Observable<never> | undefined {
  const undo = nextToUndo(run);
  if (undo === undefined) return undefined;
  const { name } = undo.step;
  return run.maxAttempts > 1 || run.state.undoing.has(name) ? failToUndo(run, name, cause) : undefined;
}

function nextToUndo({ plan, state }: SagaRun): { readonly step: SagaStep; readonly work: SagaStep['run'] } | undefined {
  const { failure, results, skipped, compensated } = state;
  const isLeft = (name: string): boolean => !compensated.includes(name) && !skipped.has(name);
  for (const name of (failure?.inDoubt ?? []).filter(isLeft)) {
    const step = stepOf(plan, name);
    if (step?.undoInDoubt !== undefined) return { step, work: step.undoInDoubt };
  }
  for (const name of [...results.keys()].filter(isLeft).reverse()) {
    const step = stepOf(plan, name);
    if (step?.compensate !== undefined) return { step, work: step.compensate };
  }
  return undefined;
}

function failToUndo(run: SagaRun, step: string, cause: unknown): Observable<never> {
  return run.record({ kind: 'compensationFailed', step, ...failureOf(cause) }, () => {
    const failures = run.state.undoFailures.get(step) ?? 0;
    return isTransient(cause) && failures < run.maxAttempts
      ? throwError(() => new CompensationDelayedError(step, failures, { cause }))
      : run.stuck((facts) => new CompensationFailedError({ ...facts, step }, { cause }));
  });
}

/** The saga is undone: its author's answer, or the failure of the step that turned it back. */
function endUndone(run: SagaRun, error: unknown): Observable<unknown> {
  const said = answerOfUndone(run);
  if (said === undefined) {
    const why = (): unknown => error ?? undoneError(run, run.state);
    return run.record({ kind: 'undone' }, () => throwError(why));
  }
  const { answer } = said;
  return run.record({ kind: 'undone', answer }, () => of(answer));
}

/** What its author answers once it is undone; undefined where nothing is said about that. */
export function answerOfUndone({ plan, input, state }: SagaRun): { readonly answer: unknown } | undefined {
  const { whenCompensated } = plan;
  if (whenCompensated === undefined) return undefined;
  const { step = '', code = '', message = '' } = state.failure ?? {};
  const failure = { step, code, message, compensated: state.compensated };
  return { answer: plain(whenCompensated({ input, failure }), 'the answer of whenCompensated') };
}

/** What a saga without an answer of its own fails with, once it was undone. */
export function undoneError({ plan, sagaId }: SagaRun, { failure }: SagaState): SagaUndoneError {
  return new SagaUndoneError(plan.name, sagaId, failure ?? { step: '', message: 'the journal does not say' });
}
