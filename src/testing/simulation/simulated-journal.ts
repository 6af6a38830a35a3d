/** The store that the journals of all workers of a simulated world share: slow, away, or deaf on command, and it knows when a worker has crashed. */
import { concat, defer, EMPTY, ignoreElements, NEVER, Observable, ReplaySubject, tap, throwError, timer } from 'rxjs';
import { JournalFencedError, JournalUnavailableError } from '../../errors.ts';
import { createJournal } from '../../journal/create-journal.ts';
import type { EntryKey, Journal, JournalRecord } from '../../journal/journal.ts';
import type { JournalStore, NewRecord } from '../../journal/journal-store.ts';
import { inTurn } from './in-turn.ts';
import type { LifeParts } from './line.ts';
import { Turn } from './turn.ts';

export type JournalHealth = 'up' | 'down' | 'storesWithoutAnswer';

/** A crashed worker's hold on a saga ends by itself after this long. */
const LEASE_MS = 10_000;

const HEALTHY_LATENCY_MS = 1;

export class SimulatedJournal {
  health: JournalHealth = 'up';
  latencyMs = HEALTHY_LATENCY_MS;
  /** So many records are stored torn from now on. */
  tears = 0;
  readonly #store: JournalStore;

  constructor(store: JournalStore) {
    this.#store = store;
  }

  heal(): void {
    this.health = 'up';
    this.latencyMs = HEALTHY_LATENCY_MS;
    this.tears = 0;
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
          if (life.isDead()) return NEVER;
          if (this.tears > 0) {
            this.tears--;
            const torn = { ...record, body: record.body.slice(0, Math.floor(record.body.length / 2)) };
            return concat(fencedBy(life, key, store.append(key, fence, torn, leaseMs)), unreachable());
          }
          return concat(fencedBy(life, key, store.append(key, fence, record, leaseMs)), recorded(life, key, record));
        }),
      renew: (key, ...args) => through(() => fencedBy(life, key, store.renew(key, ...args))),
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
    const travelling = concat(defer(() => timer(this.latencyMs)).pipe(ignoreElements()), arrive);
    return new Observable((sink) => {
      // What was sent arrives, though its sender is paused, or asks no more.
      const answer = new ReplaySubject<T>(1);
      Turn.outside(() => travelling.subscribe(answer));
      return inTurn(life.turn, answer).subscribe(sink);
    });
  }
}

const fencedBy = (life: LifeParts, { space, name, id }: EntryKey, command: Observable<never>): Observable<never> =>
  command.pipe(
    tap({
      error: (error: unknown) => {
        if (space === 'saga' && error instanceof JournalFencedError)
          life.emit({ kind: 'fenced', life: life.ref, saga: name, sagaId: id });
      },
    }),
  );

function recorded(life: LifeParts, { space, name, id }: EntryKey, { body }: NewRecord): Observable<never> {
  return defer(() => {
    const record = JSON.parse(body) as JournalRecord;
    if (space === 'saga') life.emit({ kind: 'recorded', life: life.ref, saga: name, sagaId: id, record });
    life.reach('afterRecord');
    return life.isDead() ? NEVER : EMPTY;
  });
}

const unreachable = (): Observable<never> =>
  throwError(() => new JournalUnavailableError('the journal cannot be reached'));
