/**
 * GET calls that share their answers: operators/cache around whole calls, so that breaker, limits and facts see real calls alone. What is
 * shared are the bytes of a response; every caller reads them by its own schema.
 */
import { LRUCache } from 'lru-cache';
import { asyncScheduler, catchError, defer, map, mergeMap, type Observable, of, tap, throwError, timeout } from 'rxjs';
import { CallTimeoutError, ResponseInvalidError, RetryExhaustedError } from '../errors.ts';
import type { CacheHit } from '../events.ts';
import { type Cache, type CacheUse, createCache } from '../operators/cache.ts';
import { type Duration, MAX_TIMER_MS } from '../policies/duration.ts';
import { readAnswer } from './answer.ts';
import type { CacheSettings, CallSettings } from './api-settings.ts';
import { callOf } from './call.ts';
import { type CallRequest, withinMsOf } from './call-request.ts';
import { type CallOwner, type CallParts, identityOf } from './call-run.ts';
import { reclassified } from './classify.ts';
import { ColdCall } from './cold-call.ts';
import { bytesOf, type KeptAnswer, keptOf, responseOf } from './kept-answer.ts';
import { isShareable } from './shareable.ts';
import type { Transport, TransportResponse } from './transport.ts';

/** Who asks for what, and until when. */
interface Asking {
  readonly owner: CallOwner;
  readonly deadlineAt: number;
  readonly request: CallRequest;
  readonly key: string;
}

/** What a call leaves for those who wait for it: undefined where each has to ask for itself. */
type Shared = KeptAnswer | undefined;

/** The answer came, and does not fit what the caller who asked expects. Others may expect something else. */
class Misfit {
  readonly schema: unknown;
  readonly cause: unknown;

  constructor(schema: unknown, cause: unknown) {
    this.schema = schema;
    this.cause = cause;
  }
}

export class CachedCalls {
  readonly #parts: CallParts;
  readonly #ttlMs: number;
  readonly #cache: Cache<Shared>;
  /** Requests whose last answer was for one caller alone, and when it came: for `ttl` they are not waited for by others. */
  readonly #unshared: LRUCache<string, number>;
  #asking: Asking | undefined;

