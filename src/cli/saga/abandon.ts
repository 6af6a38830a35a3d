/** `sluice saga abandon`: writes into the journal that nothing more is done for a saga. Who runs it is not interrupted: then it is refused. */

import { abandonSaga } from '../../saga/abandon-saga.ts';
import { findSaga, hasEnded, standingOf } from '../../saga/saga-entry.ts';
import { failed, misconfigured, printJson } from '../broker-session.ts';
import { isConfirmed, isTerminal } from '../dlq/ask.ts';
import { EXIT } from '../exit-code.ts';
import { withStore } from '../journal/with-store.ts';

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
    const { name } = found.entry;
    const standing = standingOf(found.entry);
    if (hasEnded(standing)) return failed(`saga "${name}" ${id} has ended: ${standing}`);
    const question = `Give up saga "${name}" ${id}, which is ${standing}? What it did stays done.`;
    if (!yes && !(await isConfirmed(question, new AbortController().signal))) return failed('nothing was done');
    const abandoned = await abandonSaga(store, found.entry, keepEndedMs);
    if (!abandoned.ok) return failed(abandoned.reason);
    if (json) printJson({ saga: name, id, standing: 'abandoned' });
    else
      console.log(
        `saga "${name}" ${id} is abandoned; its dead letter, where there is one, can be dropped by "sluice dlq drop"`,
      );
    return EXIT.ok;
  });
}
