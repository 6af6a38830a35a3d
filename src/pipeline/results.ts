/** Results of a handle become messages: encoded, addressed, and named so that a duplicate can be told. */
import type { Destination } from '../broker/exchange.ts';
import { REQUEST_HEADER } from '../broker/requests.ts';
import { ResultInvalidError } from '../errors.ts';
import { resultIdOf } from '../message/identity.ts';
import type { OutgoingMessage } from '../message/outgoing.ts';
import { contextHeaders } from '../tracing.ts';
import type { Journey, Outgoing } from './journey.ts';
import { type Written, writeResult } from './message-format.ts';
import type { Pipeline } from './pipeline.ts';

/**
 * The messages for one message's results.
 * @throws ResultInvalidError for a value that cannot be sent, and whatever the author's `output` throws.
 */
export function toMessages(
  emitted: readonly unknown[],
  message: unknown,
  journey: Journey,
  pipeline: Pipeline,
): Outgoing {
  const { replyTo } = journey.delivery.properties;
  const results: OutgoingMessage[] = [];
  const answers: OutgoingMessage[] = [];
  emitted.forEach((result, index) => {
    const destinations = destinationsOf(result, message, pipeline);
    if (destinations.length === 0 && replyTo === undefined) return;
    const messageId = resultIdOf(pipeline.name, journey.identity.messageId, index);
    const written = writeResult(result, message, messageId, pipeline.writes);
    for (const destination of destinations) results.push(toExchange(destination, written, messageId, journey));
    if (replyTo !== undefined) answers.push(toRequester(replyTo, written, messageId, journey));
  });
  const told = emitted.length === 0 ? outcomeOf(journey, 'done') : undefined;
  if (told !== undefined) answers.push(told);
  return { results, answers };
}

/** For a requester who asked to be told how his message ended, whether or not there is a result; undefined where nobody did. */
export function outcomeOf(
  journey: Journey,
  outcome: 'done' | 'dead-lettered',
  about: OutgoingMessage['headers'] = {},
): OutgoingMessage | undefined {
  const { delivery, identity, trace } = journey;
  const { replyTo } = delivery.properties;
  if (replyTo === undefined || delivery.headers[REQUEST_HEADER.tell] !== 'outcome') return undefined;
  return {
    exchange: '',
    routingKey: replyTo,
    mandatory: false,
    body: new Uint8Array(),
    headers: {
      ...contextHeaders(trace),
      [REQUEST_HEADER.answers]: identity.messageId,
      [REQUEST_HEADER.outcome]: outcome,
      ...about,
    },
    properties: { correlationId: askedBy(journey) },
  };
}

function destinationsOf(result: unknown, message: unknown, { output }: Pipeline): readonly Destination[] {
  const given = output?.(result, message) ?? [];
  const destinations = Array.isArray(given) ? (given as readonly Destination[]) : [given as Destination];
  for (const destination of destinations) {
    if (destination?.kind !== 'exchange')
      throw new ResultInvalidError('output must return exchange(…), a list of them, or undefined');
  }
  return destinations;
}

/** Most results have no headers but the context, and only these properties: spreading them together costs. */
function toExchange(destination: Destination, written: Written, messageId: string, journey: Journey): OutgoingMessage {
  const { exchange, routingKey, mandatory = true, headers, priority } = destination;
  const { contentType, contentEncoding } = written.properties;
  const { correlationId } = journey.identity;
  const context = contextHeaders(journey.trace);
  const hasContextAlone = written.headers === undefined && headers === undefined;
  const properties = { messageId, correlationId, contentType, persistent: true };
  return {
    exchange,
    routingKey,
    mandatory,
    body: written.body,
    headers: hasContextAlone ? context : { ...written.headers, ...headers, ...context },
    properties:
      contentEncoding === undefined && priority === undefined
        ? properties
        : { ...properties, ...given('contentEncoding', contentEncoding), ...given('priority', priority) },
  };
}

const given = <Name extends string, Value>(name: Name, value: Value | undefined) =>
  value === undefined ? {} : ({ [name]: value } as { readonly [N in Name]: Value });

/** An answer is for one requester, who may have left: unroutable then, and nobody's failure. */
function toRequester(replyTo: string, written: Written, messageId: string, journey: Journey): OutgoingMessage {
  return {
    exchange: '',
    routingKey: replyTo,
    mandatory: false,
    body: written.body,
    headers: {
      ...written.headers,
      ...contextHeaders(journey.trace),
      [REQUEST_HEADER.answers]: journey.identity.messageId,
    },
    properties: { messageId, correlationId: askedBy(journey), ...written.properties },
  };
}

/** The correlation id by which a requester knows the answer: his own, whatever conversation the request belongs to. */
const askedBy = ({ delivery, identity }: Journey): string =>
  delivery.properties.correlationId || identity.correlationId;