  constructor(parts: CallParts, { ttlMs, staleForMs, maxEntries, maxBytes }: CacheSettings) {
    this.#parts = parts;
    this.#ttlMs = ttlMs;
    this.#unshared = new LRUCache({ max: maxEntries });
    this.#cache = createCache<Shared>({
      ttl: ttlMs,
      staleWhileRevalidate: staleForMs,
      maxEntries,
      maxBytes,
      bytesOf: (shared) => (shared === undefined ? 1 : bytesOf(shared)),
      refreshWithin: longestMs(parts.settings),
      onUse: (use) => this.#reportUse(use),
    });
  }

  /** Like `callOf`. The time it may take is `within`, which the request itself must not have: others may wait for the same call. */
  call(owner: CallOwner, request: CallRequest, within: Duration | undefined): ColdCall {
    return new ColdCall(request.call, (sink) => {
      owner.calls?.made(request.operation);
      const startedAt = asyncScheduler.now();
      const withinMs = withinMsOf(request.call, within);
      const deadlineAt = Math.min(startedAt + withinMs, owner.deadlineAt ?? Number.POSITIVE_INFINITY);
      if (deadlineAt <= startedAt) throw new CallTimeoutError(request.call, Math.max(0, deadlineAt - startedAt));
      return this.#answerTo({ owner, deadlineAt, request, key: request.sharedKey }).subscribe(sink);
    });
  }

  /** Drops all answers and aborts what is fetched for nobody. */
  close(): void {
    this.#cache.clear();
  }

  /** Who joined a call that failed over another's schema asks once more, and the next time alone: schemas made on the spot are all different. */
  #answerTo(asking: Asking, hasJoinedInVain = false): Observable<unknown> {
    const { request, key } = asking;
    const { response: schema } = request.options;
    if (this.#isUnshared(key)) return this.#callAlone(asking);

    let own: { readonly value: unknown } | undefined;
    const fetched = this.#fetch(asking, (value) => {
      own = { value };
    });
    return defer(() => {
      // Read by `onUse`, which is called before anything else is.
      this.#asking = asking;
      return this.#cache.run(fetched, key);
    }).pipe(
      this.#untilDeadline(asking),
      mergeMap((shared) => {
        if (own !== undefined) return of(own.value);
        return shared === undefined ? this.#callAlone(asking) : defer(() => of(this.#read(asking, shared)));
      }),
      catchError((failure: unknown) => {
        if (!(failure instanceof Misfit)) return throwError(() => failure);
        if (failure.schema === schema) return throwError(() => failure.cause);
        return hasJoinedInVain ? this.#callAlone(asking) : this.#answerTo(asking, true);
      }),
    );
  }

  /** A real call, under nobody's deadline but the API's own. `onValue` gets the value as the caller who begins it reads it. */
  #fetch({ owner, request, key }: Asking, onValue: (value: unknown) => void): Observable<Shared> {
    return defer(() => {
      let response: TransportResponse | undefined;
      const transport = watched(this.#parts.transport, (answer) => {
        response = answer;
      });
      return callOf({ ...this.#parts, transport }, { ...owner, deadlineAt: undefined }, request).pipe(
        map((value) => {
          onValue(value);
          return response === undefined ? undefined : this.#share(key, response);
        }),
        catchError((failure: unknown) =>
          throwError(() => (isMisfit(failure) ? new Misfit(request.options.response, failure) : failure)),
        ),
      );
    });
  }

  #share(key: string, response: TransportResponse): Shared {
    if (isShareable(response)) return keptOf(response);
    this.#unshared.set(key, asyncScheduler.now());
    // Those who wait already are told; nothing is kept, and what was is no longer the answer.
    this.#cache.forget(key);
    return undefined;
  }

  #isUnshared(key: string): boolean {
    const at = this.#unshared.get(key);
    return at !== undefined && asyncScheduler.now() - at < this.#ttlMs;
  }

  #callAlone({ owner, deadlineAt, request }: Asking): Observable<unknown> {
    return callOf(this.#parts, { ...owner, deadlineAt }, request);
  }

  #read({ request, key }: Asking, kept: KeptAnswer): unknown {
    try {
      return readAnswer(request.call, responseOf(kept), request.options.response);
    } catch (error) {
      // Whoever tries again has to see whether the API knows better by now.
      this.#cache.forget(key);
      throw reclassified(error, this.#parts.settings.classify);
    }
  }

  #untilDeadline({ request, deadlineAt }: Asking) {
    const leftMs = deadlineAt - asyncScheduler.now();
    return <T>(source: Observable<T>): Observable<T> =>
      leftMs > MAX_TIMER_MS
        ? source
        : source.pipe(
            timeout({ first: leftMs, with: () => throwError(() => new CallTimeoutError(request.call, leftMs)) }),
          );
  }

  #reportUse(use: CacheUse): void {
    const { facts } = this.#parts;
    if (this.#asking === undefined || !facts.isHeard.cacheHit || !isHit(use)) return;
    const { owner, request } = this.#asking;
    facts.report({ type: 'cacheHit', at: asyncScheduler.now(), ...identityOf(owner), ...request.call, use });
  }
}

const isHit = (use: CacheUse): use is CacheHit['use'] => use === 'fresh' || use === 'stale' || use === 'joined';

const isMisfit = (failure: unknown): boolean =>
  failure instanceof ResponseInvalidError ||
  (failure instanceof RetryExhaustedError && failure.cause instanceof ResponseInvalidError);

/** No call takes longer, all its attempts and pauses included: what is fetched for nobody ends by itself. */
function longestMs({ timeoutMs, retry, maxRetryAfterMs }: CallSettings): number {
  const attempts = retry?.maxAttempts ?? 1;
  return Math.min(MAX_TIMER_MS, attempts * (timeoutMs + Math.max(retry?.maxMs ?? 0, maxRetryAfterMs)) + 1);
}

/** Tells of each response once it is complete, just before whoever waits for it hears: of several tries, the last told is the one that counts. */
const watched =
  (transport: Transport, onResponse: (response: TransportResponse | undefined) => void): Transport =>
  (request) =>
    defer(() => {
      let response: TransportResponse | undefined;
      return transport(request).pipe(
        tap({
          next: (next) => {
            response = next;
          },
          complete: () => onResponse(response),
        }),
      );
    });
