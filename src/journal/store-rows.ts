/** The tables of a journal as both databases have them: an entry's key as values, rows as what the port speaks of. */
import type { EntryKey, JournalRecord, JournalSpace } from './journal.ts';
import type { EntrySummary, StoreCounts, StoredRecord } from './journal-store.ts';

type Row = Readonly<Record<string, unknown>>;

export const partsOf = ({ space, name, id }: EntryKey): readonly [string, string, string] => [space, name, id];

export const recordOf = ({ seq, body, checksum }: Row): StoredRecord => ({
  seq: Number(seq),
  body: String(body),
  checksum: String(checksum),
});

/** @param heldForMs How long its lease still runs, by the store's clock; not above 0 where nobody holds it. */
export function summaryOf(row: Row, heldForMs: number): EntrySummary {
  return {
    space: row.space as JournalSpace,
    name: String(row.name),
    id: String(row.id),
    lastKind: row.last_kind as JournalRecord['kind'],
    records: Number(row.records),
    createdAt: Number(row.created_at),
    updatedAt: Number(row.updated_at),
    ...(heldForMs > 0 ? { heldBy: String(row.owner), heldForMs } : {}),
    ...(row.expires_at === null ? {} : { expiresAt: Number(row.expires_at) }),
  };
}

export const countOf = (row: Row): StoreCounts => ({
  space: row.space as JournalSpace,
  name: String(row.name),
  lastKind: row.last_kind as JournalRecord['kind'],
  entries: Number(row.entries),
});
