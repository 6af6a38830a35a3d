/**
 * Copies of a message that could not be done: for its next try, or for people. Body and properties stay as they came; what happened
 * is told in headers. Each copy is confirmed by the broker before the original is acked. Pure.
 */
import { deadLetterQueue, type QueueSource, wayToDelay } from '../broker/queue.ts';
import { CompensationDelayedError, causeOf, codeOf, detailsOf, isTransient, messageOf } from '../errors.ts';
import type { Delivery, MessageProperties } from '../message/delivery.ts';
import { producerContextOf } from '../message/identity.ts';
import type { OutgoingMessage } from '../message/outgoing.ts';
import { isShortString } from '../message/short-string.ts';
import { contextHeaders } from '../tracing.ts';
import type { Failure, Journey } from './journey.ts';
import { carriedHeaders, firstFailedAt, HEADER, priorityOf, publisherOf } from './message-headers.ts';
import type { Pipeline } from './pipeline.ts';

/** Longest error text a copy carries, in characters: a header table has to fit a frame. */
const MAX_REASON_LENGTH = 1_000;

/** Longest account of what happened, in characters: a saga's journal. */
const MAX_DETAILS_LENGTH = 8_000;

/**
 * The highest priority that waits in its turn. What is above it leaves a quorum queue before others since RabbitMQ 4, and only who leaves next can expire:
 * the others would wait for as long as urgent messages come. Since 4.3 every priority leaves before those below, and each has its own that can expire.
 */
const HIGHEST_WAITING_PRIORITY = 4;

type Trying = Pick<Pipeline, 'lastWord'> & { readonly source: Pick<QueueSource, 'retryDelaysMs'> };

/**
 * Pause before the next try, or undefined when there is none: all are used up, or the message would be too late by then. What a handle has begun that
 * has a last word is not given up for being late.
 */
export function nextDelayMs(
  { source, lastWord }: Trying,
  { attempt, deadlineAt }: Pick<Journey, 'attempt' | 'deadlineAt'>,
  error: unknown,
  now: number,
): number | undefined {
  // What has to be undone is not given up because the way forward has used up the message's tries.
  const tries = error instanceof CompensationDelayedError ? error.failures : attempt;
  const delayMs = source.retryDelaysMs[tries - 1];
  const isTooLate =
    delayMs !== undefined && lastWord === undefined && deadlineAt !== undefined && now + delayMs >= deadlineAt;
  return isTooLate ? undefined : delayMs;
}

/** Whether a message that failed so is tried again. */
export const hasNextTry = (trying: Trying, journey: Journey, error: unknown, now: number): boolean =>
  isTransient(error) && nextDelayMs(trying, journey, error, now) !== undefined;

/** The message as it lies in its queue again, where the broker cannot let it expire any more. */
export function renewedCopy(journey: Journey, source: QueueSource): OutgoingMessage {
  const { delivery, identity, deadlineAt } = journey;
  return {
    exchange: '',
    routingKey: delivery.queue,
    body: delivery.body,
    properties: carriedProperties(delivery, identity.messageId, priorityOf(delivery, source)),
    headers: {
      ...carriedHeaders(delivery),
      ...contextOfCopy(journey),
      [HEADER.deadline]: deadlineAt,
    },
  };
}

/** The message as it waits for its next try. */
export function retryCopy(
  journey: Journey,
  { error }: Failure,
  source: QueueSource,
  delayMs: number,
  now: number,
): OutgoingMessage {
  const { delivery, attempt, identity } = journey;
  const priority = priorityOf(delivery, source);
  const isUrgent = source.type === 'quorum' && priority !== undefined && priority > HIGHEST_WAITING_PRIORITY;
  return {
    ...wayToDelay(source, delivery.queue, delayMs),
    body: delivery.body,
    properties: carriedProperties(delivery, identity.messageId, isUrgent ? HIGHEST_WAITING_PRIORITY : priority),
    headers: {
      ...carriedHeaders(delivery),
      ...contextOfCopy(journey),
      [HEADER.userId]: publisherOf(delivery, source),
      ...(isUrgent ? { [HEADER.priority]: priority } : {}),
      // A compensation's own tries go on beyond the last.
      [HEADER.attempt]: Math.min(attempt, source.retryDelaysMs.length) + 1,
      [HEADER.deadline]: journey.deadlineAt,
      [HEADER.firstFailedAt]: firstFailedAt(delivery.headers, now),
      [HEADER.errorCode]: codeOf(error),
    },
  };
}

