/**
 * The slots under a bulkhead: counts those that are taken, keeps the line of those that wait, and starts them in turn.
 *
 * Slots may change while it runs. A pool may stand within another: then a source takes a slot of both in one step, or of none, so no
 * source ever holds the slot that another waits for. Pools within one pool take turns at its free slots, one source a turn.
 */
import { asyncScheduler, Observable, Subscriber } from 'rxjs';
import { BulkheadRejectedError } from '../errors.ts';
import type { Tally } from './tally.ts';
import { tearDown } from './tear-down.ts';
import { type Waiting, WaitingLine } from './waiting-line.ts';

/** Who waits in a pool's line and runs in its slot. */
export interface Occupant extends Waiting<Occupant> {
  /** Its turn has come: it is out of the line, and takes its slot first of all. */
  start(): void;
}

/** A bulkhead as who runs calls in it sees it: its slots, and what measures the calls in them. */
export interface Slots {
  readonly pool: SlotPool;
  /** A call begins in its slot. Undefined: nothing hears of its end. */
  begin(): Tally | undefined;
}

export class SlotPool implements Slots {
  readonly maxQueued: number;
  #slots: number;
  #running = 0;
  readonly #line = new WaitingLine<Occupant>();
  /** Pools within this one that stand in its line. */
  #turnsInLine = 0;
  readonly #outer: SlotPool | undefined;
  readonly #turn: PoolTurn;
  /** The one loop that starts what waits. A source that ends while the loop starts it must not begin a second, deeper one. */
  #isStarting = false;
  #isStartDue = false;

  constructor(slots: number, maxQueued: number, outer: SlotPool | undefined) {
    this.#slots = slots;
    this.maxQueued = maxQueued;
    this.#outer = outer;
    this.#turn = new PoolTurn(this);
  }

  get slots(): number {
    return this.#slots;
  }

  /** With fewer slots than run, nothing is stopped: the next starts when enough have ended. */
  set slots(slots: number) {
    this.#slots = slots;
    // From a timer: the change may come from within the end of a source, which must be passed on before others start.
    this.startWaitingSoon();
  }

  get running(): number {
    return this.#running;
  }

  get queued(): number {
    return this.#line.length - this.#turnsInLine;
  }

  get pool(): this {
    return this;
  }

  begin(): undefined {
    return undefined;
  }

  run<T>(source: Observable<T>): Observable<T> {
    return new Observable((sink) => {
      if (sink.closed) return;
      this.requirePlace();
      this.enter(new SlotSubscriber(sink, source, this));
    });
  }

