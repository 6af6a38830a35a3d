/** Letters on their way: back to their queue, or anew into the dead letters. Who they are (message id, correlation id) stays. Pure. */
import { deadLetterQueue } from '../../broker/queue.ts';
import type { Delivery, HeaderValue, MessageProperties } from '../../message/delivery.ts';
import { messageIdOf } from '../../message/identity.ts';
import type { OutgoingMessage } from '../../message/outgoing.ts';
import { carriedHeaders, HEADER } from '../../pipeline/message-headers.ts';
import { DLQ_HEADER, type Letter } from './letter.ts';

const SUFFIX = deadLetterQueue('');

/** A work queue and its dead letters, by the name of either. */
export interface QueuePair {
  readonly work: string;
  readonly dead: string;
}

export function queuePair(name: string): QueuePair {
  const isDead = name.endsWith(SUFFIX) && name.length > SUFFIX.length;
  const work = isDead ? name.slice(0, -SUFFIX.length) : name;
  return { work, dead: deadLetterQueue(work) };
}

/** What the engine wrote about the failure: gone, so that the ladder begins anew and nothing is taken for a try that was made. */
const OF_THE_FAILURE: readonly string[] = [
  HEADER.attempt,
  HEADER.attempts,
  HEADER.deadline,
  HEADER.errorCode,
  HEADER.errorCause,
  HEADER.errorMessage,
  HEADER.firstFailedAt,
  HEADER.lastFailedAt,
  HEADER.pipeline,
  HEADER.queue,
  HEADER.stage,
];

/**
 * The letter as a message of its work queue again, of its partition where there are some. The queue is the one whose dead letters these are, never one that a header names: a
 * publisher could have written that. `look`: which look sends it on, so that it knows the letter when it is back.
 */
export function retryOf(delivery: Delivery, letter: Letter, { work }: QueuePair, look?: string): OutgoingMessage {
  const headers = originHeaders(delivery, letter);
  for (const name of OF_THE_FAILURE) delete headers[name];
  // What could not be decoded cannot be sent: whoever gets the message is told, here and where an earlier copy left headers out.
  if (delivery.unreadable !== undefined) headers[HEADER.stripped] = delivery.unreadable;
  headers[DLQ_HEADER.retries] = letter.retries + 1;
  headers[DLQ_HEADER.look] = look;
  return {
    exchange: '',
    routingKey: letter.partition ?? work,
    body: delivery.body,
    properties: ownProperties(delivery),
    headers,
  };
}

/** The letter anew among the dead letters. What the broker's record told is told by headers: brokers drop their record from what clients publish. */
export function renewed(delivery: Delivery, letter: Letter, { work, dead }: QueuePair, look?: string): OutgoingMessage {
  const headers = originHeaders(delivery, letter);
  headers[DLQ_HEADER.look] = look;
  if (delivery.unreadable !== undefined) headers[HEADER.stripped] = delivery.unreadable;
  if (letter.stage === 'broker') {
    headers[HEADER.errorCode] = letter.code;
    headers[HEADER.errorMessage] = letter.message;
    headers[HEADER.stage] = letter.stage;
    headers[HEADER.queue] = letter.partition ?? work;
    headers[HEADER.firstFailedAt] = letter.firstFailedAt;
    headers[HEADER.lastFailedAt] = letter.lastFailedAt;
  }
  return { exchange: '', routingKey: dead, body: delivery.body, properties: ownProperties(delivery), headers };
}

/** All headers that are not the broker's own; where the letter was first published to as far as that is known, not where this copy lay. */
function originHeaders(delivery: Delivery, letter: Letter): Record<string, HeaderValue | undefined> {
  const headers = carriedHeaders(delivery);
  headers[HEADER.exchange] = letter.exchange;
  headers[HEADER.routingKey] = letter.routingKey;
  return headers;
}

/** Not carried: `expiration`, which would end it again, and `userId`, which the broker takes from nobody but that user. */
function ownProperties(delivery: Delivery): MessageProperties {
  const { expiration: _expiration, userId: _userId, ...carried } = delivery.properties;
  return { ...carried, messageId: messageIdOf(delivery), persistent: true };
}
