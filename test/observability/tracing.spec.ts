/** Spans of whole messages, in virtual time, as an SDK collects them. */
import {
  type Attributes,
  context,
  createTraceState,
  propagation,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  type Sampler,
  SamplingDecision,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { expect } from 'chai';
import { delay, forkJoin, map, NEVER, of, timer } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { z } from 'zod';
import { exchange } from '../../src/broker/exchange.ts';
import { queue } from '../../src/broker/queue.ts';
import { createFacts, type Fact } from '../../src/events.ts';
import { defineApi } from '../../src/http/define-api.ts';
import type { TransportRequest } from '../../src/http/transport.ts';
import { createMemoryJournal } from '../../src/journal/memory-journal.ts';
import { silentLogger } from '../../src/log.ts';
import { createTracing } from '../../src/observability/tracing.ts';
import { definePipeline } from '../../src/pipeline/define-pipeline.ts';
import { runPipeline } from '../../src/pipeline/run-pipeline.ts';
import type { Tracing } from '../../src/tracing.ts';
import { createApiRegistry } from '../../src/worker/api-registry.ts';
import { ScriptedBroker } from '../support/scripted-broker.ts';

const payment = defineApi('payment', {
  baseUrl: 'https://pay.example/v1',
  timeout: '5s',
  retry: { maxAttempts: 2, backoff: { initial: '10ms', max: '10ms', jitter: 'none' } },
});
const stock = defineApi('stock', { baseUrl: 'http://stock.example:4001', retry: false });

const orders = definePipeline({
  name: 'orders',
  source: queue('work', { retry: { delays: ['5s'] } }),
  input: z.object({ n: z.number() }),
  apis: { payment, stock },
  concurrency: 32,
  handle: ({ n }, { apis }) =>
    forkJoin([
      apis.payment.post('/charge/{id}', { n }, { path: { id: `secret-${n}` } }),
      timer(n).pipe(map(() => n)),
      apis.stock.get('/items', { params: { n: String(n) } }),
    ]).pipe(map(() => ({ n }))),
  output: () => exchange('results', 'order.done'),
});

/** Answers of an API by request, in order of asking. */
type Answer = (request: TransportRequest, nth: number) => number;

interface Seen {
  readonly broker: ScriptedBroker;
  readonly requests: TransportRequest[];
  readonly facts: Fact[];
}

function play(
  tracing: Tracing | undefined,
  script: (broker: ScriptedBroker) => void,
  answer: Answer = () => 200,
): Seen {
  const broker = new ScriptedBroker();
  const requests: TransportRequest[] = [];
  const facts = createFacts();
  const heard: Fact[] = [];
  facts.stream.subscribe((fact) => heard.push(fact));
  new TestScheduler(() => {}).run(({ flush }) => {
    const registry = createApiRegistry([orders], {
      facts,
      random: () => 0.5,
      sandbox: (definition) => ({
        definition,
        transport: (request) => {
          const status = answer(request, requests.push(request));
          return status === 0 ? NEVER : of({ status, headers: {}, body: Buffer.from('{}') }).pipe(delay(3));
        },
      }),
    });
    runPipeline(orders, {
      broker,
      facts,
      tracing,
      drain: NEVER,
      halt: NEVER,
      journal: createMemoryJournal(),
      log: silentLogger,
      random: () => 0.5,
      topology: 'assert',
      bindApi: registry.bind,
      availabilityOf: registry.availabilityOf,
    }).work.subscribe();
    script(broker);
    flush();
  });
  return { broker, requests, facts: heard };
}

const producer = (n: number): string => `00-${String(n).padStart(32, 'a')}-${String(n).padStart(16, 'b')}-01`;

describe('tracing', () => {
  const exporter = new InMemorySpanExporter();
  let tracing: Tracing | undefined;
  const spans = (kind: SpanKind): ReadableSpan[] => exporter.getFinishedSpans().filter((span) => span.kind === kind);
  const asHeader = (span: ReadableSpan | undefined): string => {
    const { traceId = '', spanId = '' } = span?.spanContext() ?? {};
    return `00-${traceId}-${spanId}-01`;
  };
  const ms = (span: ReadableSpan | undefined): number =>
    span === undefined ? Number.NaN : span.duration[0] * 1_000 + span.duration[1] / 1e6;

  describe('with an SDK', () => {
    before(async () => {
      trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
      tracing = await createTracing('1.0.0');
    });
    beforeEach(() => exporter.reset());
    after(() => {
      trace.disable();
      context.disable();
      propagation.disable();
    });

    it('tells of a request to a service where it goes over the broker, and of nothing of HTTP', () => {
      const about = { pipeline: 'orders', messageId: 'm1', correlationId: 'c1', queue: 'work', exchange: '' };
      const traced = { ...about, routingKey: 'work', attempt: 1, bytes: 2, at: 0, producer: undefined };
      const span = tracing?.startMessage(traced);
      const destination = { exchange: 'services', routingKey: 'rates.quote' };
      const call = { api: 'rates', operation: 'ASK quote', origin: 'amqp:', destination, callId: 7, attempt: 2, at: 1 };
      span?.startCall(call).end({ at: 4, outcome: 'failed', code: 'ERR_SERVICE_FAILED', status: 503 });
      const [asked] = spans(SpanKind.CLIENT);
      expect(asked?.name).to.equal('ASK quote');
      expect(asked?.attributes).to.deep.include({
        'messaging.system': 'rabbitmq',
        'messaging.operation.type': 'send',
        'messaging.operation.name': 'ask',
        'messaging.destination.name': 'services:rates.quote',
        'messaging.rabbitmq.destination.routing_key': 'rates.quote',
        'sluice.api': 'rates',
        'sluice.status': 503,
        'sluice.call.resend_count': 1,
        'error.type': 'ERR_SERVICE_FAILED',
      });
      expect(Object.keys(asked?.attributes ?? {}).filter((name) => /^(http|url|server)/.test(name))).to.deep.equal([]);
    });

    it('has a span for the message, each call and each publish, in the trace of the producer', () => {
      const { broker, requests } = play(tracing, (port) =>
        port.deliver({
          body: { n: 7 },
          properties: { messageId: 'm7', correlationId: 'c7' },
          headers: { traceparent: producer(1), tracestate: 'rojo=1', baggage: `user=${'x'.repeat(4_096)}` },
        }),
      );
      const [message] = spans(SpanKind.CONSUMER);
      expect(message?.name).to.equal('process work');
      expect(message?.parentSpanContext?.spanId).to.equal(producer(1).split('-')[2]);
      expect(message?.links.map(({ context: { spanId } }) => spanId)).to.deep.equal([producer(1).split('-')[2]]);
      expect(message?.attributes).to.deep.equal({
        'messaging.system': 'rabbitmq',
        'messaging.operation.type': 'process',
        'messaging.operation.name': 'process',
        'messaging.destination.name': 'orders:order.placed:work',
        'messaging.rabbitmq.destination.routing_key': 'order.placed',
        'messaging.message.id': 'm7',
        'messaging.message.conversation_id': 'c7',
        'messaging.message.body.size': 7,
        'sluice.pipeline': 'orders',
        'sluice.attempt': 1,
        'sluice.settlement': 'ack',
      });
      expect(ms(message)).to.equal(8);

      const [charge, items] = spans(SpanKind.CLIENT);
      expect([charge?.name, items?.name]).to.deep.equal(['POST /charge/{id}', 'GET /items']);
      expect(charge?.parentSpanContext?.spanId).to.equal(message?.spanContext().spanId);
      expect(charge?.attributes).to.deep.include({
        'http.request.method': 'POST',
        'url.template': '/charge/{id}',
        'server.address': 'pay.example',
        'server.port': 443,
        'http.response.status_code': 200,
        'sluice.api': 'payment',
        'sluice.outcome': 'ok',
      });
      expect(items?.attributes['server.port']).to.equal(4001);
      expect(requests.map(({ headers }) => headers.traceparent)).to.deep.equal([asHeader(charge), asHeader(items)]);
      expect(requests.map(({ headers }) => headers.tracestate)).to.deep.equal(['rojo=1', 'rojo=1']);
      expect(requests.some(({ headers }) => 'baggage' in headers)).to.equal(false);

      const [publish] = spans(SpanKind.PRODUCER);
      expect(publish?.name).to.equal('publish results');
      expect(publish?.parentSpanContext?.spanId).to.equal(message?.spanContext().spanId);
      expect(publish?.attributes).to.deep.include({
        'messaging.operation.type': 'send',
        'sluice.outcome': 'confirmed',
      });
      expect(broker.published.map(({ message: { headers } }) => [headers.traceparent, headers.baggage])).to.deep.equal([
        [asHeader(publish), undefined],
      ]);
      // What a path was filled with is somebody's data.
      expect(
        JSON.stringify(exporter.getFinishedSpans().map(({ name, attributes }) => ({ name, attributes }))),
      ).not.to.include('secret-7');
    });

    it('keeps the traces of messages apart that run through one mergeMap at once', () => {
      const count = 30;
      const { requests, broker, facts } = play(tracing, (port) => {
        for (let n = 0; n < count; n++)
          port.deliver({
            body: { n: (n * 7) % count },
            properties: { messageId: `m${n}` },
            headers: { traceparent: producer(n + 1) },
          });
      });
      const traceOfMessage = new Map(
        spans(SpanKind.CONSUMER).map((span) => [span.attributes['messaging.message.id'], span.spanContext()]),
      );
      expect(traceOfMessage.size).to.equal(count);
      expect(new Set([...traceOfMessage.values()].map(({ traceId }) => traceId)).size).to.equal(count);
      for (let n = 0; n < count; n++)
        expect(traceOfMessage.get(`m${n}`)?.traceId).to.equal(producer(n + 1).split('-')[1]);
      const spanOfCall = new Map(spans(SpanKind.CLIENT).map((span) => [asHeader(span), span]));
      expect(requests).to.have.length(2 * count);
      for (const { headers } of requests) {
        const owner = traceOfMessage.get(headers['x-correlation-id']);
        const call = spanOfCall.get(headers.traceparent ?? '');
        expect(call?.parentSpanContext?.spanId).to.equal(owner?.spanId).and.be.a('string');
      }
      for (const { message } of broker.published)
        expect(String(message.headers.traceparent).split('-')[1]).to.equal(
          traceOfMessage.get(message.properties.correlationId)?.traceId,
        );
      for (const fact of facts)
        if ('traceId' in fact) expect(fact.traceId).to.equal(traceOfMessage.get(fact.messageId)?.traceId);
    });

    it('has a span for each attempt of a call, counted, with what became of it', () => {
      play(
        tracing,
        (port) => port.deliver({ body: { n: 1 }, properties: { messageId: 'm1' } }),
        ({ path }, nth) => (path.includes('charge') && nth < 3 ? 503 : 200),
      );
      const charges = spans(SpanKind.CLIENT).filter(({ name }) => name.startsWith('POST'));
      expect(charges.map(({ attributes }) => attributes['http.response.status_code'])).to.deep.equal([503, 200]);
      expect(charges.map(({ attributes }) => attributes['http.request.resend_count'])).to.deep.equal([undefined, 1]);
      expect(charges.map(({ attributes }) => attributes['error.type'])).to.deep.equal(['ERR_HTTP_STATUS', undefined]);
      expect(charges.map(({ status }) => status.code)).to.deep.equal([SpanStatusCode.ERROR, SpanStatusCode.UNSET]);
      expect(new Set(charges.map(({ attributes }) => attributes['sluice.call.id'])).size).to.equal(1);
    });

    it('ends every span of a message that fails, and takes its next try into the same trace', () => {
      const failing = (port: ScriptedBroker): void => port.deliver({ body: { n: 1 }, properties: { messageId: 'm1' } });
      const { broker } = play(tracing, failing, ({ path }) => (path.includes('items') ? 503 : 0));
      const [message] = spans(SpanKind.CONSUMER);
      expect(message?.attributes).to.deep.include({
        'sluice.settlement': 'retry',
        'error.type': 'ERR_HTTP_STATUS',
      });
      expect(spans(SpanKind.CLIENT).map(({ attributes }) => attributes['sluice.outcome'])).to.have.members([
        'failed',
        'aborted',
      ]);
      const [copy] = broker.published;
      expect(copy?.message.headers.traceparent).to.equal(asHeader(message));
    });

    it('leaves the context of a producer on the copy for the next try', () => {
      const traceparent = producer(5);
      const { broker } = play(
        tracing,
        (port) => port.deliver({ body: { n: 1 }, headers: { traceparent }, properties: { messageId: 'm1' } }),
        () => 503,
      );
      expect(broker.published.map(({ message: { headers } }) => headers.traceparent)).to.deep.equal([traceparent]);
    });

    it('B22: begins a trace of its own for a context that is malformed', () => {
      play(tracing, (port) => port.deliver({ body: { n: 1 }, headers: { traceparent: '00-zz-1-01' } }));
      const [message] = spans(SpanKind.CONSUMER);
      expect(message?.parentSpanContext).to.equal(undefined);
      expect(message?.links).to.deep.equal([]);
    });

    it('ends the span of a publish that is refused, with the reason', () => {
      play(tracing, (port) => {
        port.refuse = ({ exchange: name }) => (name === 'results' ? new RefusedError() : undefined);
        port.deliver({ body: { n: 1 }, properties: { messageId: 'm1' } });
      });
      const [publish] = spans(SpanKind.PRODUCER);
      expect(publish?.attributes['sluice.outcome']).to.equal('failed');
      expect(publish?.status.code).to.equal(SpanStatusCode.ERROR);
    });
  });

  describe('with a sampler', () => {
    after(() => trace.disable());

    it('is asked of a message by all that is known of it, and of what that causes by its name', async () => {
      const asked: [string, Attributes][] = [];
      const sampler: Sampler = {
        shouldSample: (_context, _traceId, name, _kind, attributes) => {
          asked.push([name, { ...attributes }]);
          return { decision: SamplingDecision.NOT_RECORD, traceState: createTraceState(`asked=${asked.length}`) };
        },
      };
      trace.setGlobalTracerProvider(new BasicTracerProvider({ sampler }));
      const sampled = await createTracing('1.0.0');
      asked.length = 0;
      const { broker, requests } = play(sampled, (port) =>
        port.deliver({ body: { n: 7 }, properties: { messageId: 'm7' }, headers: { traceparent: producer(1) } }),
      );
      expect(asked.map(([name]) => name)).to.have.members([
        'process work',
        'POST /charge/{id}',
        'GET /items',
        'publish results',
      ]);
      expect(asked[0]?.[1]).to.include({ 'messaging.message.id': 'm7', 'sluice.pipeline': 'orders' });
      expect(asked.slice(1).map(([, attributes]) => attributes)).to.deep.equal([{}, {}, {}]);
      // Not recorded, and passed on as such.
      for (const { headers } of requests)
        expect(headers.traceparent).to.match(new RegExp(`^00-${producer(1).slice(3, 35)}-[0-9a-f]{16}-00$`));
      const passedOn = [...requests, ...broker.published.map(({ message }) => message)];
      expect(passedOn.map(({ headers }) => headers.tracestate)).to.deep.equal(['asked=2', 'asked=3', 'asked=4']);
    });
  });

  it('takes a span that cannot be begun for a publish that failed, and goes on with the other messages', () => {
    const context = { traceparent: producer(1), end: () => {} };
    const broken: Tracing = {
      startMessage: () => ({
        ...context,
        startCall: () => context,
        startPublish: () => {
          throw new TypeError('no more spans');
        },
      }),
    };
    const { facts } = play(broken, (port) => {
      for (const messageId of ['m1', 'm2']) port.deliver({ body: { n: 1 }, properties: { messageId } });
    });
    const settled = facts.filter((fact) => fact.type === 'settled');
    expect(settled.map(({ messageId, settlement }) => [messageId, settlement])).to.deep.equal([
      ['m1', 'deadLetter'],
      ['m2', 'deadLetter'],
    ]);
  });

  describe('without an SDK', () => {
    it('makes no tracer, and hands the producer’s context on as it came', async () => {
      expect(await createTracing('1.0.0')).to.equal(undefined);
      const { requests, broker } = play(undefined, (port) =>
        port.deliver({
          body: { n: 1 },
          headers: { traceparent: producer(3), tracestate: 'rojo=1' },
        }),
      );
      expect(requests.map(({ headers: { traceparent, tracestate } }) => [traceparent, tracestate])).to.deep.equal([
        [producer(3), 'rojo=1'],
        [producer(3), 'rojo=1'],
      ]);
      expect(broker.published.map(({ message: { headers } }) => headers.traceparent)).to.deep.equal([producer(3)]);
    });
  });
});

class RefusedError extends Error {}
