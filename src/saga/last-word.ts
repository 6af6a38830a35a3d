/**
 * The last word of a saga whose message is given up from outside: by its handle's timeout on the last try, or because the broker will not hand it over
 * again. What was begun is not left without a word: on the way back the compensation under way has failed once more, on the way on the saga is stuck.
 */
import { asyncScheduler, catchError, defer, mergeMap, type Observable, of, retry, take, throwError, timer } from 'rxjs';
import {
  CompensationDelayedError,
  codeOf,
  isTransient,
  JournalFencedError,
  JournalHeldError,
  SagaCutOffError,
  SagaStuckError,
} from '../errors.ts';
import type { CallTargets } from '../http/call-target.ts';
import { delayUndoing } from './go-back.ts';
import { isOfAnotherInput, planOf, sagaKey } from './run-saga.ts';
import type { SagaContext, SagaPlan } from './saga-plan.ts';
import { SagaRun } from './saga-run.ts';

/**
 * Cold. Emits the error the message fails with: the given one where the saga was not begun, has ended, is stuck by it, or is run by somebody else.
 *
 * @throws JournalUnavailableError when it is not known whether it is written down.
 */
export function lastWord(
  plan: SagaPlan,
  input: unknown,
  context: SagaContext<CallTargets>,
  error: unknown,
): Observable<unknown> {
  return defer(() => {
    const key = sagaKey(plan, input);
    let waitsUntil: number | undefined;
    /** This process lets go in a moment; another one that is gone, when its lease is over; one that is alive has the last word itself. */
    const untilFree = (cause: unknown, times: number): Observable<unknown> => {
      if (!(cause instanceof JournalHeldError || cause instanceof JournalFencedError)) return throwError(() => cause);
      const forMs = cause instanceof JournalHeldError ? cause.forMs : 0;
      waitsUntil ??= asyncScheduler.now() + forMs + LONGER_MS;
      return asyncScheduler.now() < waitsUntil ? timer(SOON_MS[times - 1] ?? ASK_AGAIN_MS) : throwError(() => cause);
    };
    return context.journal.open(key).pipe(
      mergeMap((journal) => speak(new SagaRun(plan, key.id, input, context, journal), error)),
      take(1),
      retry({ delay: untilFree }),
      catchError((cause: unknown) =>
        cause instanceof JournalHeldError || cause instanceof JournalFencedError ? of(error) : throwError(() => cause),
      ),
    );
  });
}

/** A failure is heard before its journal is let go; then a store that is asked over a network has to answer. */
const SOON_MS: readonly number[] = [0, 5, 25];
const ASK_AGAIN_MS = 250;

/** Beyond the lease: for clocks, and for a store that takes its time. */
const LONGER_MS = 5_000;

function speak(run: SagaRun, error: unknown): Observable<unknown> {
  const { started, end, failure } = run.state;
  // Stuck by another error than this one, it was given up before anybody heard of that.
  if (started === undefined || end !== undefined || run.stuckAs === codeOf(error) || isOfAnotherInput(run))
    return of(error);
  const plan = planOf(run);
  const undoing =
    failure === undefined || plan === undefined || run.stuckAs !== undefined || !isTransient(error)
      ? undefined
      : delayUndoing(run.under(plan), error);
  const { standing } = run;
  const word = undoing ?? run.stuck((facts) => new SagaCutOffError({ ...facts, ...standing }, { cause: error }));
  return word.pipe(
    catchError((said: unknown) =>
      said instanceof SagaStuckError || said instanceof CompensationDelayedError ? of(said) : throwError(() => said),
    ),
  );
}
