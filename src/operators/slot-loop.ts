/**
 * The loop under `inSlots` and `mergeMapByKey`: opens inner sources for values in the order they are admitted, so many at once.
 *
 * One loop starts whatever waits. An inner that ends while the loop starts it returns to the loop instead of starting the next one
 * itself, so any number of synchronous inners runs in constant stack.
 */
import { from, type ObservableInput, type Subscriber, Subscription } from 'rxjs';
import { LeanSubscriber, type Listener } from './lean-subscriber.ts';
import { tearDown } from './tear-down.ts';
import { type Waiting, WaitingLine, WaitingValue } from './waiting-line.ts';

/** What an operator does for a value in its slot, and what it does when that is over. */
export interface SlotWork<T, R> {
  open(value: T): ObservableInput<R>;
  /** The slot of `value` is free again. Values admitted in answer start after those that wait already. */
  ended(value: T): void;
}

export class SlotLoop<T, R> {
  readonly #sink: Subscriber<R>;
  readonly #concurrency: number;
  readonly #work: SlotWork<T, R>;
  readonly #line = new WaitingLine<WaitingValue<T>>();
  /** Linked here rather than in the list of `sink`, which is searched from the start at each end. */
  readonly #inners = new WaitingLine<Inner<T, R>>();
  #running = 0;
  #isStarting = false;

  /** Inner values and errors go to `sink`; its end ends all inners. */
  constructor(sink: Subscriber<R>, concurrency: number, work: SlotWork<T, R>) {
    this.#sink = sink;
    this.#concurrency = concurrency;
    this.#work = work;
    sink.add(() => this.#endInners());
  }

  /** Nothing runs and nothing waits. */
  get isIdle(): boolean {
    return this.#running === 0 && this.#line.length === 0;
  }

  admit(value: T): void {
    if (this.#isStarting || this.#running >= this.#concurrency) this.#line.join(new WaitingValue(value));
    else this.#start(value);
  }

  innerEnded(value: T): void {
    this.#running--;
    if (this.#isStarting) {
      this.#work.ended(value);
      return;
    }
    this.#isStarting = true;
    this.#work.ended(value);
    while (this.#running < this.#concurrency) {
      const next = this.#line.takeHead();
      if (next === undefined) break;
      this.#start(next.value);
    }
    this.#isStarting = false;
  }

  /** It is torn down. */
  left(inner: Inner<T, R>): void {
    this.#inners.leave(inner);
  }

  #start(value: T): void {
    if (this.#sink.closed) return;
    this.#running++;
    try {
      const inner = new Inner(this.#sink, value, this);
      this.#inners.join(inner);
      from(this.#work.open(value)).subscribe(inner.subscriber);
    } catch (thrown) {
      this.#sink.error(thrown);
    }
  }

  #endInners(): void {
    const all = new Subscription();
    for (const inner of this.#inners.members()) all.add(inner);
    all.unsubscribe();
  }
}

class Inner<T, R> implements Listener<R>, Waiting<Inner<T, R>> {
  before: Inner<T, R> | undefined = undefined;
  behind: Inner<T, R> | undefined = undefined;
  readonly subscriber = new LeanSubscriber<R>(this);
  readonly #sink: Subscriber<R>;
  readonly #value: T;
  readonly #loop: SlotLoop<T, R>;

  constructor(sink: Subscriber<R>, value: T, loop: SlotLoop<T, R>) {
    this.#sink = sink;
    this.#value = value;
    this.#loop = loop;
  }

  onNext(value: R): void {
    this.#sink.next(value);
  }

  onError(cause: unknown): void {
    try {
      this.#sink.error(cause);
    } finally {
      this.unsubscribe();
    }
  }

  unsubscribe(): void {
    if (this.subscriber.closed) return;
    this.#loop.left(this);
    this.subscriber.close();
  }

  onComplete(): void {
    // Torn down before the next one starts: never more than `concurrency` hold something.
    const failure = tearDown(this);
    if (failure === undefined) this.#loop.innerEnded(this.#value);
    else this.#sink.error(failure);
  }
}
