/** The store that the journals of all workers of a simulated world share: slow, away, or deaf on command, and it knows when a worker has crashed. */
import { concat, defer, EMPTY, ignoreElements, NEVER, type Observable, throwError, timer } from 'rxjs';
import { JournalUnavailableError } from '../../errors.ts';
import { createJournal } from '../../journal/create-journal.ts';
import type { EntryKey, Journal, JournalRecord } from '../../journal/journal.ts';
import type { JournalStore, NewRecord } from '../../journal/journal-store.ts';
import type { LifeParts } from './line.ts';

export type JournalHealth = 'up' | 'down' | 'storesWithoutAnswer';

/** A crashed worker's hold on a saga ends by itself after this long. */
const LEASE_MS = 10_000;

const HEALTHY_LATENCY_MS = 1;

export class SimulatedJournal {
  health: JournalHealth = 'up';
  latencyMs = HEALTHY_LATENCY_MS;
  readonly #store: JournalStore;

  constructor(store: JournalStore) {
    this.#store = store;
  }

  heal(): void {
    this.health = 'up';
    this.latencyMs = HEALTHY_LATENCY_MS;
  }

  /** The journal of one life of a worker. */
  viewFor(life: LifeParts): Journal {
    const { worker, life: number } = life.ref;
    return createJournal(this.#storeFor(life), { owner: `worker ${worker}, life ${number}`, leaseMs: LEASE_MS });
  }

  #storeFor(life: LifeParts): JournalStore {
    const store = this.#store;
    const through = <T>(command: () => Observable<T>): Observable<T> => this.#through(life, command);
    return {
      place: store.place,
      acquire: (...args) => through(() => store.acquire(...args)),
      append: (key, fence, record, leaseMs) =>
        through(() => {
          life.reach('beforeRecord');
          return life.isDead() ? NEVER : concat(store.append(key, fence, record, leaseMs), recorded(life, key, record));
        }),
      renew: (...args) => through(() => store.renew(...args)),
      dropLast: (...args) => through(() => store.dropLast(...args)),
      release: (...args) => through(() => store.release(...args)),
      ping: () => through(() => store.ping()),
      list: (...args) => through(() => store.list(...args)),
      read: (...args) => through(() => store.read(...args)),
      compact: () => through(() => store.compact()),
      counts: () => through(() => store.counts()),
      close: () => EMPTY,
    };
  }

  #through<T>(life: LifeParts, command: () => Observable<T>): Observable<T> {
    const arrive = defer(() => {
      if (life.isDead()) return NEVER;
      if (this.health === 'down') return unreachable();
      if (this.health === 'storesWithoutAnswer') return concat(command().pipe(ignoreElements()), unreachable());
      return command();
    });
    return concat(defer(() => timer(this.latencyMs)).pipe(ignoreElements()), arrive);
  }
}

function recorded(life: LifeParts, { space, name, id }: EntryKey, { body }: NewRecord): Observable<never> {
  return defer(() => {
    const record = JSON.parse(body) as JournalRecord;
    if (space === 'saga') life.emit({ kind: 'recorded', saga: name, sagaId: id, record });
    life.reach('afterRecord');
    return life.isDead() ? NEVER : EMPTY;
  });
}

const unreachable = (): Observable<never> =>
  throwError(() => new JournalUnavailableError('the journal cannot be reached'));
