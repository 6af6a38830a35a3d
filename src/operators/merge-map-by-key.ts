/**
 * Order per key, parallel across keys: what one key brings runs one after the other, different keys run side by side under one bound.
 * A `groupBy` of `concatMap`s would keep every key it ever saw and has no bound over all keys.
 */
import { Observable, type ObservableInput, type OperatorFunction, Subscriber } from 'rxjs';
import { requireCount } from './require-count.ts';
import { SlotLoop, type SlotWork } from './slot-loop.ts';
import { tearDown } from './tear-down.ts';
import { WaitingLine, WaitingValue } from './waiting-line.ts';

export interface MergeMapByKeyOptions {
  /** Inners at once, over all keys. Integer, at least 1; Infinity for no bound. */
  readonly concurrency: number;
}

/**
 * Subscribes to `project(value)` for each value of the source: for values of the same key (compared as a `Map` does) one at a time and
 * in the order of arrival, and at most `concurrency` at once in all. Merges what they emit; completes when the source and all inners have.
 *
 * A value whose key is busy waits for its key and keeps no other from starting; then it queues for a slot behind those that are ready.
 * A failure of the source, of `key`, of `project` or of an inner is the failure of the result, and ends all inners.
 * Holds one entry per waiting value, as many as the source does not hold back (a consumer's prefetch), and one per key that runs or
 * waits: a key is forgotten as soon as its last value is through. Unsubscribing ends all inners and forgets what waits.
 *
 * @throws RangeError when `concurrency` is out of its range.
 */
export function mergeMapByKey<T, R, K>(
  key: (value: T) => K,
  project: (value: T) => ObservableInput<R>,
  { concurrency }: MergeMapByKeyOptions,
): OperatorFunction<T, R> {
  requireCount('concurrency', concurrency, 1);
  return (source) =>
    new Observable((sink) => {
      source.subscribe(new ByKeySubscriber(sink, key, project, concurrency));
    });
}

interface KeyedValue<T, K> {
  readonly key: K;
  readonly value: T;
}

class ByKeySubscriber<T, R, K> extends Subscriber<T> implements SlotWork<KeyedValue<T, K>, R> {
  readonly #sink: Subscriber<R>;
  readonly #key: (value: T) => K;
  readonly #project: (value: T) => ObservableInput<R>;
  readonly #loop: SlotLoop<KeyedValue<T, K>, R>;
  /** What waits for its key. A key has a line from its first value in the loop until its last one is through. */
  readonly #busy = new Map<K, WaitingLine<WaitingValue<KeyedValue<T, K>>>>();
  #isSourceComplete = false;

  constructor(
    sink: Subscriber<R>,
    key: (value: T) => K,
    project: (value: T) => ObservableInput<R>,
    concurrency: number,
  ) {
    super(sink);
    this.#sink = sink;
    this.#key = key;
    this.#project = project;
    this.#loop = new SlotLoop(sink, concurrency, this);
  }

  open({ value }: KeyedValue<T, K>): ObservableInput<R> {
    return this.#project(value);
  }

  ended({ key }: KeyedValue<T, K>): void {
    const next = this.#busy.get(key)?.takeHead();
    if (next === undefined) this.#busy.delete(key);
    else this.#loop.admit(next.value);
    this.#completeIfDone();
  }

  protected override _next(value: T): void {
    let key: K;
    try {
      key = this.#key(value);
    } catch (thrown) {
      this.#sink.error(thrown);
      return;
    }
    const keyed: KeyedValue<T, K> = { key, value };
    const line = this.#busy.get(key);
    if (line === undefined) {
      this.#busy.set(key, new WaitingLine());
      this.#loop.admit(keyed);
    } else {
      line.join(new WaitingValue(keyed));
    }
  }

  protected override _complete(): void {
    this.#isSourceComplete = true;
    const failure = tearDown(this);
    if (failure === undefined) this.#completeIfDone();
    else this.#sink.error(failure);
  }

  /** Every busy key has a value in the loop, so an idle loop means that nothing waits for its key either. */
  #completeIfDone(): void {
    if (this.#isSourceComplete && this.#loop.isIdle) this.#sink.complete();
  }
}
