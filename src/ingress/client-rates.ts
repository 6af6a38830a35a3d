/** How often each client may come: a token bucket for each, the latest so many remembered. */
import { LRUCache } from 'lru-cache';
import type { ForwardClock } from '../operators/forward-clock.ts';
import { TokenBucket, type TokenBucketOptions } from '../policies/token-bucket.ts';

/** Clients remembered. One that is forgotten begins anew. */
const MAX_CLIENTS = 10_000;

export class ClientRates {
  readonly #buckets = new LRUCache<string, TokenBucket>({ max: MAX_CLIENTS });
  readonly #options: TokenBucketOptions;
  readonly #clock: ForwardClock;

  constructor(options: TokenBucketOptions, clock: ForwardClock) {
    this.#options = options;
    this.#clock = clock;
  }

  /** Milliseconds until the client may come; 0 when it may now. */
  waitMs(client: string): number {
    return this.#buckets.get(client)?.waitMs(this.#clock.now()) ?? 0;
  }

  /** One more of this client. */
  take(client: string): void {
    let bucket = this.#buckets.get(client);
    if (bucket === undefined) {
      bucket = new TokenBucket(this.#options);
      this.#buckets.set(client, bucket);
    }
    bucket.take(this.#clock.now());
  }
}
