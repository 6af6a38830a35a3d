/** The journal all workers of a simulated world share: slow, away, or deaf on command, and it knows when a worker has crashed. */
import { concat, defer, EMPTY, ignoreElements, map, NEVER, type Observable, tap, throwError, timer } from 'rxjs';
import { TransientError } from '../../errors.ts';
import type { Journal, JournalRecord, OpenJournal } from '../../journal/journal.ts';
import type { LifeParts } from './line.ts';

export type JournalHealth = 'up' | 'down' | 'storesWithoutAnswer';

/** A crashed worker's hold on a saga ends by itself after this long. */
const LEASE_MS = 2_000;

const HEALTHY_LATENCY_MS = 1;

export class SimulatedJournal {
  health: JournalHealth = 'up';
  latencyMs = HEALTHY_LATENCY_MS;
  readonly #store: Journal;
  readonly #after: (ms: number, work: () => void) => void;

  constructor(store: Journal, after: (ms: number, work: () => void) => void) {
    this.#store = store;
    this.#after = after;
  }

  heal(): void {
    this.health = 'up';
    this.latencyMs = HEALTHY_LATENCY_MS;
  }

  /** The journal as one life of a worker sees it. */
  viewFor(life: LifeParts): { readonly journal: Journal; readonly crash: () => void } {
    const held = new Set<OpenJournal>();
    const open: Journal['open'] = (saga, sagaId) =>
      this.#later(() => {
        if (life.isDead()) return NEVER;
        if (this.health === 'down') return unreachable();
        return this.#store.open(saga, sagaId).pipe(
          tap((opened) => held.add(opened)),
          map((opened) => this.#hold(opened, held, life, saga, sagaId)),
        );
      });
    const crash = (): void => {
      for (const opened of held) this.#after(LEASE_MS, () => opened.release());
    };
    return { journal: { open }, crash };
  }

  #hold(opened: OpenJournal, held: Set<OpenJournal>, life: LifeParts, saga: string, sagaId: string): OpenJournal {
    return {
      records: opened.records,
      append: (record) => this.#later(() => this.#append(opened, record, life, saga, sagaId)),
      release: () => {
        if (life.isDead()) return;
        held.delete(opened);
        opened.release();
      },
    };
  }

  #append(
    opened: OpenJournal,
    record: JournalRecord,
    life: LifeParts,
    saga: string,
    sagaId: string,
  ): Observable<never> {
    life.reach('beforeRecord');
    if (life.isDead()) return NEVER;
    if (this.health === 'down') return unreachable();
    const { health } = this;
    return concat(
      opened.append(record),
      defer(() => {
        life.emit({ kind: 'recorded', saga, sagaId, record });
        life.reach('afterRecord');
        if (life.isDead()) return NEVER;
        return health === 'storesWithoutAnswer' ? unreachable() : EMPTY;
      }),
    );
  }

  #later<T>(work: () => Observable<T>): Observable<T> {
    return concat(defer(() => timer(this.latencyMs)).pipe(ignoreElements()), defer(work));
  }
}

const unreachable = (): Observable<never> => throwError(() => new TransientError('the journal cannot be reached'));
