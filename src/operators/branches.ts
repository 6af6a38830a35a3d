/**
 * Scatter: a record of branches subscribed to at once, each reduced to its last value or its failure.
 * What becomes of them together is decided in `gather.ts` and `gather-settled.ts`.
 */
import { map, Observable, type ObservableInput, type Subscriber, Subscription, type Unsubscribable } from 'rxjs';
import { isTransient, messageOf, NoValueError, TransientError } from '../errors.ts';
import { ignoreRejection } from '../message/unbegun.ts';
import type { Duration } from '../policies/duration.ts';
import { LeanSubscriber, type Listener } from './lean-subscriber.ts';
import { OptionalBranch } from './optional.ts';
import { requireDurationMs } from './require-duration.ts';
import { requireValue } from './require-value.ts';
import { streamOf } from './stream-of.ts';
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
): readonly LeanSubscriber<unknown>[] {
  const subscribers: LeanSubscriber<unknown>[] = [];
  const scattered = new Scattered(subscribers);
  sink.add(scattered);
  for (const name of Object.keys(branches)) {
    const branch = branches[name];
    const optional = branch instanceof OptionalBranch ? branch : undefined;
    const source = branch instanceof OptionalBranch ? branch.source : branch;
    const { subscriber } = new Branch(listener, name, subscribers.length, optional);
    subscribers.push(subscriber);
    if (sink.closed) {
      subscriber.unsubscribe();
      ignoreRejection(source);
    } else {
      subscribeTo(name, source, subscriber);
    }
  }
  scattered.isComplete = true;
  return subscribers;
}

/** All branches as one teardown: each by itself would be looked for in the list of `sink` when it ends. */
class Scattered implements Unsubscribable {
  readonly #subscribers: readonly LeanSubscriber<unknown>[];
  /** All have begun: before, those that are still to come have not ended, though all that are here have. */
  isComplete = false;

  constructor(subscribers: readonly LeanSubscriber<unknown>[]) {
    this.#subscribers = subscribers;
  }

  get closed(): boolean {
    return this.isComplete && this.#subscribers.every(({ closed }) => closed);
  }

  unsubscribe(): void {
    if (this.closed) return;
    const all = new Subscription();
    for (const subscriber of this.#subscribers) all.add(subscriber);
    all.unsubscribe();
  }
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
  const record: Record<string, V> = {};
  let index = 0;
  for (const name of Object.keys(branches)) {
    const value = values[index++] as V;
    // Assigning would set the prototype.
    if (name === '__proto__') Object.defineProperty(record, name, { ...OWN, value });
    else record[name] = value;
  }
  return record;
}

const OWN = { configurable: true, enumerable: true, writable: true } as const;

/** A reason as an Error: one that is none is wrapped, as transient as it says itself. */
export function asError(reason: unknown): Error {
  if (reason instanceof Error) return reason;
  const message = messageOf(reason);
  return isTransient(reason) ? new TransientError(message, { cause: reason }) : new Error(message, { cause: reason });
}

function subscribeTo(
  name: string,
  branch: ObservableInput<unknown> | undefined,
  subscriber: LeanSubscriber<unknown>,
): void {
  try {
    // What is no branch at all fails as one.
    (branch instanceof Observable
      ? branch
      : streamOf(`branch "${name}" is`, branch as ObservableInput<unknown>).pipe(
          // An async function that returns a call gives the call, not its answer.
          map((value) => requireValue(`branch "${name}" gave`, value)),
        )
    ).subscribe(subscriber);
  } catch (thrown) {
    subscriber.error(thrown);
  }
}

class Branch implements Listener<unknown> {
  readonly subscriber = new LeanSubscriber<unknown>(this);
  readonly #listener: BranchListener;
  readonly #name: string;
  readonly #index: number;
  readonly #optional: OptionalBranch<unknown, unknown> | undefined;
  #hasValue = false;
  #last: unknown;

  constructor(
    listener: BranchListener,
    name: string,
    index: number,
    optional: OptionalBranch<unknown, unknown> | undefined,
  ) {
    this.#listener = listener;
    this.#name = name;
    this.#index = index;
    this.#optional = optional;
  }

  onNext(value: unknown): void {
    this.#hasValue = true;
    this.#last = value;
  }

  onComplete(): void {
    const failure = tearDown(this);
    if (failure !== undefined) this.#reject(failure);
    else if (this.#hasValue) this.#listener.fulfilled(this.#index, this.#last);
    else this.#reject(new NoValueError(`branch "${this.#name}" ended without a value`));
  }

  onError(reason: unknown): void {
    this.#reject(tearDown(this) ?? reason);
  }

  unsubscribe(): void {
    this.subscriber.close();
  }

  #reject(reason: unknown): void {
    if (this.#optional === undefined) this.#listener.rejected(this.#index, reason);
    else this.#listener.fulfilled(this.#index, this.#optional.fallback);
  }
}
