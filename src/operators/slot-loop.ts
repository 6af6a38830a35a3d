/**
 * The loop under `inSlots` and `mergeMapByKey`: opens inner sources for values in the order they are admitted, so many at once.
 *
 * One loop starts whatever waits. An inner that ends while the loop starts it returns to the loop instead of starting the next one
 * itself, so any number of synchronous inners runs in constant stack.
 */
import { from, type ObservableInput, Subscriber } from 'rxjs';
import { tearDown } from './tear-down.ts';
import { WaitingLine, WaitingValue } from './waiting-line.ts';

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
  #running = 0;
  #isStarting = false;

  /** Inner values and errors go to `sink`; its end ends all inners. */
  constructor(sink: Subscriber<R>, concurrency: number, work: SlotWork<T, R>) {
    this.#sink = sink;
    this.#concurrency = concurrency;
    this.#work = work;
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

  #start(value: T): void {
    this.#running++;
    try {
      from(this.#work.open(value)).subscribe(new InnerSubscriber(this.#sink, value, this));
    } catch (thrown) {
      this.#sink.error(thrown);
    }
  }
}

class InnerSubscriber<T, R> extends Subscriber<R> {
  readonly #sink: Subscriber<R>;
  readonly #value: T;
  readonly #loop: SlotLoop<T, R>;

  constructor(sink: Subscriber<R>, value: T, loop: SlotLoop<T, R>) {
    super(sink);
    this.#sink = sink;
    this.#value = value;
    this.#loop = loop;
  }

  protected override _complete(): void {
    // Torn down before the next one starts: never more than `concurrency` hold something.
    const failure = tearDown(this);
    if (failure === undefined) this.#loop.innerEnded(this.#value);
    else this.#sink.error(failure);
  }
}
