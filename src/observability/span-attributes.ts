/**
 * What spans say of themselves, by OpenTelemetry's conventions for messaging and HTTP. Each is one literal, with undefined for what is not
 * there, which is as good as absent: put together of several, they cost more than all that an SDK does with them.
 * @see https://opentelemetry.io/docs/specs/semconv/messaging/rabbitmq/
 * @see https://opentelemetry.io/docs/specs/semconv/http/http-spans/
 */
import type { Attributes } from '@opentelemetry/api';
import type { TracedCall, TracedMessage, TracedPublish } from '../tracing.ts';

export const DEFAULT_EXCHANGE = 'amq.default';

export const messageAttributes = (message: TracedMessage): Attributes => ({
  'messaging.system': 'rabbitmq',
  'messaging.operation.type': 'process',
  'messaging.operation.name': 'process',
  'messaging.destination.name': destinationOf(message.exchange, message.routingKey, message.queue),
  'messaging.rabbitmq.destination.routing_key': message.routingKey,
  'messaging.message.id': message.messageId,
  'messaging.message.conversation_id': message.correlationId,
  'messaging.message.body.size': message.bytes,
  'sluice.pipeline': message.pipeline,
  'sluice.attempt': message.attempt,
});

export const publishAttributes = ({ exchange, routingKey, messageId, bytes }: TracedPublish): Attributes => ({
  'messaging.system': 'rabbitmq',
  'messaging.operation.type': 'send',
  'messaging.operation.name': 'publish',
  'messaging.destination.name': destinationOf(exchange, routingKey),
  'messaging.rabbitmq.destination.routing_key': routingKey,
  'messaging.message.body.size': bytes,
  'messaging.message.id': messageId,
});

export function callAttributes(call: TracedCall, server: Server): Attributes {
  const { operation } = call;
  const space = operation.indexOf(' ');
  return {
    'http.request.method': operation.slice(0, space),
    'url.template': operation.slice(space + 1),
    'server.address': server.address,
    'server.port': server.port,
    'http.request.resend_count': resends(call),
    'sluice.api': call.api,
    'sluice.call.id': call.callId,
    'sluice.saga.undoes': call.undoes,
  };
}

export const askAttributes = (
  call: TracedCall,
  { exchange, routingKey }: NonNullable<TracedCall['destination']>,
): Attributes => ({
  'messaging.system': 'rabbitmq',
  'messaging.operation.type': 'send',
  'messaging.operation.name': 'ask',
  'messaging.destination.name': destinationOf(exchange, routingKey),
  'messaging.rabbitmq.destination.routing_key': routingKey,
  'sluice.call.resend_count': resends(call),
  'sluice.api': call.api,
  'sluice.call.id': call.callId,
  'sluice.saga.undoes': call.undoes,
});

const resends = ({ attempt }: TracedCall): number | undefined => (attempt === 1 ? undefined : attempt - 1);

/** Of an API, as its origin names it. */
export interface Server {
  readonly address: string;
  readonly port: number;
}

export function serverOf(origin: string): Server {
  const { protocol, hostname, port } = new URL(origin);
  return { address: hostname, port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port) };
}

/** The conventions' name of a place in RabbitMQ: the parts that are there, a queue that is its own routing key once. */
function destinationOf(exchange: string, routingKey: string, queue = routingKey): string {
  const name = exchange === '' ? DEFAULT_EXCHANGE : exchange;
  const keyed = routingKey === '' ? name : `${name}:${routingKey}`;
  return queue === routingKey || queue === '' ? keyed : `${keyed}:${queue}`;
}