  /** @throws BulkheadRejectedError when whoever came now would find neither slot nor queue slot. */
  requirePlace(): void {
    // Free slots count too: while one passes from one source to the next, the line may be full beside it.
    if (this.#canStartNow() || this.queued < this.maxQueued + Math.max(0, this.#slots - this.#running)) return;
    throw new BulkheadRejectedError(`all ${this.#slots} slots and ${this.maxQueued} queue slots are taken`);
  }

  /** Starts the occupant, or lets it wait. There must be a place for it. */
  enter(occupant: Occupant): void {
    if (this.#canStartNow()) {
      occupant.start();
    } else {
      this.#line.join(occupant);
      this.#askForTurn();
    }
  }

  /** A source takes a slot here and in all pools around. */
  takeSlot(): void {
    this.#count(1);
    this.#askForTurn();
  }

  freeSlot(): void {
    this.#count(-1);
  }

  leaveLine(occupant: Occupant): void {
    this.#line.leave(occupant);
  }

  startWaiting(): void {
    this.#askForTurn();
    this.#outermost().#startInTurn();
  }

  startWaitingSoon(): void {
    this.#askForTurn();
    this.#outermost().#startInTurnSoon();
  }

  /** The turn of this pool in the line of the one around it has come. */
  takeTurn(): void {
    if (this.#running < this.#slots) this.#line.takeHead()?.start();
    // What stood at the head may have been the turn of a pool with nothing left to start.
    this.#askForTurn();
  }

  joinLine(turn: PoolTurn): void {
    this.#turnsInLine++;
    this.#line.join(turn);
  }

  leftLine(): void {
    this.#turnsInLine--;
  }

  /** A slot is free here and around, and nobody waits for it. */
  #canStartNow(): boolean {
    return (
      this.#running < this.#slots &&
      this.#line.length === 0 &&
      (this.#outer === undefined || this.#outer.#canStartNow())
    );
  }

  /** Takes a place in the line of the pool around, where there is something to start here; so outwards. */
  #askForTurn(): void {
    if (this.#outer === undefined) return;
    if (this.#line.length > 0 && this.#running < this.#slots) this.#turn.joinLineOf(this.#outer);
    this.#outer.#askForTurn();
  }

  #count(change: 1 | -1): void {
    this.#running += change;
    if (this.#outer !== undefined) this.#outer.#count(change);
  }

  #outermost(): SlotPool {
    return this.#outer === undefined ? this : this.#outer.#outermost();
  }

  #startInTurn(): void {
    if (this.#isStarting) return;
    this.#isStarting = true;
    try {
      while (this.#running < this.#slots) {
        const next = this.#line.takeHead();
        if (next === undefined) return;
        next.start();
      }
    } finally {
      this.#isStarting = false;
      // A teardown that throws leaves the loop early; the others must not wait for ever.
      if (this.#running < this.#slots) this.#startInTurnSoon();
    }
  }

  #startInTurnSoon(): void {
    if (this.#isStartDue || this.#line.length === 0) return;
    this.#isStartDue = true;
    // Not asapScheduler: its actions share one queue, and one that throws drops those behind it.
    asyncScheduler.schedule(() => {
      this.#isStartDue = false;
      this.#startInTurn();
    });
  }
}

/** The place of a pool in the line of the pool around it: one at most, taken again after each turn, so that all get theirs. */
class PoolTurn implements Occupant {
  before: Occupant | undefined = undefined;
  behind: Occupant | undefined = undefined;
  readonly #pool: SlotPool;
  #outer: SlotPool | undefined;

  constructor(pool: SlotPool) {
    this.#pool = pool;
  }

  joinLineOf(outer: SlotPool): void {
    if (this.#outer !== undefined) return;
    this.#outer = outer;
    outer.joinLine(this);
  }

  start(): void {
    this.#outer?.leftLine();
    this.#outer = undefined;
    this.#pool.takeTurn();
  }
}

/** One subscription to a pool: waits in line, then runs in a slot. */
class SlotSubscriber<T> extends Subscriber<T> implements Occupant {
  before: Occupant | undefined = undefined;
  behind: Occupant | undefined = undefined;
  readonly #sink: Subscriber<T>;
  readonly #source: Observable<T>;
  readonly #pool: SlotPool;
  #isRunning = false;
  #hasEnded = false;

  constructor(sink: Subscriber<T>, source: Observable<T>, pool: SlotPool) {
    super(sink);
    this.#sink = sink;
    this.#source = source;
    this.#pool = pool;
  }

  start(): void {
    this.#isRunning = true;
    this.#pool.takeSlot();
    this.#source.subscribe(this);
  }

  protected override _complete(): void {
    this.#hasEnded = true;
    const failure = tearDown(this);
    try {
      if (failure === undefined) this.#sink.complete();
      else this.#sink.error(failure);
    } finally {
      this.#pool.startWaiting();
    }
  }

  protected override _error(cause: unknown): void {
    this.#hasEnded = true;
    const failure = tearDown(this) ?? cause;
    try {
      this.#sink.error(failure);
    } finally {
      this.#pool.startWaiting();
    }
  }

  override unsubscribe(): void {
    if (this.closed) return;
    try {
      super.unsubscribe();
    } finally {
      if (!this.#isRunning) {
        this.#pool.leaveLine(this);
      } else {
        this.#pool.freeSlot();
        if (!this.#hasEnded) this.#pool.startWaitingSoon();
      }
    }
  }
}