/** The message as it lies in the dead-letter queue, with all that a person needs to decide what to do about it. */
export function deadLetterCopy(
  journey: Journey,
  { stage, error }: Failure,
  source: QueueSource,
  now: number,
): OutgoingMessage {
  const { delivery, attempt, identity } = journey;
  const { messageId, correlationId, pipeline } = identity;
  return {
    exchange: '',
    routingKey: deadLetterQueue(source.name),
    body: delivery.body,
    properties: { ...carriedProperties(delivery, messageId, priorityOf(delivery, source)), correlationId },
    headers: {
      ...carriedHeaders(delivery),
      ...contextOfCopy(journey),
      [HEADER.userId]: publisherOf(delivery, source),
      [HEADER.attempt]: undefined,
      [HEADER.deadline]: undefined,
      [HEADER.errorCode]: codeOf(error),
      [HEADER.errorCause]: causeCode(error),
      [HEADER.errorMessage]: messageOf(error).slice(0, MAX_REASON_LENGTH),
      [HEADER.errorDetails]: detailsOf(error)?.slice(0, MAX_DETAILS_LENGTH),
      [HEADER.stage]: stage,
      [HEADER.pipeline]: pipeline,
      [HEADER.attempts]: attempt,
      [HEADER.firstFailedAt]: firstFailedAt(delivery.headers, now),
      [HEADER.lastFailedAt]: now,
      [HEADER.queue]: delivery.queue,
      ...(delivery.unreadable === undefined
        ? {}
        : { [HEADER.stripped]: delivery.unreadable.slice(0, MAX_REASON_LENGTH) }),
    },
  };
}

/** A message that its source could not lay into the queue as it is, as it lies in the dead-letter queue: its headers are told as text. */
export function setAsideCopy(
  message: OutgoingMessage,
  error: unknown,
  { name: pipeline, source }: Pick<Pipeline, 'name' | 'source'>,
  now: number,
): OutgoingMessage {
  const headers = {
    [HEADER.errorCode]: codeOf(error),
    [HEADER.errorMessage]: messageOf(error).slice(0, MAX_REASON_LENGTH),
    [HEADER.errorDetails]: `headers: ${JSON.stringify(message.headers)}`.slice(0, MAX_DETAILS_LENGTH),
    [HEADER.stage]: 'publish',
    [HEADER.pipeline]: pipeline,
    [HEADER.attempts]: 1,
    [HEADER.firstFailedAt]: now,
    [HEADER.lastFailedAt]: now,
    [HEADER.queue]: source.name,
  };
  return bareCopy({ ...message, exchange: '', routingKey: deadLetterQueue(source.name), headers }, messageOf(error));
}

/** A message whose producer traced nothing stays in the trace of its first try. What has a context keeps it: a copy is no effect. */
const contextOfCopy = ({ delivery, span }: Journey): Record<string, string> =>
  span === undefined || producerContextOf(delivery) !== undefined ? {} : contextHeaders(span);

/**
 * The properties of a copy. Not carried: `expiration`, which would end the wait or delete the dead letter, and `userId`, which the
 * broker takes from nobody but that user.
 */
function carriedProperties(
  { properties }: Delivery,
  messageId: string,
  priority: number | undefined,
): MessageProperties {
  const { expiration: _expiration, userId: _userId, priority: _priority, ...carried } = properties;
  return { ...carried, ...(priority === undefined ? {} : { priority }), messageId, persistent: true };
}

/** What is left of a copy AMQP cannot carry as it is: the body, ids and content type, our own headers, and why the rest is missing. */
export function bareCopy(copy: OutgoingMessage, reason: string): OutgoingMessage {
  const { messageId, correlationId, contentType, contentEncoding } = copy.properties;
  const named = Object.entries({ messageId, correlationId, contentType, contentEncoding });
  const fitting = named.filter(([, text]) => text !== undefined && isShortString(text));
  const own = Object.entries(copy.headers).filter(([name]) => OWN_HEADERS.has(name));
  return {
    ...copy,
    properties: { ...Object.fromEntries(fitting), persistent: true },
    headers: { ...Object.fromEntries(own), [HEADER.stripped]: reason.slice(0, MAX_REASON_LENGTH) },
  };
}

const OWN_HEADERS: ReadonlySet<string> = new Set(Object.values(HEADER));

/** The code below an error that wraps another: what exhausted the retries. */
function causeCode(error: unknown): string | undefined {
  const cause = causeOf(error);
  const code = cause === undefined ? undefined : codeOf(cause);
  return code === 'ERR_HANDLE_FAILED' ? undefined : code;
}
