/**
 * The headers of our own on retry copies and dead letters. Counting in them, not in `x-death`: brokers rewrite that one.
 * They come back from outside, so each is read as if a stranger had written it.
 */
import type { Delivery, Headers, HeaderValue } from '../message/delivery.ts';

export const HEADER = {
  attempt: 'x-sluice-attempt',
  firstFailedAt: 'x-sluice-first-failed-at',
  lastFailedAt: 'x-sluice-last-failed-at',
  errorCode: 'x-sluice-error-code',
  errorCause: 'x-sluice-error-cause',
  errorMessage: 'x-sluice-error-message',
  stage: 'x-sluice-stage',
  pipeline: 'x-sluice-pipeline',
  attempts: 'x-sluice-attempts',
  deadline: 'x-sluice-deadline',
  queue: 'x-sluice-queue',
  exchange: 'x-sluice-exchange',
  routingKey: 'x-sluice-routing-key',
  userId: 'x-sluice-user-id',
} as const;

/** The try a delivery is, within 1 and `maxAttempts`: a forged header can neither skip retries below the last nor add any. */
export function attemptOf(headers: Headers, maxAttempts: number): number {
  const given = headers[HEADER.attempt];
  if (typeof given !== 'number' || !Number.isInteger(given)) return 1;
  return Math.min(Math.max(given, 1), maxAttempts);
}

/** When the message first failed: what its last failure wrote, unless that is no time before now. */
export function firstFailedAt(headers: Headers, now: number): number {
  const given = headers[HEADER.firstFailedAt];
  return typeof given === 'number' && given > 0 && given <= now ? given : now;
}

/**
 * When the message is too late, in milliseconds of the clock, or undefined for one that never is: what an earlier copy wrote down, else
 * the message's `expiration` from its `timestamp`, or from now where it has none or one that has yet to come.
 */
export function deadlineOf({ headers, properties }: Delivery, now: number): number | undefined {
  const carried = headers[HEADER.deadline];
  if (typeof carried === 'number' && Number.isFinite(carried)) return carried;
  const { expiration, timestamp } = properties;
  if (expiration === undefined || !/^\d{1,15}$/.test(expiration)) return undefined;
  const publishedAt = timestamp === undefined ? now : timestamp * 1_000;
  return Math.min(publishedAt > 0 ? publishedAt : now, now) + Number(expiration);
}

/**
 * Headers a copy must not carry: `CC` and `BCC` would route it to other queues again, and the rest is the broker's own book-keeping.
 */
const NOT_CARRIED: ReadonlySet<string> = new Set([
  'CC',
  'BCC',
  'x-delivery-count',
  'x-death',
  'x-first-death-exchange',
  'x-first-death-queue',
  'x-first-death-reason',
  'x-last-death-exchange',
  'x-last-death-queue',
  'x-last-death-reason',
]);

/** A message's headers for its copy, with where it was first published to. */
export function carriedHeaders({
  headers,
  exchange,
  routingKey,
  properties,
}: Delivery): Record<string, HeaderValue | undefined> {
  const carried = Object.create(null) as Record<string, HeaderValue | undefined>;
  carried[HEADER.exchange] = exchange;
  carried[HEADER.routingKey] = routingKey;
  if (properties.userId !== undefined) carried[HEADER.userId] = properties.userId;
  // Later wins: what an earlier copy wrote about the origin stays.
  for (const [name, value] of Object.entries(headers)) if (!NOT_CARRIED.has(name)) carried[name] = value;
  return carried;
}
