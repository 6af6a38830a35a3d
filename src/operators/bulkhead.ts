/**
 * Bulkhead: a bound on how many sources run at once, with a bounded queue for those that wait.
 * One bulkhead is shared by whatever must share the bound: every call of an API, every value of a stream (`in-slots.ts`).
 */
import { asyncScheduler, type MonoTypeOperatorFunction, Observable, Subscriber } from 'rxjs';
import { BulkheadRejectedError } from '../errors.ts';
import { requireCount } from './require-count.ts';
import { tearDown } from './tear-down.ts';
import { type Waiting, WaitingLine } from './waiting-line.ts';

export interface BulkheadOptions {
  /** Sources that run at once. Integer, at least 1; Infinity for no bound. */
  readonly slots: number;
  /** Sources that may wait for a slot. Integer, at least 0; Infinity where something else bounds them. */
  readonly maxQueued: number;
}

export interface Bulkhead extends BulkheadOptions {
  /** Slots taken now. */
  readonly running: number;
  /** Queue slots taken now. */
  readonly queued: number;
  /**
   * Mirrors the source, subscribed to as soon as a slot is free: at once, or in the order of arrival.
   *
   * A slot is taken from the subscription to the source until it completes, fails or is unsubscribed. It is free again before that
   * end is passed on, so whoever subscribes in answer to it finds it free; then the head of the queue starts. A slot freed by
   * unsubscribing is passed on from a timer of 0 ms, so that ending a fan-out does not start those of its members that still wait.
   * Unsubscribing while queued leaves the queue: nothing ran. Holds one entry per waiting subscription, at most `maxQueued`.
   *
   * @throws BulkheadRejectedError when all slots and all queue slots are taken: the source is not subscribed to.
   */
  run<T>(source: Observable<T>): Observable<T>;
}

/**
 * A bulkhead with its slots free and its queue empty.
 * @throws RangeError for an option out of its range.
 */
export function createBulkhead({ slots, maxQueued }: BulkheadOptions): Bulkhead {
  requireCount('slots', slots, 1);
  requireCount('maxQueued', maxQueued, 0);
  return new SlotBulkhead(slots, maxQueued);
}

/** `run` of a bulkhead, as an operator. */
export function bulkhead<T>(shared: Bulkhead): MonoTypeOperatorFunction<T> {
  return (source) => shared.run(source);
}

interface Occupant extends Waiting<Occupant> {
  start(): void;
}

class SlotBulkhead implements Bulkhead {
  readonly slots: number;
  readonly maxQueued: number;
  #running = 0;
  readonly #line = new WaitingLine<Occupant>();
  /** The one loop that starts what waits. A source that ends while the loop starts it must not begin a second, deeper one. */
  #isStarting = false;
  #isStartDue = false;

  constructor(slots: number, maxQueued: number) {
    this.slots = slots;
    this.maxQueued = maxQueued;
  }

  get running(): number {
    return this.#running;
  }

  get queued(): number {
    return this.#line.length;
  }

  run<T>(source: Observable<T>): Observable<T> {
    return new Observable((sink) => {
      if (sink.closed) return;
      if (this.#running < this.slots && this.#line.length === 0) {
        this.#start(new SlotSubscriber(sink, source, this));
      } else if (this.#running + this.#line.length < this.slots + this.maxQueued) {
        // The sum is bounded, not the line: while a slot passes from one to the next, the line may be full beside a free slot.
        this.#line.join(new SlotSubscriber(sink, source, this));
      } else {
        sink.error(new BulkheadRejectedError(`all ${this.slots} slots and ${this.maxQueued} queue slots are taken`));
      }
    });
  }

  #start(occupant: Occupant): void {
    this.#running++;
    occupant.start();
  }

  freeSlot(): void {
    this.#running--;
  }

  leaveLine(occupant: Occupant): void {
    this.#line.leave(occupant);
  }

  startWaiting(): void {
    if (this.#isStarting) return;
    this.#isStarting = true;
    try {
      while (this.#running < this.slots) {
        const next = this.#line.takeHead();
        if (next === undefined) return;
        this.#start(next);
      }
    } finally {
      this.#isStarting = false;
      // A teardown that throws leaves the loop early; the others must not wait for ever.
      if (this.#running < this.slots) this.startWaitingSoon();
    }
  }

  startWaitingSoon(): void {
    if (this.#isStartDue || this.#line.length === 0) return;
    this.#isStartDue = true;
    // Not asapScheduler: its actions share one queue, and one that throws drops those behind it.
    asyncScheduler.schedule(() => {
      this.#isStartDue = false;
      this.startWaiting();
    });
  }
}

/** One subscription to the bulkhead: waits in line, then runs in a slot. */
class SlotSubscriber<T> extends Subscriber<T> implements Occupant {
  before: Occupant | undefined = undefined;
  behind: Occupant | undefined = undefined;
  readonly #sink: Subscriber<T>;
  readonly #source: Observable<T>;
  readonly #bulkhead: SlotBulkhead;
  #isRunning = false;
  #hasEnded = false;

  constructor(sink: Subscriber<T>, source: Observable<T>, bulkhead: SlotBulkhead) {
    super(sink);
    this.#sink = sink;
    this.#source = source;
    this.#bulkhead = bulkhead;
  }

  start(): void {
    this.#isRunning = true;
    this.#source.subscribe(this);
  }

  protected override _complete(): void {
    this.#hasEnded = true;
    const failure = tearDown(this);
    try {
      if (failure === undefined) this.#sink.complete();
      else this.#sink.error(failure);
    } finally {
      this.#bulkhead.startWaiting();
    }
  }

  protected override _error(cause: unknown): void {
    this.#hasEnded = true;
    const failure = tearDown(this) ?? cause;
    try {
      this.#sink.error(failure);
    } finally {
      this.#bulkhead.startWaiting();
    }
  }

  override unsubscribe(): void {
    if (this.closed) return;
    try {
      super.unsubscribe();
    } finally {
      if (!this.#isRunning) {
        this.#bulkhead.leaveLine(this);
      } else {
        this.#bulkhead.freeSlot();
        if (!this.#hasEnded) this.#bulkhead.startWaitingSoon();
      }
    }
  }
}
