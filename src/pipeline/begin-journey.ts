/** The first moment of a delivery in the engine: who it is, which try it is, when it is too late, and the trace it belongs to. */
import type { MessageIdentity } from '../events.ts';
import type { Delivery } from '../message/delivery.ts';
import { correlationIdOf, derivedContext, messageIdOf, producerContextOf, traceIdOf } from '../message/identity.ts';
import type { MessageSpan, Tracing } from '../tracing.ts';
import { clockNow } from './context.ts';
import type { Pipeline } from './define-pipeline.ts';
import type { Journey } from './journey.ts';
import { attemptOf, deadlineOf } from './message-headers.ts';

/** Where a tracer listens, the message's span starts here. */
export function beginJourney(delivery: Delivery, pipeline: Pipeline, tracing: Tracing | undefined): Journey {
  const receivedAt = clockNow();
  const messageId = messageIdOf(delivery);
  const correlationId = correlationIdOf(delivery, messageId);
  const attempt = attemptOf(delivery, pipeline.source.retryDelaysMs.length + 1);
  const producer = producerContextOf(delivery);
  const { deliveryTag, queue, exchange, routingKey, body } = delivery;
  const about = { pipeline: pipeline.name, messageId, correlationId };
  const bytes = body.byteLength;
  const span: MessageSpan | undefined = tracing?.startMessage({
    ...about,
    queue,
    exchange,
    routingKey,
    attempt,
    bytes,
    at: receivedAt,
    producer,
  });
  const trace = span ?? producer ?? derivedContext(messageId);
  const identity: MessageIdentity = { ...about, traceId: traceIdOf(trace), messageAttempt: attempt, deliveryTag };
  const deadlineAt = deadlineOf(delivery, receivedAt);
  return {
    delivery,
    identity,
    receivedAt,
    attempt,
    trace,
    ...(span === undefined ? {} : { span }),
    ...(deadlineAt === undefined ? {} : { deadlineAt }),
  };
}
