/** Forgets what is over, and counts what is there, every so often, as long as a worker runs. */
import {
  asyncScheduler,
  catchError,
  concat,
  defer,
  EMPTY,
  ignoreElements,
  type Observable,
  repeat,
  tap,
  timer,
} from 'rxjs';
import type { Facts } from '../events.ts';
import type { JournalStore } from './journal-store.ts';

/** The first soon, for workers that live short. */
const FIRST_AFTER_MS = 60_000;
const EVERY_MS = 10 * 60_000;

/** Cold, never ends. A store that is away is asked again the next time. */
export function keepTidy(store: JournalStore, facts: Facts): Observable<never> {
  const tidy = concat(
    store
      .compact()
      .pipe(tap((forgotten) => facts.report({ type: 'journalCompacted', at: asyncScheduler.now(), forgotten }))),
    store.counts().pipe(tap((counts) => facts.report({ type: 'journalCounted', at: asyncScheduler.now(), counts }))),
  ).pipe(catchError(() => EMPTY));
  return concat(timer(FIRST_AFTER_MS), defer(() => concat(tidy, timer(EVERY_MS))).pipe(repeat())).pipe(
    ignoreElements(),
  );
}
