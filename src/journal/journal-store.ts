/**
 * What a store of journals must do: few commands, each of them one atomic change. `create-journal.ts` makes the journal of them, so that
 * leases, checksums and availability are the same for all stores.
 */
import type { Observable } from 'rxjs';
import type { EntryKey, JournalRecord, JournalSpace } from './journal.ts';

export interface Lease {
  /** Whoever asks again under the same name is let in at once: it is one process, which knows what it holds. */
  readonly owner: string;
  readonly leaseMs: number;
}

/** A record as it lies in the store. */
export interface StoredRecord {
  /** Place in the entry, counted from 1. */
  readonly seq: number;
  /** JSON. */
  readonly body: string;
  readonly checksum: string;
}

export interface NewRecord extends StoredRecord {
  /** Its `kind`: what the entry is listed under. */
  readonly kind: JournalRecord['kind'];
  /** From now, in milliseconds: when the entry may be forgotten. */
  readonly keepMs?: number;
}

export type Acquired =
  /** Fences grow: a later owner's is greater than any before it, in the whole store. */
  | { readonly kind: 'acquired'; readonly fence: number; readonly records: readonly StoredRecord[] }
  | { readonly kind: 'held'; readonly forMs: number };

/** An entry as lists show it. */
export interface EntrySummary extends EntryKey {
  /** Kind of its last record. */
  readonly lastKind: JournalRecord['kind'];
  readonly records: number;
  /** Milliseconds since 1970, by the store's clock. */
  readonly createdAt: number;
  readonly updatedAt: number;
  /** Who holds it now, and for how long. */
  readonly heldBy?: string;
  readonly heldForMs?: number;
  /** When it may be forgotten. */
  readonly expiresAt?: number;
}

export interface EntryFilter {
  readonly space?: JournalSpace;
  readonly name?: string;
  readonly id?: string;
  /** Kinds of the last record. */
  readonly lastKinds?: readonly JournalRecord['kind'][];
  /** Default: 1000. */
  readonly limit?: number;
}

/** How many entries there are. */
export interface StoreCounts {
  readonly space: JournalSpace;
  readonly name: string;
  readonly lastKind: JournalRecord['kind'];
  readonly entries: number;
}

/**
 * Every command is cold, and fails with JournalUnavailableError when the store cannot do it now; whether it was done is then not known.
 * Durations are the store's to add to its own clock, which all owners share.
 */
export interface JournalStore {
  /** `in memory`, `file /var/lib/…`, `PostgreSQL at db:5432/shop`: never with credentials. */
  readonly place: string;
  /**
   * Emits once. Makes the entry where there is none or where its time is over, and holds it under a new fence, unless another owner's
   * lease still runs.
   */
  acquire(key: EntryKey, lease: Lease): Observable<Acquired>;
  /** Adds a record and renews the lease, in one. @throws JournalFencedError when the fence is not the entry's any more. */
  append(key: EntryKey, fence: number, record: NewRecord, leaseMs: number): Observable<never>;
  /** @throws JournalFencedError when the fence is not the entry's any more. */
  renew(key: EntryKey, fence: number, leaseMs: number): Observable<never>;
  /** Removes a last record that cannot be read. @throws JournalFencedError when the fence is not the entry's any more. */
  dropLast(key: EntryKey, fence: number, seq: number): Observable<never>;
  /** Ends the lease; removes an entry without records. Nothing happens where the fence is not the entry's. */
  release(key: EntryKey, fence: number): Observable<never>;
  /** Completes when the store can be asked, and is of this version. */
  ping(): Observable<never>;
  /** Emits once: entries with records, those changed last first. */
  list(filter: EntryFilter): Observable<readonly EntrySummary[]>;
  /** Emits once: the records of an entry, none where there is no such entry. */
  read(key: EntryKey): Observable<readonly StoredRecord[]>;
  /** Emits once: how many entries were forgotten, whose time is over and whom nobody holds. */
  compact(): Observable<number>;
  /** Emits once. */
  counts(): Observable<readonly StoreCounts[]>;
  /** Completes when everything is closed. */
  close(): Observable<never>;
}
