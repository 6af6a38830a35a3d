/**
 * Cache: the answer of a call kept for a while under its key, and one call at a time for each key.
 * Bounded by lru-cache, which forgets the answer that was asked for longest ago; an answer is fresh for `ttl`,
 * and given for as long after it as is allowed.
 */
import { LRUCache } from 'lru-cache';
import {
  asyncScheduler,
  catchError,
  defer,
  finalize,
  type MonoTypeOperatorFunction,
  type Observable,
  of,
  Subscription,
  share,
  takeLast,
  tap,
  throwError,
} from 'rxjs';
import { isTransient } from '../errors.ts';
import { kindOf } from '../message/class-of.ts';
import type { Duration } from '../policies/duration.ts';
import { canReplaceFailure, type Freshness, type FreshnessLimits, freshnessAt } from '../policies/freshness.ts';
import { requireKnown } from '../policies/require-known.ts';
import type { Known } from '../policies/unknown-option.ts';
import { requireCount } from './require-count.ts';
import { requireDurationMs } from './require-duration.ts';
import { requireMade } from './require-made.ts';
import { timeoutWithin } from './timeout-within.ts';

export interface CacheOptions {
  /** How long an answer is fresh, counted from its arrival. 0 stores nothing of use: then it only joins calls that run at once. */
  readonly ttl: Duration;
  /** Answers kept at most, room for them set aside at once. Integer, at least 1. Default: 1000. */
  readonly maxEntries?: number | undefined;
  /** For how long after `ttl` an answer is given at once while a new one is fetched behind it. Default: 0. */
  readonly staleWhileRevalidate?: Duration | undefined;
  /** For how long after `ttl` an answer is given in place of a transient failure. Default: 0. */
  readonly staleIfError?: Duration | undefined;
  /** Time for a fetch that nobody waits for, so that none stays for ever. Above 0. Default: 30 s. */
  readonly refreshWithin?: Duration | undefined;
  /** Called each time the cache is asked, with what it did. */
  readonly onUse?: ((use: CacheUse, key: string) => void) | undefined;
  /** Called when a fetch behind a stale answer has failed: nobody else hears of it. */
  readonly onRefreshFailed?: ((cause: unknown, key: string) => void) | undefined;
}

/** A bound on what the answers take, beside that on their number: for answers whose sizes differ much. */
export interface WeighedCacheOptions<T> extends CacheOptions {
  /** Bytes that all answers kept may have together; those that were asked for longest ago make room. Integer, at least 1. */
  readonly maxBytes: number;
  /** Bytes of an answer: an integer, at least 1. One with more than `maxBytes` is given to those who wait for it, and not kept. */
  readonly bytesOf: (answer: T) => number;
}

const OPTIONS: Known<WeighedCacheOptions<never>> = {
  ttl: true,
  maxEntries: true,
  staleWhileRevalidate: true,
  staleIfError: true,
  refreshWithin: true,
  onUse: true,
  onRefreshFailed: true,
  maxBytes: true,
  bytesOf: true,
};

/**
 * `fresh`: given from the cache. `stale`: given from the cache, a fetch runs behind it. `joined`: waits for a fetch that runs already.
 * `miss`: begins a fetch. `replaced-failure`: the fetch failed, and the last answer was given instead.
 */
export type CacheUse = 'fresh' | 'stale' | 'joined' | 'miss' | 'replaced-failure';

export interface Cache<T> {
  /** Answers kept now, fresh or not. */
  readonly size: number;
  /**
   * Emits the answer kept under `key`, or subscribes to the source and emits its last value when it completes; then completes.
   *
   * While a source runs, whoever asks for its key waits for it: one at a time for each key, and it is the source of the first to ask.
   * Unsubscribing leaves it to the others; when the last has left, it is unsubscribed. A fetch behind a stale answer goes on without
   * anyone, for `refreshWithin`; who joins it shares this limit. A failure is passed to all who wait and is not kept, nor is a source
   * without a value, which completes all. The answer is one object for all: do not change it.
   *
   * @throws TimeoutExceededError when a fetch behind a stale answer was joined and takes longer than `refreshWithin`.
   */
  run(source: Observable<T>, key: string): Observable<T>;
  /** Drops the answer. A fetch under way is given to those who wait for it, but not kept: it may have read what was true before. */
  forget(key: string): void;
  /** Drops all answers and ends the fetches that nobody waits for. */
  clear(): void;
}

/**
 * An empty cache. Holds `maxEntries` answers and one entry per source that runs; sets no timer but those of `refreshWithin`.
 * @throws RangeError for an option out of its range, or one it does not have.
 */
export function createCache<T>(options: CacheOptions | WeighedCacheOptions<T>): Cache<T> {
  requireKnown<CacheOptions>('createCache', options, OPTIONS);
  return new AnswerCache(options);
}

