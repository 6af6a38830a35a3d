/**
 * One order on its way, as an SDK sees it: published by a shop with a span of its own, handled by a real worker on the embedded broker, with
 * the sample APIs behind it.
 */
import { context, propagation, SpanKind, trace } from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { startSampleApis } from '../../demo/apis/start-sample-apis.ts';
import { createEmbeddedBroker } from '../../src/broker/embedded/embedded-broker.ts';
import { createTracing } from '../../src/observability/tracing.ts';
import { loadPipelines } from '../../src/worker/load-pipelines.ts';
import { connectClient } from './broker-client.ts';
import { eventually } from './eventually.ts';
import { startInProcess } from './in-process-worker.ts';

export interface OrderTrace {
  /** In the order of their ends. */
  readonly spans: readonly ReadableSpan[];
  /** `traceparent` as each request to an API carried it. */
  readonly asked: readonly (string | undefined)[];
  /** `traceparent` as the result carried it. */
  readonly published: unknown;
}

/** `refused`: the shipping service refuses it, so that what was done is undone. */
export async function traceOrder({ isRefused }: { readonly isRefused: boolean }): Promise<OrderTrace> {
  const exporter = new InMemorySpanExporter();
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
  const embedded = createEmbeddedBroker();
  const { url } = await embedded.start();
  const apis = await startSampleApis({ ports: 'free' });
  const { pipelines, dispose } = await loadPipelines('pipelines');
  const asBefore = setEnvironment(apis.environment);
  const running = startInProcess(
    pipelines.filter(({ name }) => name === 'order-processing'),
    { urls: [url] },
    // Pauses of half their ceiling, so that pictures differ little.
    { tracing: await createTracing('1.0.0'), random: () => 0.5 },
  );
  const client = await connectClient(url);
  try {
    await running.isReady();
    apis.inventory.fault({ kind: 'latency', ms: 60 });
    apis.payment.fault({ kind: 'status', status: 503, times: 1 });
    apis.payment.fault({ kind: 'latency', ms: 80 });
    if (isRefused) apis.shipping.fault({ kind: 'status', status: 422 });
    apis.shipping.fault({ kind: 'latency', ms: 110 });
    const results = await client.collect('orders');

    const shop = trace.getTracer('shop').startSpan('publish orders.placed', { kind: SpanKind.PRODUCER });
    const { traceId, spanId } = shop.spanContext();
    await client.send('orders.placed', ORDER, {
      messageId: 'order-17',
      headers: { traceparent: `00-${traceId}-${spanId}-01` },
    });
    shop.end();
    const [result] = await results.next(1);
    const finished = (kind: SpanKind): boolean => exporter.getFinishedSpans().some((span) => span.kind === kind);
    await eventually('the span of the message to end', () => finished(SpanKind.CONSUMER));
    const asked = apis.all.flatMap(({ journal }) => journal.map(({ headers }) => headers.traceparent));
    return { spans: [...exporter.getFinishedSpans()], asked, published: result?.headers.traceparent };
  } finally {
    await client.close();
    await running.stop();
    await dispose();
    asBefore();
    await apis.stop();
    await embedded.stop();
    trace.disable();
    context.disable();
    propagation.disable();
  }
}

const ORDER = {
  order_id: 'order-17',
  items: [{ product_id: 'lamp', quantity: 1 }],
  amount: 42,
  payment_details: 'card',
  shipping_address: 'Main St 17',
};

/** @returns what puts it back. */
function setEnvironment(values: Readonly<Record<string, string>>): () => void {
  const before = Object.keys(values).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, values);
  return () => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  };
}

/** A span and what it caused, by when they began. */
export interface SpanTree {
  readonly span: ReadableSpan;
  readonly caused: readonly SpanTree[];
}

/** @throws when they are not one tree. */
export function treeOf(spans: readonly ReadableSpan[]): SpanTree {
  const ids = new Set(spans.map((span) => span.spanContext().spanId));
  const isRoot = ({ parentSpanContext }: ReadableSpan): boolean =>
    parentSpanContext === undefined || !ids.has(parentSpanContext.spanId);
  const [root, ...others] = spans.filter(isRoot);
  if (root === undefined || others.length > 0) throw new Error(`${others.length + 1} spans have no parent among them`);
  const below = (span: ReadableSpan): SpanTree => ({
    span,
    caused: spans
      .filter(({ parentSpanContext }) => parentSpanContext?.spanId === span.spanContext().spanId)
      .sort((one, other) => msOf(one.startTime) - msOf(other.startTime))
      .map(below),
  });
  return below(root);
}

export const msOf = ([seconds, nanos]: readonly [number, number]): number => seconds * 1_000 + nanos / 1e6;

/** What a row of the picture says of a span: its name, and what became of it. */
export function labelOf({ attributes }: ReadableSpan): string {
  const undoes = attributes['sluice.saga.undoes'];
  const resent = attributes['http.request.resend_count'];
  return [
    attributes['http.response.status_code'],
    attributes['sluice.settlement'],
    attributes['error.type'],
    undoes === undefined ? undefined : `undoes ${String(undoes)}`,
    resent === undefined ? undefined : `attempt ${Number(resent) + 1}`,
  ]
    .filter((part) => part !== undefined)
    .join(' · ');
}
