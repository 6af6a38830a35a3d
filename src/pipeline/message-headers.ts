/**
 * The headers of our own on retry copies and dead letters. Counting in them, not in `x-death`: brokers rewrite that one.
 * They come back from outside, so each is read as if a stranger had written it.
 */
import type { QueueSource } from '../broker/queue.ts';
import type { Delivery, Headers, HeaderValue } from '../message/delivery.ts';

export const HEADER = {
  attempt: 'x-sluice-attempt',
  firstFailedAt: 'x-sluice-first-failed-at',
  lastFailedAt: 'x-sluice-last-failed-at',
  errorCode: 'x-sluice-error-code',
  errorCause: 'x-sluice-error-cause',
  errorMessage: 'x-sluice-error-message',
  errorDetails: 'x-sluice-error-details',
  stage: 'x-sluice-stage',
  pipeline: 'x-sluice-pipeline',
  attempts: 'x-sluice-attempts',
  deadline: 'x-sluice-deadline',
  queue: 'x-sluice-queue',
  exchange: 'x-sluice-exchange',
  routingKey: 'x-sluice-routing-key',
  userId: 'x-sluice-user-id',
  priority: 'x-sluice-priority',
  stripped: 'x-sluice-stripped',
} as const;

/**
 * The try a delivery is, counted from 1. A count above 1 is believed only of a message that came back from one of the queue's delay
 * queues: our header alone can neither skip tries nor add any.
 */
export function attemptOf(delivery: Delivery, source: QueueSource): number {
  const maxAttempts = source.retryDelaysMs.length + 1;
  const given = delivery.headers[HEADER.attempt];
  if (typeof given !== 'number' || !Number.isInteger(given) || given < 1 || given > maxAttempts) return 1;
  return cameFromDelayQueue(delivery, source) ? given : 1;
}

/** What a queue's delay queues are named by: all partitions of one source share theirs. */
type Delayed = Pick<QueueSource, 'name' | 'partitions'>;

/**
 * What `x-death` says: the broker's own record of a message that has died. While it has not, brokers hand on what its publisher wrote there, RabbitMQ 4
 * too, so that a publisher can make this true of a message of its own.
 */
function cameFromDelayQueue({ headers, queue }: Delivery, { name, partitions }: Delayed): boolean {
  const delayed = partitions === undefined ? queue : name;
  const deaths = headers['x-death'];
  const latest = Array.isArray(deaths) ? (deaths[0] as HeaderValue | undefined) : undefined;
  if (typeof latest !== 'object' || latest === null || !('queue' in latest)) return false;
  return typeof latest.queue === 'string' && latest.queue.startsWith(`${delayed}.delay.`);
}

/** Whether the broker will not hand the message over again: what a quorum queue counts is one short of more than it allows. */
export function isHandedOverForTheLastTime({ headers }: Delivery, { type, deliveryLimit }: QueueSource): boolean {
  const returns = headers['x-delivery-count'];
  return type === 'quorum' && typeof returns === 'number' && returns >= deliveryLimit;
}

/** When the message first failed: what its last failure wrote, unless that is no time before now. */
export function firstFailedAt(headers: Headers, now: number): number {
  const given = headers[HEADER.firstFailedAt];
  return typeof given === 'number' && given > 0 && given <= now ? given : now;
}

/**
 * When the message is too late, in milliseconds of the clock, or undefined for one that never is: what an earlier copy wrote down, else
 * its `expiration` from now on. How long it has waited is the broker's to know, which dead-letters what expired in the queue; a publisher's
 * `timestamp` is another clock.
 */
export function deadlineOf({ headers, properties }: Delivery, now: number): number | undefined {
  const carried = headers[HEADER.deadline];
  if (typeof carried === 'number' && Number.isFinite(carried)) return carried;
  const { expiration } = properties;
  return expiration === undefined || !/^[1-9]\d{0,14}$/.test(expiration) ? undefined : now + Number(expiration);
}

/**
 * Headers a copy must not carry: `CC` and `BCC` would route it to other queues again, a priority is told where it is not the property, and the rest is the
 * broker's own book-keeping.
 */
const NOT_CARRIED: ReadonlySet<string> = new Set([
  'CC',
  'BCC',
  HEADER.priority,
  'x-delivery-count',
  'x-acquired-count',
  'x-death',
  'x-first-death-exchange',
  'x-first-death-queue',
  'x-first-death-reason',
  'x-last-death-exchange',
  'x-last-death-queue',
  'x-last-death-reason',
]);

/**
 * The user who published the message: the broker has checked it while it is a property. On the way through delay queues it is a header of ours;
 * from anybody else that header is a claim, and not carried on.
 */
export function publisherOf(delivery: Delivery, source: Delayed): string | undefined {
  const { headers, properties } = delivery;
  if (properties.userId !== undefined) return properties.userId;
  const carried = headers[HEADER.userId];
  if (typeof carried !== 'string') return undefined;
  return cameFromDelayQueue(delivery, source) ? carried : undefined;
}

/** The priority the message was published with. One that was urgent has it in a header of ours on its way through delay queues; from anybody else that header means nothing. */
export function priorityOf(delivery: Delivery, source: Delayed): number | undefined {
  const { headers, properties } = delivery;
  const carried = headers[HEADER.priority];
  if (typeof carried !== 'number' || !Number.isInteger(carried) || carried < 0 || carried > 255)
    return properties.priority;
  return cameFromDelayQueue(delivery, source) ? carried : properties.priority;
}

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
