/** The traces that docs/tracing.md shows are those that come about, span by span. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { SpanKind } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { expect } from 'chai';
import { labelOf, type OrderTrace, type SpanTree, traceOrder, treeOf } from '../support/order-trace.ts';
import { renderTrace } from '../support/trace-svg.ts';

const docs = fileURLToPath(new URL('../../docs/', import.meta.url));

/** What a picture says beside the times: `depth name | what became of it`. */
const rowsOf = (svg: string): string[] =>
  [...svg.matchAll(/<g data-span="([^"]+)" data-depth="(\d)">.*?class="small[^>]*>([^<]*)</g)].map(
    ([, name, depth, label]) => `${depth} ${name} | ${label}`,
  );

const rows = ({ span, caused }: SpanTree, depth = 0): string[] => [
  `${depth} ${span.name} | ${labelOf(span)}`,
  ...caused.flatMap((one) => rows(one, depth + 1)),
];

const headerOf = (span: ReadableSpan): string => {
  const { traceId, spanId } = span.spanContext();
  return `00-${traceId}-${spanId}-01`;
};
const ofKind = ({ spans }: OrderTrace, kind: SpanKind): ReadableSpan[] => spans.filter((span) => span.kind === kind);

const EXPECTED = {
  'trace-order': [
    '0 publish orders.placed | ',
    '1 process orders.placed | ack',
    '2 POST /deduct | 200',
    '2 POST /charge | 503 · ERR_HTTP_STATUS',
    '2 POST /charge | 200 · attempt 2',
    '2 POST /create-shipment | 200',
    '2 publish orders | ',
  ],
  'trace-undone': [
    '0 publish orders.placed | ',
    '1 process orders.placed | ack',
    '2 POST /deduct | 200',
    '2 POST /charge | 503 · ERR_HTTP_STATUS',
    '2 POST /charge | 200 · attempt 2',
    '2 POST /create-shipment | 422 · ERR_HTTP_STATUS',
    '2 POST /refund | 200 · undoes charge',
    '2 POST /restore | 200 · undoes stock',
    '2 publish orders | ',
  ],
} as const;

describe('the pictures of traces', () => {
  for (const [name, isRefused] of [
    ['trace-order', false],
    ['trace-undone', true],
  ] as const) {
    it(`${name}: one tree through shop, worker, APIs and publish, as the page shows it`, async () => {
      const traced = await traceOrder({ isRefused });
      expect(new Set(traced.spans.map((span) => span.spanContext().traceId)).size).to.equal(1);
      const tree = treeOf(traced.spans);
      expect(rows(tree)).to.deep.equal(EXPECTED[name]);
      expect(traced.asked, 'what the APIs were shown').to.have.members(ofKind(traced, SpanKind.CLIENT).map(headerOf));
      expect(traced.published).to.equal(
        ofKind(traced, SpanKind.PRODUCER)
          .filter(({ name: span }) => span === 'publish orders')
          .map(headerOf)[0],
      );
      const [message] = ofKind(traced, SpanKind.CONSUMER);
      expect(message?.links.map(({ context: { spanId } }) => spanId)).to.deep.equal([tree.span.spanContext().spanId]);

      expect(rowsOf(renderTrace('', tree))).to.deep.equal(EXPECTED[name]);
      const picture = readFileSync(`${docs}images/${name}.svg`, 'utf8');
      expect(rowsOf(picture), 'npm run pictures:traces draws it anew').to.deep.equal(EXPECTED[name]);
      expect(readFileSync(`${docs}tracing.md`, 'utf8')).to.include(`](images/${name}.svg)`);
    });
  }
});
