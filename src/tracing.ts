/**
 * What the engine tells a tracer, and the W3C context it hands on. The context travels in the delivery's journey and in the scope of its
 * calls, never in ambient storage, so that a thousand messages in one mergeMap keep theirs. Without a tracer nothing is started, and a
 * message's own context is handed on as it came.
 * @see https://www.w3.org/TR/trace-context/
 */

export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate?: string;
}

/** As headers carry it, of HTTP and of AMQP alike. */
export const contextHeaders = ({ traceparent, tracestate }: TraceContext): Record<string, string> =>
  tracestate === undefined ? { traceparent } : { traceparent, tracestate };

/** A copy of headers that have a context, with another one in its place. */
export function inContext<Value>(
  headers: Readonly<Record<string, Value>>,
  { traceparent, tracestate }: TraceContext,
): Record<string, Value | string> {
  const copy: Record<string, Value | string> = { ...headers };
  copy.traceparent = traceparent;
  if (tracestate !== undefined) copy.tracestate = tracestate;
  return copy;
}

export interface Tracing {
  startMessage(message: TracedMessage): MessageSpan;
}

export interface TracedMessage {
  readonly pipeline: string;
  readonly messageId: string;
  readonly correlationId: string;
  readonly queue: string;
  readonly exchange: string;
  readonly routingKey: string;
  /** Counted from 1. */
  readonly attempt: number;
  readonly bytes: number;
  /** Milliseconds of the RxJS clock. */
  readonly at: number;
  /** The producer's. Undefined: it has none, or none that is well formed, and a new trace begins. */
  readonly producer: TraceContext | undefined;
}

/** Something that takes time, with the context of what it causes. */
export interface Span extends TraceContext {
  /** The first call counts. */
  end(end: SpanEnd): void;
}

export interface SpanEnd {
  /** Milliseconds of the RxJS clock. */
  readonly at: number;
  /** What became of it: a settlement, or the outcome of a call. */
  readonly outcome: string;
  /** Error code, where it failed. */
  readonly code?: string | undefined;
  /** HTTP status, of a call that was answered. */
  readonly status?: number | undefined;
}

/** From a delivery to its settlement. */
export interface MessageSpan extends Span {
  /** One attempt of a call. */
  startCall(call: TracedCall): Span;
  /** One publish of a result, until its confirm. */
  startPublish(publish: TracedPublish): Span;
}

export interface TracedCall {
  readonly api: string;
  /** `POST /charge/{id}`, or `ASK quote` of a service: the template, never the filled-in path, which may hold personal data. */
  readonly operation: string;
  /** `https://pay.example:8443`; `amqp:` of a service. */
  readonly origin: string;
  /** Of a service: where its request goes. */
  readonly destination: { readonly exchange: string; readonly routingKey: string } | undefined;
  readonly callId: number;
  readonly attempt: number;
  /** Of a compensation: the saga's step that it undoes. */
  readonly undoes?: string | undefined;
  readonly at: number;
}

export interface TracedPublish {
  readonly exchange: string;
  readonly routingKey: string;
  readonly messageId: string | undefined;
  readonly bytes: number;
  readonly at: number;
}
