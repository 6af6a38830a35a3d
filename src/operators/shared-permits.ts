/**
 * The permits of one key of a shared rate limiter: tokens asked of the store, as many as wait, one question at a time. While the store is
 * away, those of a bucket of this worker's own share.
 */
import { Subscription, take, throwIfEmpty } from 'rxjs';
import { TokenBucket } from '../policies/token-bucket.ts';
import type { ForwardClock } from './forward-clock.ts';
import type { Permits } from './rate-line.ts';
import type { SharedRate, SharedTokens } from './shared-tokens.ts';
import type { StoreHealth } from './store-health.ts';
import { timeoutWithin } from './timeout-within.ts';

export interface SharedPermitsParts {
  readonly tokens: SharedTokens;
  readonly health: StoreHealth;
  readonly rate: SharedRate;
  readonly localShareRatio: number;
  readonly answerWithinMs: number;
  readonly clock: ForwardClock;
}

export class SharedPermits implements Permits {
  readonly #bucket: string;
  readonly #parts: SharedPermitsParts;
  readonly #answered: () => void;
  #requests: number;
  /** Granted, and not yet taken. */
  #inHand = 0;
  #nextAtMs = Number.NEGATIVE_INFINITY;
  #question: Subscription | undefined;
  #local: TokenBucket | undefined;
  #localSinceMs = 0;

  constructor(bucket: string, parts: SharedPermitsParts, answered: () => void) {
    this.#bucket = bucket;
    this.#parts = parts;
    this.#answered = answered;
    this.#requests = parts.rate.requests;
  }

  waitMs(nowMs: number, wanted: number): number | undefined {
    if (this.#inHand > 0) return 0;
    if (this.#question !== undefined) return undefined;
    const { health } = this.#parts;
    if (!health.mayAsk(nowMs)) return this.#localBucket(nowMs).waitMs(nowMs);
    if (this.#nextAtMs > nowMs) return this.#nextAtMs - nowMs;

    health.asks(nowMs);
    this.#ask(wanted);
    // A store in this process may have answered already.
    return this.#question === undefined ? this.waitMs(nowMs, wanted) : undefined;
  }

  take(nowMs: number): void {
    if (this.#inHand > 0) this.#inHand--;
    else this.#localBucket(nowMs).take(nowMs);
  }

  limitTo(requests: number): void {
    this.#requests = Math.min(requests, this.#parts.rate.requests);
  }

  isAtRest(nowMs: number): boolean {
    return (
      this.#inHand === 0 &&
      this.#question === undefined &&
      this.#nextAtMs <= nowMs &&
      (this.#local === undefined || this.#local.isAtRest(nowMs))
    );
  }

  /** Tokens are not kept for later: starts put off would add up to more than the limit. */
  nobodyWaits(): void {
    this.#question?.unsubscribe();
    this.#question = undefined;
    this.#inHand = 0;
  }

  #ask(wanted: number): void {
    const { tokens, health, rate, answerWithinMs, clock } = this.#parts;
    const question = new Subscription();
    let isAsync = false;
    const over = (): void => {
      question.unsubscribe();
      this.#question = undefined;
      if (isAsync) this.#answered();
    };
    this.#question = question;
    question.add(
      tokens
        .take(this.#bucket, { ...rate, requests: this.#requests }, wanted)
        .pipe(take(1), throwIfEmpty(), timeoutWithin(answerWithinMs))
        .subscribe({
          next: ({ granted, waitMs }) => {
            this.#inHand = granted;
            // At least a millisecond, or a store that has neither tokens nor a time would be asked without end.
            if (granted < wanted) this.#nextAtMs = clock.now() + Math.max(1, waitMs);
          },
          error: (cause: unknown) => {
            health.failed(cause, clock.now());
            over();
          },
          complete: () => {
            health.answered();
            over();
          },
        }),
    );
    isAsync = true;
  }

  /** Empty at the moment the store went away: what it held was the share of all. */
  #localBucket(nowMs: number): TokenBucket {
    const { health, rate, localShareRatio } = this.#parts;
    const sinceMs = health.awaySinceMs ?? nowMs;
    if (this.#local === undefined || this.#localSinceMs !== sinceMs) {
      const burst = Math.max(1, Math.floor(rate.burst * localShareRatio));
      this.#local = new TokenBucket({ ...rate, periodMs: rate.periodMs / localShareRatio, burst, tokens: 0 });
      this.#localSinceMs = sinceMs;
      this.#local.waitMs(sinceMs);
    }
    this.#local.limitTo(this.#requests);
    return this.#local;
  }
}
