/** The journal in memory: for development, tests and pipelines that rest on their APIs' idempotency. It ends with the worker. */
import { defer, EMPTY, of, throwError } from 'rxjs';
import { SagaBusyError } from '../errors.ts';
import type { Journal, JournalRecord, OpenJournal } from './journal.ts';

export interface MemoryJournalOptions {
  /** Ended sagas remembered, so that their messages published again repeat the answer; the oldest are forgotten first. Default: 10 000. */
  readonly maxEnded?: number;
  /** Sagas remembered that have not ended and are not run now: waiting for another try, or stuck. The oldest are forgotten first. Default: 100 000. */
  readonly maxWaiting?: number;
}

interface Entry {
  readonly records: JournalRecord[];
  isHeld: boolean;
}

const isEnd = ({ kind }: JournalRecord): boolean => kind === 'completed' || kind === 'undone';

/** Holds the records of all running sagas, of the last `maxWaiting` unfinished ones and of the last `maxEnded` ended ones. */
export function createMemoryJournal({ maxEnded = 10_000, maxWaiting = 100_000 }: MemoryJournalOptions = {}): Journal {
  const entries = new Map<string, Entry>();
  const ended = new Set<string>();

  const waiting = new Set<string>();

  const forgetOldest = (keys: Set<string>, max: number): void => {
    for (const key of keys) {
      if (keys.size <= max) return;
      keys.delete(key);
      entries.delete(key);
    }
  };

  const hold = (key: string, entry: Entry): OpenJournal => {
    let isReleased = false;
    entry.isHeld = true;
    waiting.delete(key);
    return {
      records: [...entry.records],
      append: (record) =>
        defer(() => {
          if (isReleased) return throwError(() => new SagaBusyError('the journal was released before this record'));
          entry.records.push(record);
          if (isEnd(record)) ended.add(key);
          return EMPTY;
        }),
      release: () => {
        if (isReleased) return;
        isReleased = true;
        entry.isHeld = false;
        // A saga that wrote nothing down has nothing to remember.
        if (entry.records.length === 0) entries.delete(key);
        else if (!ended.has(key)) waiting.add(key);
        forgetOldest(ended, maxEnded);
        forgetOldest(waiting, maxWaiting);
      },
    };
  };

  return {
    open: (saga, sagaId) =>
      defer(() => {
        const key = JSON.stringify([saga, sagaId]);
        const entry = entries.get(key) ?? { records: [], isHeld: false };
        if (entry.isHeld)
          return throwError(() => new SagaBusyError(`saga "${saga}" ${sagaId} is run by another message now`));
        entries.set(key, entry);
        return of(hold(key, entry));
      }),
  };
}
