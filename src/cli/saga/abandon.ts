/** `sluice saga abandon`: writes into the journal that nothing more is done for a saga. Who runs it is not interrupted: then it is refused. */
import { randomUUID } from 'node:crypto';
import { asyncScheduler, concat, lastValueFrom, mergeMap, of, take } from 'rxjs';
import { JournalHeldError } from '../../errors.ts';
import { createJournal } from '../../journal/create-journal.ts';
import { sagaState } from '../../saga/saga-state.ts';
import { failed, misconfigured, printJson } from '../broker-session.ts';
import { isConfirmed, isTerminal } from '../dlq/ask.ts';
import { EXIT } from '../exit-code.ts';
import { withStore } from '../journal/with-store.ts';
import { findSaga, standingOf } from './saga-entry.ts';

export interface AbandonOptions {
  readonly saga?: string;
  readonly json?: boolean;
  readonly yes?: boolean;
}

export async function abandon(id: string, { saga, json = false, yes = false }: AbandonOptions): Promise<number> {
  if (!yes && !isTerminal())
    return misconfigured([
      { subject: 'saga', path: '--yes', message: 'is needed where there is no terminal to ask on' },
    ]);
  return withStore(async (store, { journalKeepMs: keepEndedMs }) => {
    const found = await findSaga(store, id, saga);
    if (!found.ok) return failed(found.reason);
    const { space, name } = found.entry;
    const standing = standingOf(found.entry);
    if (standing === 'completed' || standing === 'undone' || standing === 'abandoned')
      return failed(`saga "${name}" ${id} has ended: ${standing}`);
    const question = `Give up saga "${name}" ${id}, which is ${standing}? What it did stays done.`;
    if (!yes && !(await isConfirmed(question, new AbortController().signal))) return failed('nothing was done');
    const journal = createJournal(store, { owner: `abandon ${randomUUID()}`, keepEndedMs });
    try {
      const abandoned = journal.open({ space, name, id }).pipe(
        mergeMap((open) => {
          // It may have ended since it was looked at.
          if (sagaState(open.records).end !== undefined) return of(false);
          return concat(open.append({ kind: 'abandoned', at: asyncScheduler.now() }), of(true));
        }),
        take(1),
      );
      if (!(await lastValueFrom(abandoned))) return failed(`saga "${name}" ${id} has ended by now`);
    } catch (error) {
      if (error instanceof JournalHeldError) return failed(`${error.message}: wait for its end, or stop its worker`);
      throw error;
    }
    if (json) printJson({ saga: name, id, standing: 'abandoned' });
    else
      console.log(
        `saga "${name}" ${id} is abandoned; its dead letter, where there is one, can be dropped by "sluice dlq drop"`,
      );
    return EXIT.ok;
  });
}
