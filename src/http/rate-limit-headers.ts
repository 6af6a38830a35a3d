/**
 * What an answer says of the limit it counts towards, in the forms that are out there. Numbers alone: what is anything else is not told.
 *
 * @see https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/ `RateLimit`, and in its older versions `RateLimit-Remaining`
 */
import type { RateLimitAnswer } from '../policies/learned-quota.ts';
import { headerOf, type TransportResponse } from './transport.ts';

/** Above this an `X-RateLimit-Reset` is a moment in seconds since 1970 and no time to wait: 10^9 seconds are 31 years. */
const EPOCH_SECONDS = 1_000_000_000;

/**
 * Calls that are left, and until when. What the limit is in all is not read: it is meant per a period of the server's, which is not the one
 * of the definition.
 */
export function quotaOf(response: TransportResponse, nowMs: number): RateLimitAnswer | undefined {
  const structured = headerOf(response, 'ratelimit');
  const remaining =
    parameter(structured, 'r') ??
    parameter(structured, 'remaining') ??
    count(headerOf(response, 'ratelimit-remaining') ?? headerOf(response, 'x-ratelimit-remaining'));
  if (remaining === undefined) return undefined;
  const reset =
    parameter(structured, 't') ??
    parameter(structured, 'reset') ??
    count(headerOf(response, 'ratelimit-reset') ?? headerOf(response, 'x-ratelimit-reset'));
  return { remaining, resetAfterMs: reset === undefined ? undefined : waitMs(reset, nowMs) };
}

const waitMs = (reset: number, nowMs: number): number =>
  reset < EPOCH_SECONDS ? reset * 1_000 : Math.max(0, reset * 1_000 - nowMs);

/** `r` of `"default";r=50;t=30`, `remaining` of `limit=100, remaining=50`. */
const parameter = (header: string | undefined, name: string): number | undefined =>
  count(
    header === undefined ? undefined : new RegExp(`(?:^|[;,\\s])${name}=(\\d{1,12})(?:$|[;,\\s])`).exec(header)?.[1],
  );

const count = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,12}$/.test(text) ? Number(text) : undefined;
