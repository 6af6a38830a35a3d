/** The first moment of a delivery in the engine: who it is, which try it is, when it is too late, and the trace it belongs to. */
import type { MessageIdentity } from '../events.ts';
import type { Delivery } from '../message/delivery.ts';
import { correlationIdOf, derivedContext, messageIdOf, producerContextOf, traceIdOf } from '../message/identity.ts';
import type { MessageSpan, Tracing } from '../tracing.ts';
import { clockNow } from './context.ts';
import type { Journey } from './journey.ts';
import { attemptOf, deadlineOf } from './message-headers.ts';
import type { Pipeline } from './pipeline.ts';

/** Where a tracer listens, the message's span starts here. */
export function beginJourney(delivery: Delivery, pipeline: Pipeline, tracing: Tracing | undefined): Journey {
  const receivedAt = clockNow();
  const messageId = messageIdOf(delivery);
  const correlationId = correlationIdOf(delivery, messageId);
  const attempt = attemptOf(delivery, pipeline.source);
  const producer = producerContextOf(delivery);
  const { deliveryTag, queue, exchange, routingKey, body } = delivery;
  const span: MessageSpan | undefined = tracing?.startMessage({
    pipeline: pipeline.name,
    messageId,
    correlationId,
    queue,
    exchange,
    routingKey,
    attempt,
    bytes: body.byteLength,
    at: receivedAt,
    producer,
  });
  const trace = span ?? producer ?? derivedContext(messageId);
  // Named one by one, here and below: spreading costs a microsecond for each message.
  const identity: MessageIdentity = {
    pipeline: pipeline.name,
    messageId,
    correlationId,
    traceId: traceIdOf(trace),
    messageAttempt: attempt,
    deliveryTag,
  };
  const deadlineAt = deadlineOf(delivery, receivedAt);
  return { whereabouts: undefined, delivery, identity, receivedAt, attempt, trace, span, deadlineAt };
}
