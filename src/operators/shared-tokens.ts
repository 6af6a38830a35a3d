/** The port of a store of token buckets that many workers share, and how definitions name one. Adapters stand beside it, in src/redis. */
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

/** A store of a worker's own, with a connection to it. */
export interface TokenStore extends SharedTokens {
  /** Begins to connect, so that the first question need not. Does nothing when it has begun already, or is closed. */
  connect(): void;
  /** Cold. Ends the connection, then completes. */
  close(): Observable<never>;
}

/** A store as definitions name it: nothing is read or connected yet, and nothing of it is shown when it is printed. */
export interface TokenStoreDefinition {
  readonly kind: 'token-store';
  /** Share of the limit that a worker keeps to while the store is away. Above 0, at most 1. */
  readonly localShareRatio: number;
  /**
   * The store, not connected yet.
   * @throws ConfigError when a setting behind it is missing or malformed, or what it needs is not installed.
   */
  read(): TokenStore;
}

export const isTokenStoreDefinition = (value: unknown): value is TokenStoreDefinition =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'token-store' && 'read' in value;
