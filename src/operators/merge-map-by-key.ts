/**
 * Order per key, parallel across keys: what one key brings runs one after the other, different keys run side by side under one bound.
 * A `groupBy` of `concatMap`s would keep every key it ever saw and has no bound over all keys.
 */
import { Observable, type ObservableInput, type OperatorFunction, Subscriber } from 'rxjs';
import { requireKnown } from '../policies/require-known.ts';
import type { Known } from '../policies/unknown-option.ts';
import { requireCount } from './require-count.ts';
import { SlotLoop, type SlotWork } from './slot-loop.ts';
import { tearDown } from './tear-down.ts';
import { WaitingLine, WaitingValue } from './waiting-line.ts';

export interface MergeMapByKeyOptions {
  /** Inners at once, over all keys. Integer, at least 1; Infinity for no bound. */
  readonly concurrency: number;
}

const OPTIONS: Known<MergeMapByKeyOptions> = { concurrency: true };

/**
 * Subscribes to `project(value)` for each value of the source: for values of the same key (compared as a `Map` does) one at a time and
 * in the order of arrival, and at most `concurrency` at once in all. Merges what they emit; completes when the source and all inners have.
 *
 * A value whose key is busy waits for its key and keeps no other from starting; then it queues for a slot behind those that are ready.
 * A failure of the source, of `key`, of `project` or of an inner is the failure of the result, and ends all inners.
 * Holds one entry per waiting value, as many as the source does not hold back (a consumer's prefetch), and one per key that runs or
 * waits; keys that are through are forgotten a thousand at a time. Unsubscribing ends all inners and forgets what waits.
 *
 * @throws RangeError at once when `concurrency` is out of its range, or for an option it does not have.
 */
export function mergeMapByKey<T, R, K>(
  key: (value: T) => K,
  project: (value: T) => ObservableInput<R>,
  options: MergeMapByKeyOptions,
): OperatorFunction<T, R> {
  requireKnown('mergeMapByKey', options, OPTIONS);
  const { concurrency } = options;
  requireCount('concurrency', concurrency, 1);
  return mapByKey(key, project, concurrency);
}

/** `mergeMapByKey` for who makes it again and again while messages flow: nothing is checked. */
export function mapByKey<T, R, K>(
  key: (value: T) => K,
  project: (value: T) => ObservableInput<R>,
  concurrency: number,
): OperatorFunction<T, R> {
  return (source) =>
    new Observable((sink) => {
      source.subscribe(new ByKeySubscriber(sink, key, project, concurrency));
    });
}

/**
 * Keys that are through are forgotten so many at once, by leaving the Map behind. One that is filled and emptied makes itself anew time and again,
 * and each table it leaves holds what was in it and the table after it: as soon as one of them is old, the young generation's collections take the
 * whole chain for living, and carry it into the old one.
 */
const FORGOTTEN_AT_ONCE = 1_000;

/** What waits for a key. */
class KeyLine<T> extends WaitingLine<WaitingValue<KeyedValue<T>>> {
  /** A value of the key is in the loop. */
  isBusy = true;
}

interface KeyedValue<T> {
  readonly line: KeyLine<T>;
  readonly value: T;
}

class ByKeySubscriber<T, R, K> extends Subscriber<T> implements SlotWork<KeyedValue<T>, R> {
  readonly #sink: Subscriber<R>;
  readonly #key: (value: T) => K;
  readonly #project: (value: T) => ObservableInput<R>;
  readonly #loop: SlotLoop<KeyedValue<T>, R>;
  /** Of the keys that are busy, and of those not yet forgotten. */
  #lines = new Map<K, KeyLine<T>>();
  #idle = 0;
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

  open({ value }: KeyedValue<T>): ObservableInput<R> {
    return this.#project(value);
  }

  ended({ line }: KeyedValue<T>): void {
    const next = line.takeHead();
    if (next === undefined) this.#isThrough(line);
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
    const known = this.#lines.get(key);
    if (known?.isBusy === true) known.join(new WaitingValue({ line: known, value }));
    else this.#loop.admit({ line: this.#busyLine(key, known), value });
  }

  #busyLine(key: K, known: KeyLine<T> | undefined): KeyLine<T> {
    const line = known ?? new KeyLine<T>();
    if (known === undefined) this.#lines.set(key, line);
    else this.#idle--;
    line.isBusy = true;
    return line;
  }

  #isThrough(line: KeyLine<T>): void {
    line.isBusy = false;
    if (++this.#idle < FORGOTTEN_AT_ONCE) return;
    const busy = new Map<K, KeyLine<T>>();
    for (const [key, each] of this.#lines) if (each.isBusy) busy.set(key, each);
    this.#lines = busy;
    this.#idle = 0;
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
