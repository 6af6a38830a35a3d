/**
 * A saga given up by a person: its journal says that nothing more is done for it. Who runs it is not interrupted: then it is refused. One whose journal
 * is damaged, so that no worker goes on with it, can be given up too: the word is written behind what there is.
 */
import { randomUUID } from 'node:crypto';
import {
  asyncScheduler,
  catchError,
  concat,
  lastValueFrom,
  mergeMap,
  type Observable,
  of,
  take,
  throwError,
} from 'rxjs';
import { JournalCorruptError, JournalHeldError } from '../errors.ts';
import { checksumOf, createJournal } from '../journal/create-journal.ts';
import type { EntryKey, JournalRecord } from '../journal/journal.ts';
import type { JournalStore } from '../journal/journal-store.ts';
import { sagaState } from './saga-state.ts';

export type Abandoned = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/** @param keepEndedMs How long its journal is kept from now. @throws JournalUnavailableError when it is not known whether it is written. */
export async function abandonSaga(store: JournalStore, key: EntryKey, keepEndedMs: number): Promise<Abandoned> {
  const { space, name, id } = key;
  const owner = `abandon ${randomUUID()}`;
  const journal = createJournal(store, { owner, keepEndedMs });
  const abandoned = journal.open({ space, name, id }).pipe(
    mergeMap((open) => {
      // It may have ended since it was looked at.
      if (sagaState(open.records).end !== undefined) return of(false);
      return concat(open.append(theWord()), of(true));
    }),
    take(1),
    catchError((error: unknown) =>
      error instanceof JournalCorruptError
        ? abandonDamaged(store, { space, name, id }, owner, keepEndedMs)
        : throwError(() => error),
    ),
  );
  try {
    if (await lastValueFrom(abandoned)) return { ok: true };
    return { ok: false, reason: `saga "${name}" ${id} has ended by now` };
  } catch (error) {
    if (!(error instanceof JournalHeldError)) throw error;
    return { ok: false, reason: `${error.message}: wait for its end, or stop its worker` };
  } finally {
    journal.end();
  }
}

const theWord = (): Extract<JournalRecord, { readonly kind: 'abandoned' }> => ({
  kind: 'abandoned',
  at: asyncScheduler.now(),
});

const LEASE_MS = 30_000;

/** The journal does not open what is damaged: the store is told itself. */
function abandonDamaged(store: JournalStore, key: EntryKey, owner: string, keepMs: number): Observable<true> {
  return store.acquire(key, { owner, leaseMs: LEASE_MS }).pipe(
    mergeMap((acquired) => {
      if (acquired.kind === 'held') return throwError(() => new JournalHeldError(key, acquired.forMs));
      const { fence, records } = acquired;
      const word = theWord();
      const seq = (records.at(-1)?.seq ?? 0) + 1;
      const body = JSON.stringify(word);
      const record = { seq, body, checksum: checksumOf(key, seq, body), kind: word.kind, keepMs };
      return concat(store.append(key, fence, record, LEASE_MS), store.release(key, fence), of(true as const));
    }),
  );
}
