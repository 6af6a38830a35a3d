/**
 * Spans through the OpenTelemetry API, an optional peer: one for each message (CONSUMER), each attempt of a call (CLIENT) and each publish
 * (PRODUCER), named by the semantic conventions for messaging and HTTP. Whoever wants them registers an SDK before the worker starts;
 * without one nothing is loaded on the message path.
 *
 * A span's parent is handed over, never looked up: there is no ambient context to be wrong about.
 */
import type { Attributes, Context, HrTime, SpanContext, Tracer } from '@opentelemetry/api';
import type {
  MessageSpan,
  Span,
  SpanEnd,
  TraceContext,
  TracedCall,
  TracedMessage,
  TracedPublish,
  Tracing,
} from '../tracing.ts';

type Api = typeof import('@opentelemetry/api');

/** Undefined where no SDK is registered: then there is nobody to tell. */
export async function createTracing(version: string): Promise<Tracing | undefined> {
  const api = await loadApi();
  if (api === undefined) return undefined;
  const tracer = api.trace.getTracer('sluice', version);
  // What the API hands out without an SDK has no ids.
  if (!api.isSpanContextValid(tracer.startSpan('sluice.start').spanContext())) return undefined;
  return { startMessage: (message) => startMessage(api, tracer, message) };
}

/** Undefined where nobody has registered an SDK with it, or it is not installed. */
export async function loadApi(): Promise<Api | undefined> {
  if (!isInUse()) return undefined;
  try {
    return await import('@opentelemetry/api');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

/** Without loading it, 47 files: what is registered with any copy of it is kept under one global symbol, which bears its major version. */
const isInUse = (): boolean =>
  Object.getOwnPropertySymbols(globalThis).some(({ description }) => description?.startsWith('opentelemetry.js.api.'));

type OpenTelemetrySpan = ReturnType<Tracer['startSpan']>;

function startMessage(api: Api, tracer: Tracer, message: TracedMessage): MessageSpan {
  const { queue, exchange, routingKey, producer, at } = message;
  const remote = producer === undefined ? undefined : remoteContext(api, producer);
  const parent = remote === undefined ? api.ROOT_CONTEXT : api.trace.setSpanContext(api.ROOT_CONTEXT, remote);
  const span = tracer.startSpan(
    `process ${queue}`,
    {
      kind: api.SpanKind.CONSUMER,
      startTime: timeOf(at),
      links: remote === undefined ? [] : [{ context: remote }],
      attributes: {
        'messaging.system': 'rabbitmq',
        'messaging.operation.type': 'process',
        'messaging.operation.name': 'process',
        'messaging.destination.name': destinationOf(exchange, routingKey, queue),
        'messaging.rabbitmq.destination.routing_key': routingKey,
        'messaging.message.id': message.messageId,
        'messaging.message.conversation_id': message.correlationId,
        'messaging.message.body.size': message.bytes,
        'sluice.pipeline': message.pipeline,
        'sluice.attempt': message.attempt,
      },
    },
    parent,
  );
  const within = api.trace.setSpan(api.ROOT_CONTEXT, span);
  return {
    ...contextOf(span),
    startCall: (call) => startCall(api, tracer, within, call),
    startPublish: (publish) => startPublish(api, tracer, within, publish),
    end: (end) => finish(api, span, end, { 'sluice.settlement': end.outcome }),
  };
}

function startCall(api: Api, tracer: Tracer, within: Context, call: TracedCall): Span {
  const { destination } = call;
  const span = tracer.startSpan(
    call.operation,
    {
      kind: api.SpanKind.CLIENT,
      startTime: timeOf(call.at),
      attributes: {
        ...(destination === undefined ? httpAttributes(call) : messagingAttributes(destination)),
        'sluice.api': call.api,
        'sluice.call.id': call.callId,
        ...(call.undoes === undefined ? {} : { 'sluice.saga.undoes': call.undoes }),
        ...resendOf(call),
      },
    },
    within,
  );
  return {
    ...contextOf(span),
    end: (end) => {
      const answered =
        end.status === undefined
          ? {}
          : { [destination === undefined ? 'http.response.status_code' : 'sluice.status']: end.status };
      finish(api, span, end, { 'sluice.outcome': end.outcome, ...answered });
    },
  };
}

function httpAttributes({ operation, origin }: TracedCall): Attributes {
  const [method = '', template = ''] = operation.split(' ', 2);
  const { protocol, hostname, port } = new URL(origin);
  return {
    'http.request.method': method,
    'url.scheme': protocol.slice(0, -1),
    'url.template': template,
    'server.address': hostname,
    'server.port': port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
  };
}

const messagingAttributes = ({ exchange, routingKey }: NonNullable<TracedCall['destination']>): Attributes => ({
  'messaging.system': 'rabbitmq',
  'messaging.operation.type': 'send',
  'messaging.operation.name': 'ask',
  'messaging.destination.name': destinationOf(exchange, routingKey),
  'messaging.rabbitmq.destination.routing_key': routingKey,
});

function resendOf({ attempt, destination }: TracedCall): Attributes {
  if (attempt === 1) return {};
  return { [destination === undefined ? 'http.request.resend_count' : 'sluice.call.resend_count']: attempt - 1 };
}

function startPublish(api: Api, tracer: Tracer, within: Context, publish: TracedPublish): Span {
  const { exchange, routingKey, messageId, bytes, at } = publish;
  const span = tracer.startSpan(
    `publish ${exchange === '' ? DEFAULT_EXCHANGE : exchange}`,
    {
      kind: api.SpanKind.PRODUCER,
      startTime: timeOf(at),
      attributes: {
        'messaging.system': 'rabbitmq',
        'messaging.operation.type': 'send',
        'messaging.operation.name': 'publish',
        'messaging.destination.name': destinationOf(exchange, routingKey),
        'messaging.rabbitmq.destination.routing_key': routingKey,
        'messaging.message.body.size': bytes,
        ...(messageId === undefined ? {} : { 'messaging.message.id': messageId }),
      },
    },
    within,
  );
  return { ...contextOf(span), end: (end) => finish(api, span, end, { 'sluice.outcome': end.outcome }) };
}

function finish(api: Api, span: OpenTelemetrySpan, { at, code }: SpanEnd, attributes: Attributes): void {
  // Ended already, or not sampled.
  if (!span.isRecording()) return;
  span.setAttributes(attributes);
  if (code !== undefined) {
    span.setAttribute('error.type', code);
    span.setStatus({ code: api.SpanStatusCode.ERROR });
  }
  span.end(timeOf(at));
}

/** In whole and parts: of a plain number an SDK guesses from its size which clock is meant. */
const timeOf = (ms: number): HrTime => [Math.floor(ms / 1_000), (ms % 1_000) * 1_000_000];

const DEFAULT_EXCHANGE = 'amq.default';

/** The conventions' name of a place in RabbitMQ: the parts that are there, a queue that is its own routing key once. */
function destinationOf(exchange: string, routingKey: string, queue?: string): string {
  const parts = [exchange === '' ? DEFAULT_EXCHANGE : exchange, routingKey, queue === routingKey ? undefined : queue];
  return parts.filter((part) => part !== undefined && part !== '').join(':');
}

function remoteContext(api: Api, { traceparent, tracestate }: TraceContext): SpanContext {
  const [, traceId = '', spanId = '', flags = '00'] = traceparent.split('-');
  return {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16) & api.TraceFlags.SAMPLED,
    isRemote: true,
    ...(tracestate === undefined ? {} : { traceState: api.createTraceState(tracestate) }),
  };
}

function contextOf(span: OpenTelemetrySpan): TraceContext {
  const { traceId, spanId, traceFlags, traceState } = span.spanContext();
  const traceparent = `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
  const tracestate = traceState?.serialize();
  return tracestate === undefined || tracestate === '' ? { traceparent } : { traceparent, tracestate };
}