/** `run` of a cache, as an operator. */
export function cached<T>(shared: Cache<T>, key: string): MonoTypeOperatorFunction<T> {
  requireMade('cached', 'createCache', shared);
  if (typeof key !== 'string') throw new TypeError(`cached: expected a text as key, got ${kindOf(key)}`);
  return (source) => shared.run(source, key);
}

interface Answer<T> {
  readonly value: T;
  readonly at: number;
}

class AnswerCache<T> implements Cache<T> {
  readonly #limits: FreshnessLimits;
  readonly #refreshWithinMs: number;
  readonly #options: CacheOptions;
  readonly #answers: LRUCache<string, Answer<T>>;
  /** Each removes itself before its end is passed on, so whoever asks in answer to it finds its value, or begins anew. */
  readonly #flights = new Map<string, Observable<T>>();
  #refreshes = new Subscription();

  constructor(options: CacheOptions | WeighedCacheOptions<T>) {
    const { ttl, maxEntries = 1_000, staleWhileRevalidate = 0, staleIfError = 0, refreshWithin = '30s' } = options;
    this.#limits = {
      ttlMs: requireDurationMs('ttl', ttl),
      staleWhileRevalidateMs: requireDurationMs('staleWhileRevalidate', staleWhileRevalidate),
      staleIfErrorMs: requireDurationMs('staleIfError', staleIfError),
    };
    this.#refreshWithinMs = requireDurationMs('refreshWithin', refreshWithin, 1);
    this.#options = options;
    requireCount('maxEntries', maxEntries, 1);
    if (maxEntries === Number.POSITIVE_INFINITY)
      throw new RangeError(`maxEntries: expected a bound, got ${maxEntries}`);
    this.#answers = new LRUCache({ max: maxEntries, ...('maxBytes' in options ? weighing(options) : {}) });
  }

  get size(): number {
    return this.#answers.size;
  }

  run(source: Observable<T>, key: string): Observable<T> {
    return defer(() => this.#ask(source, key));
  }

  forget(key: string): void {
    this.#answers.delete(key);
    this.#flights.delete(key);
  }

  clear(): void {
    this.#answers.clear();
    this.#flights.clear();
    this.#refreshes.unsubscribe();
    this.#refreshes = new Subscription();
  }

  #ask(source: Observable<T>, key: string): Observable<T> {
    const { onUse } = this.#options;
    const answer = this.#answers.get(key);
    const freshness = this.#freshnessOf(answer);
    if (answer !== undefined && (freshness === 'fresh' || freshness === 'stale')) {
      onUse?.(freshness, key);
      if (freshness === 'stale') this.#refresh(source, key);
      return of(answer.value);
    }
    if (freshness === 'expired') this.#answers.delete(key);
    const running = this.#flights.get(key);
    onUse?.(running === undefined ? 'miss' : 'joined', key);
    const flight = running ?? this.#launch(source, key);
    return flight.pipe(catchError((cause: unknown) => this.#replace(cause, key)));
  }

  #freshnessOf(answer: Answer<T> | undefined): Freshness {
    return answer === undefined ? 'expired' : freshnessAt(asyncScheduler.now() - answer.at, this.#limits);
  }

  #refresh(source: Observable<T>, key: string): void {
    if (this.#flights.has(key)) return;
    const { onRefreshFailed } = this.#options;
    const flight = this.#launch(source.pipe(timeoutWithin(this.#refreshWithinMs)), key);
    this.#refreshes.add(flight.subscribe({ error: (cause: unknown) => onRefreshFailed?.(cause, key) }));
  }

  #launch(source: Observable<T>, key: string): Observable<T> {
    const leave = (): void => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    };
    const land = (value: T): void => {
      if (this.#flights.get(key) === flight) this.#answers.set(key, { value, at: asyncScheduler.now() });
      leave();
    };
    const flight: Observable<T> = source.pipe(
      takeLast(1),
      tap({ next: land, error: leave, complete: leave }),
      finalize(leave),
      share(),
    );
    this.#flights.set(key, flight);
    return flight;
  }

  #replace(cause: unknown, key: string): Observable<T> {
    const answer = this.#answers.peek(key);
    if (answer === undefined || !isTransient(cause)) return throwError(() => cause);
    if (!canReplaceFailure(asyncScheduler.now() - answer.at, this.#limits)) return throwError(() => cause);
    this.#options.onUse?.('replaced-failure', key);
    return of(answer.value);
  }
}

function weighing<T>({ maxBytes, bytesOf }: WeighedCacheOptions<T>) {
  requireCount('maxBytes', maxBytes, 1);
  return { maxSize: maxBytes, sizeCalculation: ({ value }: Answer<T>): number => bytesOf(value) };
}
