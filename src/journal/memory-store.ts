/** Journals in memory: for development and tests. They end with the process. */
import { asyncScheduler, defer, EMPTY, type Observable, of, throwError } from 'rxjs';
import { JournalFencedError } from '../errors.ts';
import type { EntryKey } from './journal.ts';
import type {
  Acquired,
  EntryFilter,
  EntrySummary,
  JournalStore,
  Lease,
  NewRecord,
  StoreCounts,
} from './journal-store.ts';

export interface MemoryStoreOptions {
  /** Entries remembered that may be forgotten later, so that their messages published again repeat the answer; the oldest go first. Default: 10 000. */
  readonly maxEnded?: number;
  /** Entries remembered that are neither held nor ended: waiting for another try, or stuck. The oldest go first. Default: 100 000. */
  readonly maxWaiting?: number;
}

interface Entry {
  readonly key: EntryKey;
  readonly records: NewRecord[];
  readonly createdAt: number;
  updatedAt: number;
  fence: number;
  owner: string;
  leaseUntil: number;
  expiresAt: number | undefined;
}

const nameOf = ({ space, name, id }: EntryKey): string => JSON.stringify([space, name, id]);

/** Its clock is that of RxJS: virtual in virtual time. */
export class MemoryStore implements JournalStore {
  readonly place = 'in memory';
  readonly #maxEnded: number;
  readonly #maxWaiting: number;
  readonly #entries = new Map<string, Entry>();
  /** Names in the order in which their entries were let go. */
  readonly #ended = new Set<string>();
  readonly #waiting = new Set<string>();
  #lastFence = 0;

  constructor({ maxEnded = 10_000, maxWaiting = 100_000 }: MemoryStoreOptions = {}) {
    this.#maxEnded = maxEnded;
    this.#maxWaiting = maxWaiting;
  }

  acquire(key: EntryKey, { owner, leaseMs }: Lease): Observable<Acquired> {
    return defer(() => {
      const name = nameOf(key);
      const now = asyncScheduler.now();
      const found = this.#entries.get(name);
      if (found !== undefined && found.leaseUntil > now && found.owner !== owner) {
        // A clock that was set back makes no lease longer.
        found.leaseUntil = Math.min(found.leaseUntil, now + leaseMs);
        return of<Acquired>({ kind: 'held', forMs: found.leaseUntil - now });
      }
      const isOver = found?.expiresAt !== undefined && found.expiresAt <= now;
      const entry: Entry =
        found === undefined || isOver
          ? { key, records: [], createdAt: now, updatedAt: now, fence: 0, owner, leaseUntil: 0, expiresAt: undefined }
          : found;
      entry.fence = ++this.#lastFence;
      entry.owner = owner;
      entry.leaseUntil = now + leaseMs;
      this.#entries.set(name, entry);
      this.#waiting.delete(name);
      this.#ended.delete(name);
      return of<Acquired>({ kind: 'acquired', fence: entry.fence, records: [...entry.records] });
    });
  }

  append(key: EntryKey, fence: number, record: NewRecord, leaseMs: number): Observable<never> {
    return this.#change(key, fence, (entry, now) => {
      entry.records.push(record);
      entry.updatedAt = now;
      entry.leaseUntil = now + leaseMs;
      if (record.keepMs !== undefined) entry.expiresAt = now + record.keepMs;
    });
  }

  renew(key: EntryKey, fence: number, leaseMs: number): Observable<never> {
    return this.#change(key, fence, (entry, now) => {
      entry.leaseUntil = now + leaseMs;
    });
  }

  dropLast(key: EntryKey, fence: number, seq: number): Observable<never> {
    return this.#change(key, fence, ({ records }) => {
      if (records.at(-1)?.seq === seq) records.pop();
    });
  }

  release(key: EntryKey, fence: number): Observable<never> {
    return defer(() => {
      const name = nameOf(key);
      const entry = this.#entries.get(name);
      if (entry?.fence !== fence) return EMPTY;
      entry.leaseUntil = 0;
      if (entry.records.length === 0) this.#entries.delete(name);
      else if (entry.expiresAt === undefined) this.#waiting.add(name);
      else this.#ended.add(name);
      this.#forgetOldest(this.#ended, this.#maxEnded);
      this.#forgetOldest(this.#waiting, this.#maxWaiting);
      return EMPTY;
    });
  }

  ping(): Observable<never> {
    return EMPTY;
  }

  list({ space, name, id, lastKinds, limit = 1_000 }: EntryFilter): Observable<readonly EntrySummary[]> {
    return defer(() => {
      const wanted = this.#summaries().filter(
        (entry) =>
          (space === undefined || entry.space === space) &&
          (name === undefined || entry.name === name) &&
          (id === undefined || entry.id === id) &&
          (lastKinds?.includes(entry.lastKind) ?? true),
      );
      return of(wanted.sort((one, other) => other.updatedAt - one.updatedAt).slice(0, limit));
    });
  }

  read(key: EntryKey): Observable<readonly NewRecord[]> {
    return defer(() => of([...(this.#entries.get(nameOf(key))?.records ?? [])]));
  }

  compact(): Observable<number> {
    return defer(() => {
      const now = asyncScheduler.now();
      let forgotten = 0;
      for (const [name, { expiresAt, leaseUntil }] of this.#entries) {
        if (expiresAt === undefined || expiresAt > now || leaseUntil > now) continue;
        this.#entries.delete(name);
        this.#ended.delete(name);
        forgotten++;
      }
      return of(forgotten);
    });
  }

  counts(): Observable<readonly StoreCounts[]> {
    return defer(() => {
      const counts = new Map<string, StoreCounts>();
      for (const { space, name, lastKind } of this.#summaries()) {
        const group = JSON.stringify([space, name, lastKind]);
        counts.set(group, { space, name, lastKind, entries: (counts.get(group)?.entries ?? 0) + 1 });
      }
      return of([...counts.values()]);
    });
  }

  close(): Observable<never> {
    return EMPTY;
  }

  #change(key: EntryKey, fence: number, change: (entry: Entry, now: number) => void): Observable<never> {
    return defer(() => {
      const entry = this.#entries.get(nameOf(key));
      if (entry?.fence !== fence) return throwError(() => new JournalFencedError(key));
      change(entry, asyncScheduler.now());
      return EMPTY;
    });
  }

  #summaries(): EntrySummary[] {
    const now = asyncScheduler.now();
    return [...this.#entries.values()].flatMap(
      ({ key, records, createdAt, updatedAt, owner, leaseUntil, expiresAt }): EntrySummary[] => {
        const last = records.at(-1);
        if (last === undefined) return [];
        return [
          {
            ...key,
            lastKind: last.kind,
            records: records.length,
            createdAt,
            updatedAt,
            ...(leaseUntil > now ? { heldBy: owner, heldForMs: leaseUntil - now } : {}),
            ...(expiresAt === undefined ? {} : { expiresAt }),
          },
        ];
      },
    );
  }

  #forgetOldest(names: Set<string>, max: number): void {
    for (const name of names) {
      if (names.size <= max) return;
      names.delete(name);
      this.#entries.delete(name);
    }
  }
}
