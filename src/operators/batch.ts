/**
 * Batch: single calls made at about the same time, sent as one request. Each caller gets its own part of the answer, or its own error.
 * What a batch endpoint is for; against many calls at once without one there is the bulkhead.
 */
import {
  asyncScheduler,
  defer,
  Observable,
  type ObservableInput,
  type Subscriber,
  Subscription,
  takeLast,
  throwIfEmpty,
} from 'rxjs';
import { BatchMismatchError, BatchRejectedError, NoValueError } from '../errors.ts';
import type { Duration } from '../policies/duration.ts';
import { requireKnown } from '../policies/require-known.ts';
import type { Known } from '../policies/unknown-option.ts';
import { requireCount } from './require-count.ts';
import { requireDurationMs } from './require-duration.ts';

export interface BatcherOptions<Item, Part> {
  /** A batch of so many items is sent at once. Integer, at least 1; Infinity to go by time alone. */
  readonly maxSize: number;
  /** A batch is sent this long after its first item came, however few came since. At least 0. */
  readonly maxWait: Duration;
  /** Sends one batch. Its last value holds one result for each item, in their order; an Error among them is the error of that caller. */
  readonly request: (items: readonly Item[]) => ObservableInput<readonly Part[]>;
  /** Callers held at once: those that wait for their batch to be sent, and those that wait for its answer. Default: 1000. */
  readonly maxPending?: number | undefined;
  /** Called with the number of items before a batch is sent. */
  readonly onBatch?: ((items: number) => void) | undefined;
}

const OPTIONS: Known<BatcherOptions<never, never>> = {
  maxSize: true,
  maxWait: true,
  request: true,
  maxPending: true,
  onBatch: true,
};

export interface Batcher<Item, Result> {
  /** Callers that wait now, for their batch to be sent or for its answer. */
  readonly pending: number;
  /**
   * Puts the item into the open batch when subscribed to; emits its result and completes when the batch is answered.
   *
   * Unsubscribing before the batch is sent takes the item out of it; after that the result is dropped. When all callers of a batch have
   * left, its request is unsubscribed, or never made. A failure of the request, or of `onBatch`, is the failure of all its callers.
   * A batch is closed, and its callers count no more, before any result is passed on: who asks again in answer is in a new one.
   *
   * @throws BatchRejectedError when `maxPending` callers are held: the item is not taken.
   * @throws BatchMismatchError when the request does not give one result for each item.
   * @throws NoValueError when the request ends without a value.
   */
  run(item: Item): Observable<Result>;
}

/**
 * A batcher that holds nothing yet. Any number of batches may be under way; `maxPending` bounds the callers of all of them.
 * @throws RangeError for an option out of its range, or one it does not have.
 */
export function createBatcher<Item, Part>(options: BatcherOptions<Item, Part>): Batcher<Item, Exclude<Part, Error>> {
  return new ItemBatcher(options);
}

interface Caller<Item, Part> {
  readonly item: Item;
  readonly sink: Subscriber<Exclude<Part, Error>>;
}

interface Batch<Item, Part> {
  /** Those that still wait, in the order they came. */
  readonly callers: Set<Caller<Item, Part>>;
  /** The timer until it is sent, the request after that. Ends when the last caller leaves. */
  work: Subscription;
}

class ItemBatcher<Item, Part> implements Batcher<Item, Exclude<Part, Error>> {
  readonly #options: BatcherOptions<Item, Part>;
  readonly #maxWaitMs: number;
  readonly #maxPending: number;
  #pending = 0;
  /** The batch that takes items now. */
  #open: Batch<Item, Part> | undefined;

  constructor(options: BatcherOptions<Item, Part>) {
    requireKnown('createBatcher', options, OPTIONS);
    const { maxSize, maxWait, maxPending = 1_000 } = options;
    requireCount('maxSize', maxSize, 1);
    requireCount('maxPending', maxPending, 1);
    this.#maxWaitMs = requireDurationMs('maxWait', maxWait);
    this.#maxPending = maxPending;
    this.#options = options;
  }

  get pending(): number {
    return this.#pending;
  }

  run(item: Item): Observable<Exclude<Part, Error>> {
    return new Observable((sink) => {
      if (this.#pending < this.#maxPending) return this.#join({ item, sink });
      sink.error(new BatchRejectedError(`${this.#maxPending} callers wait already`));
      return undefined;
    });
  }

  #join(caller: Caller<Item, Part>): () => void {
    this.#open ??= { callers: new Set(), work: new Subscription() };
    const batch = this.#open;
    batch.callers.add(caller);
    this.#pending++;
    if (batch.callers.size >= this.#options.maxSize) this.#send(batch);
    else if (batch.callers.size === 1) {
      batch.work.add(asyncScheduler.schedule(() => this.#send(batch), this.#maxWaitMs));
    }
    return () => this.#leave(batch, caller);
  }

  #leave(batch: Batch<Item, Part>, caller: Caller<Item, Part>): void {
    if (!batch.callers.delete(caller)) return;
    this.#pending--;
    if (batch.callers.size > 0) return;
    if (this.#open === batch) this.#open = undefined;
    batch.work.unsubscribe();
  }

  #send(batch: Batch<Item, Part>): void {
    this.#open = undefined;
    batch.work.unsubscribe();
    batch.work = new Subscription();
    const { request, onBatch } = this.#options;
    const callers = [...batch.callers];
    const items = callers.map(({ item }) => item);

    const answer = defer(() => {
      onBatch?.(items.length);
      return request(items);
    }).pipe(
      takeLast(1),
      throwIfEmpty(() => new NoValueError('the batch ended without a value')),
    );
    batch.work.add(
      answer.subscribe({
        next: (results) => {
          this.#close(batch);
          shareOut(callers, results);
        },
        error: (cause: unknown) => {
          this.#close(batch);
          for (const { sink } of callers) sink.error(cause);
        },
      }),
    );
  }

  /** Its callers count no more. Their sinks are told afterwards; those of callers that left are closed, and deaf. */
  #close(batch: Batch<Item, Part>): void {
    this.#pending -= batch.callers.size;
    batch.callers.clear();
  }
}

function shareOut<Item, Part>(callers: readonly Caller<Item, Part>[], results: readonly Part[]): void {
  // The answer is what an API sent: that it is a list is a belief of its type.
  const count = Array.isArray(results) ? results.length : undefined;
  const mismatch = count === callers.length ? undefined : new BatchMismatchError(callers.length, count);
  for (const [index, { sink }] of callers.entries()) {
    const result = mismatch ?? results[index];
    if (result instanceof Error) {
      sink.error(result);
    } else {
      sink.next(result as Exclude<Part, Error>);
      sink.complete();
    }
  }
}
