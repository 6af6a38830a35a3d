/**
 * Spans through the OpenTelemetry API, an optional peer: one for each message (CONSUMER), each attempt of a call (CLIENT) and each publish
 * (PRODUCER), named by the semantic conventions for messaging and HTTP. Whoever wants them registers an SDK before the worker starts;
 * without one nothing is loaded on the message path.
 *
 * A span's parent is handed over, never looked up: there is no ambient context to be wrong about.
 */
import type { Context, HrTime, SpanContext, Tracer } from '@opentelemetry/api';
import { systemCodeOf } from '../errors.ts';
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
import {
  askAttributes,
  callAttributes,
  DEFAULT_EXCHANGE,
  messageAttributes,
  publishAttributes,
  type Server,
  serverOf,
} from './span-attributes.ts';

type Api = typeof import('@opentelemetry/api');

/** Undefined where no SDK is registered: then there is nobody to tell. */
export async function createTracing(version: string): Promise<Tracing | undefined> {
  const api = await loadApi();
  if (api === undefined) return undefined;
  const tracer = api.trace.getTracer('sluice', version);
  // What the API hands out without an SDK has no ids.
  if (!api.isSpanContextValid(tracer.startSpan('sluice.start').spanContext())) return undefined;
  const servers = new Map<string, Server>();
  const serverAt = (origin: string): Server => {
    const known = servers.get(origin);
    if (known !== undefined) return known;
    const server = serverOf(origin);
    servers.set(origin, server);
    return server;
  };
  return { startMessage: (message) => new StartedMessage({ api, tracer, serverAt }, message) };
}

/** Undefined where nobody has registered an SDK with it, or it is not installed. */
export async function loadApi(): Promise<Api | undefined> {
  if (!isInUse()) return undefined;
  try {
    return await import('@opentelemetry/api');
  } catch (error) {
    if (systemCodeOf(error) === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

/** Without loading it, 47 files: what is registered with any copy of it is kept under one global symbol, which bears its major version. */
const isInUse = (): boolean =>
  Object.getOwnPropertySymbols(globalThis).some(({ description }) => description?.startsWith('opentelemetry.js.api.'));

/** What spans are started with. */
interface Starter {
  readonly api: Api;
  readonly tracer: Tracer;
  /** By an API's origin: each is taken apart once. */
  readonly serverAt: (origin: string) => Server;
}

type OpenTelemetrySpan = ReturnType<Tracer['startSpan']>;

/** What is said of a span's end. */
interface EndAttributes {
  readonly outcome: string;
  readonly status?: string;
}

const OF_MESSAGE: EndAttributes = { outcome: 'sluice.settlement' };
const OF_CALL: EndAttributes = { outcome: 'sluice.outcome', status: 'http.response.status_code' };
const OF_ASK: EndAttributes = { outcome: 'sluice.outcome', status: 'sluice.status' };
const OF_PUBLISH: EndAttributes = { outcome: 'sluice.outcome' };

class StartedSpan implements Span {
  readonly traceparent: string;
  readonly tracestate?: string;
  readonly #api: Api;
  readonly #span: OpenTelemetrySpan;
  readonly #attributes: EndAttributes;

  constructor(api: Api, span: OpenTelemetrySpan, attributes: EndAttributes) {
    this.#api = api;
    this.#span = span;
    this.#attributes = attributes;
    const { traceId, spanId, traceFlags, traceState } = span.spanContext();
    this.traceparent = `00-${traceId}-${spanId}-${flagsOf(traceFlags)}`;
    const tracestate = traceState?.serialize();
    if (tracestate !== undefined && tracestate !== '') this.tracestate = tracestate;
  }

  end({ at, outcome, code, status }: SpanEnd): void {
    const span = this.#span;
    // Ended already, or not sampled.
    if (!span.isRecording()) return;
    span.setAttribute(this.#attributes.outcome, outcome);
    if (status !== undefined && this.#attributes.status !== undefined)
      span.setAttribute(this.#attributes.status, status);
    if (code !== undefined) {
      span.setAttribute('error.type', code);
      span.setStatus({ code: this.#api.SpanStatusCode.ERROR });
    }
    span.end(timeOf(at));
  }
}

/**
 * A sampler decides about the message, of which it is told all that is known. What the message causes follows it, and is told of afterwards,
 * where it is recorded: an SDK copies what a span starts with twice before it keeps it.
 */
class StartedMessage extends StartedSpan implements MessageSpan {
  readonly #starter: Starter;
  readonly #within: Context;

  constructor(starter: Starter, message: TracedMessage) {
    const { api, tracer } = starter;
    const { queue, producer, at } = message;
    const remote = producer === undefined ? undefined : remoteContext(api, producer);
    const span = tracer.startSpan(
      `process ${queue}`,
      {
        kind: api.SpanKind.CONSUMER,
        startTime: timeOf(at),
        links: remote === undefined ? [] : [{ context: remote }],
        attributes: messageAttributes(message),
      },
      remote === undefined ? api.ROOT_CONTEXT : api.trace.setSpanContext(api.ROOT_CONTEXT, remote),
    );
    super(api, span, OF_MESSAGE);
    this.#starter = starter;
    this.#within = api.trace.setSpan(api.ROOT_CONTEXT, span);
  }

  startCall(call: TracedCall): Span {
    const { api, tracer, serverAt } = this.#starter;
    const { operation, destination, origin, at } = call;
    const span = tracer.startSpan(operation, { kind: api.SpanKind.CLIENT, startTime: timeOf(at) }, this.#within);
    if (span.isRecording())
      span.setAttributes(
        destination === undefined ? callAttributes(call, serverAt(origin)) : askAttributes(call, destination),
      );
    return new StartedSpan(api, span, destination === undefined ? OF_CALL : OF_ASK);
  }

  startPublish(publish: TracedPublish): Span {
    const { api, tracer } = this.#starter;
    const { exchange, at } = publish;
    const name = `publish ${exchange === '' ? DEFAULT_EXCHANGE : exchange}`;
    const span = tracer.startSpan(name, { kind: api.SpanKind.PRODUCER, startTime: timeOf(at) }, this.#within);
    if (span.isRecording()) span.setAttributes(publishAttributes(publish));
    return new StartedSpan(api, span, OF_PUBLISH);
  }
}

/** In whole and parts: of a plain number an SDK guesses from its size which clock is meant. */
const timeOf = (ms: number): HrTime => [Math.floor(ms / 1_000), (ms % 1_000) * 1_000_000];

const flagsOf = (flags: number): string => (flags < 16 ? `0${flags.toString(16)}` : flags.toString(16));

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
