/** `sluice saga show`: the timeline of a saga. */
import type { JournalRecord } from '../../journal/journal.ts';
import { describeRecord } from '../../saga/describe-journal.ts';
import { findSaga, readRecords, standingOf } from '../../saga/saga-entry.ts';
import { failed } from '../broker-session.ts';
import { EXIT } from '../exit-code.ts';
import { withStore } from '../journal/with-store.ts';
import { oneLine } from '../print.ts';

export interface ShowOptions {
  readonly saga?: string;
  readonly json?: boolean;
  readonly results?: boolean;
}

export const show = (id: string, { saga, json = false, results = false }: ShowOptions): Promise<number> =>
  withStore(async (store) => {
    const found = await findSaga(store, id, saga);
    if (!found.ok) return failed(found.reason);
    const { entry } = found;
    const records = await readRecords(store, entry);
    const shown = records.map(({ seq, record }) => ({ seq, record: results ? record : withoutContent(record) }));
    if (json) {
      console.log(JSON.stringify({ ...entry, standing: standingOf(entry), records: shown }));
      return EXIT.ok;
    }
    console.log(`${entry.name} ${oneLine(entry.id)}: ${standingOf(entry)}`);
    if (entry.heldBy !== undefined)
      console.log(
        `held by ${oneLine(entry.heldBy)} for ${Math.ceil((entry.heldForMs ?? 0) / 1_000)} s, if it is not renewed`,
      );
    let before: number | undefined;
    for (const { seq, record } of shown) {
      if (record === undefined) {
        console.log(`  record ${seq} is not what was written: torn, or edited`);
        continue;
      }
      const pause = before === undefined ? '' : `+${record.at - before} ms`;
      before = record.at;
      console.log(`  ${new Date(record.at).toISOString()} ${pause.padStart(12)}  ${oneLine(describeRecord(record))}`);
      if (results && contentOf(record) !== undefined)
        console.log(`      ${oneLine(JSON.stringify(contentOf(record)))}`);
    }
    return EXIT.ok;
  });

function contentOf(record: JournalRecord): unknown {
  if ('result' in record) return record.result;
  return 'answer' in record ? record.answer : undefined;
}

/** What a step gave is not shown unless it is asked for. */
function withoutContent(record: JournalRecord | undefined): JournalRecord | undefined {
  if (record === undefined) return undefined;
  if ('result' in record) return { ...record, result: undefined };
  return 'answer' in record ? { ...record, answer: undefined } : record;
}
