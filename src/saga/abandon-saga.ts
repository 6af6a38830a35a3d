/** A saga given up by a person: its journal says that nothing more is done for it. Who runs it is not interrupted: then it is refused. */
import { randomUUID } from 'node:crypto';
import { asyncScheduler, concat, lastValueFrom, mergeMap, of, take } from 'rxjs';
import { JournalHeldError } from '../errors.ts';
import { createJournal } from '../journal/create-journal.ts';
import type { EntryKey } from '../journal/journal.ts';
import type { JournalStore } from '../journal/journal-store.ts';
import { sagaState } from './saga-state.ts';

export type Abandoned = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/** @param keepEndedMs How long its journal is kept from now. @throws JournalUnavailableError when it is not known whether it is written. */
export async function abandonSaga(store: JournalStore, key: EntryKey, keepEndedMs: number): Promise<Abandoned> {
  const { space, name, id } = key;
  const journal = createJournal(store, { owner: `abandon ${randomUUID()}`, keepEndedMs });
  const abandoned = journal.open({ space, name, id }).pipe(
    mergeMap((open) => {
      // It may have ended since it was looked at.
      if (sagaState(open.records).end !== undefined) return of(false);
      return concat(open.append({ kind: 'abandoned', at: asyncScheduler.now() }), of(true));
    }),
    take(1),
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
