/**
 * What a dead letter tells about itself: by the headers the engine gave it, or by the broker's own record where the broker put it there.
 * They come from outside: each is read as if a stranger had written it.
 */
import { isPartitionOf } from '../../broker/partitions.ts';
import type { Delivery, Headers, HeaderTable, HeaderValue } from '../../message/delivery.ts';
import { correlationIdOf, messageIdOf } from '../../message/identity.ts';
import { HEADER } from '../../pipeline/message-headers.ts';
import { fingerprintOf } from './fingerprint.ts';

/** Headers that these commands give a letter, beside the engine's. */
export const DLQ_HEADER = {
  /** How often it was taken out of the dead letters and put into its queue again. */
  retries: 'x-sluice-dlq-retries',
  /** What its body was before people changed it, newest last. */
  edits: 'x-sluice-dlq-edits',
  /** The look that sent it on, or put it into its queue anew, by an id of its own. */
  look: 'x-sluice-dlq-look',
} as const;

/** Everything about a letter but its content. Times are milliseconds since 1970. */
export interface Letter {
  readonly id: string;
  readonly correlationId: string;
  readonly code: string;
  /** Code below it: what exhausted the retries. */
  readonly cause: string | undefined;
  readonly stage: string;
  readonly message: string;
  readonly fingerprint: string;
  readonly pipeline: string | undefined;
  readonly attempts: number | undefined;
  readonly firstFailedAt: number | undefined;
  readonly lastFailedAt: number | undefined;
  /** Where it was first published to. */
  readonly exchange: string | undefined;
  readonly routingKey: string | undefined;
  /** The partition it lay in, where its source has some. */
  readonly partition: string | undefined;
  readonly retries: number;
  readonly edits: number;
  /** Times a quorum queue took it back, as far as it counts them. */
  readonly deliveryCount: number;
  readonly bytes: number;
}

/** In place of a code or a stage that a letter does not tell. */
export const NONE = '-';

export function readLetter(delivery: Delivery, workQueue: string): Letter {
  const { headers, body } = delivery;
  const id = messageIdOf(delivery);
  const { code, stage, message, ...failure } = byBroker(headers, workQueue) ?? byEngine(headers, workQueue);
  return {
    id,
    correlationId: correlationIdOf(delivery, id),
    code,
    stage,
    message,
    fingerprint: fingerprintOf(code, stage, message),
    ...failure,
    retries: count(headers[DLQ_HEADER.retries]) ?? 0,
    edits: asList(headers[DLQ_HEADER.edits]).length,
    deliveryCount: count(headers['x-delivery-count']) ?? 0,
    bytes: body.byteLength,
  };
}

type FailureOf = Omit<Letter, 'id' | 'correlationId' | 'fingerprint' | 'retries' | 'edits' | 'deliveryCount' | 'bytes'>;

function byEngine(headers: Headers, workQueue: string): FailureOf {
  return {
    partition: partitionIn(text(headers[HEADER.queue]), workQueue),
    code: text(headers[HEADER.errorCode]) ?? NONE,
    cause: text(headers[HEADER.errorCause]),
    stage: text(headers[HEADER.stage]) ?? NONE,
    message: text(headers[HEADER.errorMessage]) ?? '',
    pipeline: text(headers[HEADER.pipeline]),
    attempts: count(headers[HEADER.attempts]),
    firstFailedAt: count(headers[HEADER.firstFailedAt]),
    lastFailedAt: count(headers[HEADER.lastFailedAt]),
    exchange: text(headers[HEADER.exchange]),
    routingKey: text(headers[HEADER.routingKey]),
  };
}

/** Why a broker dead-letters, and what to think of. */
const BROKER_REASONS: Readonly<Record<string, string>> = {
  delivery_limit:
    'handed over more often than the delivery limit of its queue allows: it may end its worker, or every connection that reads it',
  expired: 'its time to live ended in the queue',
  rejected: 'a consumer rejected it',
  maxlen: 'its queue was full',
};

/** The engine's dead letters carry no record of the broker's: one of the work queue says that the broker moved it. */
function byBroker(headers: Headers, workQueue: string): FailureOf | undefined {
  const death = latestDeath(headers);
  const queue = death === undefined ? undefined : text(death.queue);
  const partition = partitionIn(queue, workQueue);
  if (death === undefined || (queue !== workQueue && partition === undefined)) return undefined;
  const reason = text(death.reason) ?? NONE;
  const at = death.time instanceof Date ? death.time.getTime() : undefined;
  return {
    code: `BROKER_${reason.toUpperCase()}`,
    cause: undefined,
    stage: 'broker',
    partition,
    message: (Object.hasOwn(BROKER_REASONS, reason) ? BROKER_REASONS[reason] : undefined) ?? reason,
    pipeline: undefined,
    attempts: undefined,
    firstFailedAt: at,
    lastFailedAt: at,
    // What an earlier copy says of the origin holds; the record knows only the last step.
    exchange: text(headers[HEADER.exchange]) ?? text(death.exchange),
    routingKey: text(headers[HEADER.routingKey]) ?? text(asList(death['routing-keys'])[0]),
  };
}

/** A name is believed where it is that of a partition: a publisher can send a letter to no other queue by it. */
const partitionIn = (queue: string | undefined, workQueue: string): string | undefined =>
  queue !== undefined && isPartitionOf(queue, workQueue) ? queue : undefined;

function latestDeath(headers: Headers): HeaderTable | undefined {
  const [latest] = asList(headers['x-death']);
  const isTable =
    typeof latest === 'object' && latest !== null && !Array.isArray(latest) && !(latest instanceof Uint8Array);
  return isTable && !(latest instanceof Date) ? (latest as HeaderTable) : undefined;
}

export const asList = (value: HeaderValue | undefined): readonly HeaderValue[] =>
  Array.isArray(value) ? (value as readonly HeaderValue[]) : [];

const text = (value: HeaderValue | undefined): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

const count = (value: HeaderValue | undefined): number | undefined =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
