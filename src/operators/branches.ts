/**
 * Scatter: a record of branches subscribed to at once, each reduced to its last value or its failure.
 * What becomes of them together is decided in `gather.ts` and `gather-settled.ts`.
 */
import { from, type ObservableInput, Subscriber } from 'rxjs';
import { isTransient, messageOf, NoValueError, TransientError } from '../errors.ts';
import type { Duration } from '../policies/duration.ts';
import { OptionalBranch } from './optional.ts';
import { requireDurationMs } from './require-duration.ts';
import { tearDown } from './tear-down.ts';

/** What runs side by side, by name: Observables, promises, anything RxJS takes. */
export type Branches = Readonly<Record<string, ObservableInput<unknown>>>;

/** Branches of which some may be marked as optional. */
export type MarkedBranches = Readonly<Record<string, ObservableInput<unknown> | OptionalBranch<unknown, unknown>>>;

/** What a branch gives. */
export type BranchValue<Branch> =
  Branch extends OptionalBranch<infer Value, infer Fallback>
    ? Value | Fallback
    : Branch extends ObservableInput<infer Value>
      ? Value
      : never;

/** Told how each branch ended, by its position. The branch is torn down already. */
export interface BranchListener {
  fulfilled(index: number, value: unknown): void;
  rejected(index: number, reason: unknown): void;
}

/**
 * Subscribes to the branches in the order of declaration, as long as `sink` is open; the end of `sink` ends them.
 * A branch is fulfilled with its last value; one without a value is rejected with NoValueError. An optional branch that would be
 * rejected is fulfilled with its fallback.
 */
export function scatter<T>(
  branches: MarkedBranches,
  sink: Subscriber<T>,
  listener: BranchListener,
): readonly BranchSubscriber[] {
  return Object.entries(branches).map(([name, branch], index) => {
    const optional = branch instanceof OptionalBranch ? branch : undefined;
    const source = branch instanceof OptionalBranch ? branch.source : branch;
    const subscriber = new BranchSubscriber(sink, listener, name, index, optional);
    if (sink.closed) ignoreRejection(source);
    else subscribeTo(source, subscriber);
    return subscriber;
  });
}

/**
 * Milliseconds of a time limit, undefined for none.
 * @throws RangeError when it is no duration, or longer than a timer can be.
 */
export function timeLimitMs(within: Duration | undefined): number | undefined {
  return within === undefined ? undefined : requireDurationMs('within', within);
}

/** The values under the names of their branches, in the order of declaration. Any name becomes an own key. */
export function byName<V>(branches: MarkedBranches, values: readonly V[]): Record<string, V> {
  const names = Object.keys(branches);
  // Assigning to `__proto__` would set the prototype; fromEntries makes a key of any name, at three times the cost.
  if (names.includes('__proto__'))
    return Object.fromEntries(values.map((value, index): [string, V] => [String(names[index]), value]));
  const record: Record<string, V> = {};
  values.forEach((value, index) => {
    record[String(names[index])] = value;
  });
  return record;
}

/** A reason as an Error: one that is none is wrapped, as transient as it says itself. */
export function asError(reason: unknown): Error {
  if (reason instanceof Error) return reason;
  const message = messageOf(reason);
  return isTransient(reason) ? new TransientError(message, { cause: reason }) : new Error(message, { cause: reason });
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
  readonly #optional: OptionalBranch<unknown, unknown> | undefined;
  #hasValue = false;
  #last: unknown;

  constructor(
    sink: Subscriber<unknown>,
    listener: BranchListener,
    name: string,
    index: number,
    optional: OptionalBranch<unknown, unknown> | undefined,
  ) {
    super(sink);
    this.#listener = listener;
    this.#name = name;
    this.#index = index;
    this.#optional = optional;
  }

  protected override _next(value: unknown): void {
    this.#hasValue = true;
    this.#last = value;
  }

  protected override _complete(): void {
    const failure = tearDown(this);
    if (failure !== undefined) this.#reject(failure);
    else if (this.#hasValue) this.#listener.fulfilled(this.#index, this.#last);
    else this.#reject(new NoValueError(`branch "${this.#name}" ended without a value`));
  }

  protected override _error(reason: unknown): void {
    this.#reject(tearDown(this) ?? reason);
  }

  #reject(reason: unknown): void {
    if (this.#optional === undefined) this.#listener.rejected(this.#index, reason);
    else this.#listener.fulfilled(this.#index, this.#optional.fallback);
  }
}
