/** The port of a store of token buckets that many workers share. Adapters stand beside it, in src/redis. */
import type { Observable } from 'rxjs';

/** A token bucket as `policies/token-bucket.ts` describes it. */
export interface SharedRate {
  /** Tokens that come back in each period. */
  readonly requests: number;
  readonly periodMs: number;
  /** Tokens the bucket holds. */
  readonly burst: number;
}

export interface TokenGrant {
  /** Tokens taken, 0 to as many as were wanted. */
  readonly granted: number;
  /** Where that is fewer: milliseconds until the next token is there. */
  readonly waitMs: number;
}

export interface SharedTokens {
  /**
   * Takes up to `wanted` tokens from the bucket of that name, in one step that no other worker comes between. A bucket nobody has used
   * is full. Cold; emits one grant and completes. Fails when the store cannot be asked. Unsubscribing gives the question up; what it
   * granted may be lost.
   */
  take(bucket: string, rate: SharedRate, wanted: number): Observable<TokenGrant>;
}
