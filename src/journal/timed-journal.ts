/** A journal that tells how long it takes: each entry opened and each record stored is a fact. */
import { asyncScheduler, Observable, tap } from 'rxjs';
import type { Facts } from '../events.ts';
import type { EntryKey, Journal, JournalRecord, OpenJournal } from './journal.ts';

export function timedJournal(journal: Journal, facts: Facts): Journal {
  /** Listens to one question, which is over with its first value or its end. */
  const timed = <T>(key: EntryKey, record: JournalRecord['kind'] | undefined, question: Observable<T>): Observable<T> =>
    new Observable((sink) => {
      const startedAt = asyncScheduler.now();
      let isTold = false;
      const tell = (isDone: boolean): void => {
        if (isTold || !facts.isHeard.journalAsked) return;
        isTold = true;
        const at = asyncScheduler.now();
        const { space, name } = key;
        const about = { space, name, ...(record === undefined ? {} : { record }) };
        const asked = record === undefined ? 'open' : 'append';
        facts.report({ type: 'journalAsked', at, ...about, asked, isDone, durationMs: at - startedAt });
      };
      return question
        .pipe(tap({ next: () => tell(true), complete: () => tell(true), error: () => tell(false) }))
        .subscribe(sink);
    });

  const timedEntry = (key: EntryKey, entry: OpenJournal): OpenJournal => ({
    get records() {
      return entry.records;
    },
    append: (record, options) => timed(key, record.kind, entry.append(record, options)),
  });

  return {
    get availability() {
      return journal.availability;
    },
    open: (key, message) =>
      new Observable((sink) =>
        timed(key, undefined, journal.open(key, message)).subscribe({
          next: (entry) => sink.next(timedEntry(key, entry)),
          error: (error: unknown) => sink.error(error),
          complete: () => sink.complete(),
        }),
      ),
  };
}
