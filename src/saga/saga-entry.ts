/** One saga of the journal, found by its id: which it is, how it stands, and its records as they were written. */
import { firstValueFrom } from 'rxjs';
import { checksumOf } from '../journal/create-journal.ts';
import type { EntryKey, JournalRecord } from '../journal/journal.ts';
import type { EntrySummary, JournalStore, StoredRecord } from '../journal/journal-store.ts';

export type SagaStanding = 'running' | 'waiting' | 'stuck' | 'completed' | 'undone' | 'abandoned';

/** Kinds of the last record of a saga that has not ended. */
export const UNENDED: readonly JournalRecord['kind'][] = [
  'started',
  'stepIntended',
  'stepSkipped',
  'stepDone',
  'stepFailed',
  'compensationIntended',
  'compensationDone',
  'compensationFailed',
  'stuck',
];

/** Waiting: nobody runs it now, its message comes again; where the broker itself has given that up, its journal cannot know. */
export function standingOf({ lastKind, heldBy }: EntrySummary): SagaStanding {
  switch (lastKind) {
    case 'completed':
    case 'undone':
    case 'abandoned':
      return lastKind;
    default:
      if (heldBy !== undefined) return 'running';
      return lastKind === 'stuck' ? 'stuck' : 'waiting';
  }
}

export const hasEnded = (standing: SagaStanding): boolean =>
  standing === 'completed' || standing === 'undone' || standing === 'abandoned';

export type Found =
  | { readonly ok: true; readonly entry: EntrySummary }
  | { readonly ok: false; readonly reason: string };

export async function findSaga(store: JournalStore, id: string, name: string | undefined): Promise<Found> {
  const filter = name === undefined ? {} : { name };
  const found = await firstValueFrom(store.list({ space: 'saga', id, ...filter }));
  const [entry] = found;
  if (entry === undefined) return { ok: false, reason: `no saga ${JSON.stringify(id)} in ${store.place}` };
  if (found.length === 1) return { ok: true, entry };
  const names = found.map((each) => each.name).join(', ');
  return { ok: false, reason: `several sagas have the id ${JSON.stringify(id)}; say which by --saga: ${names}` };
}

export interface ReadRecord {
  readonly record: JournalRecord | undefined;
  readonly seq: number;
}

/** Undefined where a record is not as it was written. */
export async function readRecords(store: JournalStore, key: EntryKey): Promise<readonly ReadRecord[]> {
  const stored = await firstValueFrom(store.read(key));
  return stored.map((each) => ({ seq: each.seq, record: intact(key, each) }));
}

const intact = (key: EntryKey, { seq, body, checksum }: StoredRecord): JournalRecord | undefined =>
  checksum === checksumOf(key, seq, body) ? (JSON.parse(body) as JournalRecord) : undefined;

/** Id of the message that a saga goes on with: of the one it is stuck with, or began with; undefined where its journal names none. */
export async function messageIdOf(store: JournalStore, key: EntryKey): Promise<string | undefined> {
  const records = await readRecords(store, key);
  const named = records.flatMap(({ record }) =>
    record !== undefined && 'messageId' in record && record.messageId !== undefined ? [record.messageId] : [],
  );
  return named.at(-1);
}
