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
import { messageOf } from '../errors.ts';
import type { Facts } from '../events.ts';
import type { Logger } from '../log.ts';
import type { JournalStore } from './journal-store.ts';

export interface TidyOptions {
  /** When it is done for the first time, in milliseconds. Default: a minute, for workers that live short. */
  readonly firstAfterMs?: number;
  /** From one end to the next beginning, in milliseconds. Default: ten minutes. */
  readonly everyMs?: number;
}

/** Cold, never ends. What the store cannot do now is told in the log, and asked again the next time. */
export function keepTidy(
  store: JournalStore,
  facts: Facts,
  log: Logger,
  { firstAfterMs = 60_000, everyMs = 10 * 60_000 }: TidyOptions = {},
): Observable<never> {
  const unlessItFails = <T>(command: Observable<T>, what: string): Observable<T> =>
    command.pipe(
      catchError((error: unknown) => {
        log.warn({ journal: store.place, reason: messageOf(error) }, what);
        return EMPTY;
      }),
    );
  const forget = store
    .compact()
    .pipe(tap((forgotten) => facts.report({ type: 'journalCompacted', at: asyncScheduler.now(), forgotten })));
  const count = store
    .counts()
    .pipe(tap((counts) => facts.report({ type: 'journalCounted', at: asyncScheduler.now(), counts })));
  const tidy = concat(
    unlessItFails(forget, 'the journal could not forget what is over'),
    unlessItFails(count, 'the entries of the journal could not be counted'),
  );
  return concat(timer(firstAfterMs), defer(() => concat(tidy, timer(everyMs))).pipe(repeat())).pipe(ignoreElements());
}
