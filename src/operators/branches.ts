/**
 * Scatter: a record of branches subscribed to at once, each reduced to its last value or its failure.
 * What becomes of them together is decided in `gather.ts` and `gather-settled.ts`.
 */
import { from, type ObservableInput, Subscriber } from 'rxjs';
import { NoValueError } from '../errors.ts';
import { type Duration, durationMs, MAX_TIMER_MS } from '../policies/duration.ts';
import { tearDown } from './tear-down.ts';

/** What runs side by side, by name: Observables, promises, anything RxJS takes. */
export type Branches = Readonly<Record<string, ObservableInput<unknown>>>;

/** What a branch gives. */
export type BranchValue<Branch> = Branch extends ObservableInput<infer Value> ? Value : never;

/** Told how each branch ended, by its position. The branch is torn down already. */
export interface BranchListener {
  fulfilled(index: number, value: unknown): void;
  rejected(index: number, reason: unknown): void;
}

/**
 * Subscribes to the branches in the order of declaration, as long as `sink` is open; the end of `sink` ends them.
 * A branch is fulfilled with its last value; one without a value is rejected with NoValueError.
 */
export function scatter<T>(
  branches: Branches,
  sink: Subscriber<T>,
  listener: BranchListener,
): readonly BranchSubscriber[] {
  return Object.entries(branches).map(([name, branch], index) => {
    const subscriber = new BranchSubscriber(sink, listener, name, index);
    if (sink.closed) ignoreRejection(branch);
    else subscribeTo(branch, subscriber);
    return subscriber;
  });
}

/**
 * Milliseconds of a time limit, undefined for none.
 * @throws RangeError when it is no duration, or longer than a timer can be.
 */
export function timeLimitMs(within: Duration | undefined): number | undefined {
  if (within === undefined) return undefined;
  const withinMs = durationMs(within);
  if (withinMs > MAX_TIMER_MS) throw new RangeError(`within: expected at most ${MAX_TIMER_MS} ms, got ${withinMs} ms`);
  return withinMs;
}

/** The values under the names of their branches, in the order of declaration. Any name becomes an own key. */
export function byName<V>(branches: Branches, values: readonly V[]): Record<string, V> {
  const names = Object.keys(branches);
  // Assigning to `__proto__` would set the prototype; fromEntries makes a key of any name, at three times the cost.
  if (names.includes('__proto__'))
    return Object.fromEntries(values.map((value, index): [string, V] => [String(names[index]), value]));
  const record: Record<string, V> = {};
  for (const [index, value] of values.entries()) record[String(names[index])] = value;
  return record;
}

function subscribeTo(branch: ObservableInput<unknown>, subscriber: BranchSubscriber): void {
  try {
    from(branch).subscribe(subscriber);
  } catch (thrown) {
    subscriber.error(thrown);
  }
}

/** A promise runs whether or not anyone listens; a rejection that nobody hears would end the process. */
function ignoreRejection(branch: ObservableInput<unknown>): void {
  if (branch instanceof Promise) branch.catch(() => undefined);
}

export class BranchSubscriber extends Subscriber<unknown> {
  readonly #listener: BranchListener;
  readonly #name: string;
  readonly #index: number;
  #hasValue = false;
  #last: unknown;

  constructor(sink: Subscriber<unknown>, listener: BranchListener, name: string, index: number) {
    super(sink);
    this.#listener = listener;
    this.#name = name;
    this.#index = index;
  }

  protected override _next(value: unknown): void {
    this.#hasValue = true;
    this.#last = value;
  }

  protected override _complete(): void {
    const failure = tearDown(this);
    if (failure !== undefined) this.#listener.rejected(this.#index, failure);
    else if (this.#hasValue) this.#listener.fulfilled(this.#index, this.#last);
    else this.#listener.rejected(this.#index, new NoValueError(`branch "${this.#name}" ended without a value`));
  }

  protected override _error(reason: unknown): void {
    this.#listener.rejected(this.#index, tearDown(this) ?? reason);
  }
}
