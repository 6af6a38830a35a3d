/** docs/dashboard.md: the copied story it shows is what the dashboard writes of one. That it passes is for the spec of all code blocks. */
import { expect } from 'chai';
import { DashboardModel } from '../../src/dashboard/model.ts';
import type { PipelineShape } from '../../src/dashboard/wire.ts';
import { createFacts } from '../../src/events.ts';
import { readPage } from '../support/pages.ts';

const API = { api: 'printer', operation: 'POST /receipts/{order}', callId: 1 } as const;
const TO = { exchange: 'receipts', routingKey: 'receipt.printed' } as const;

/** The pipeline that stands before the block, as the dashboard is shown it. */
const shape: PipelineShape = {
  name: 'receipts',
  queue: 'orders.paid',
  workQueues: ['orders.paid'],
  bindings: [],
  delays: [],
  deadLetters: 'orders.paid.dead',
  concurrency: 16,
  prefetch: 32,
  publishes: ['receipts'],
  apis: [
    {
      name: 'printer',
      key: 'printer',
      isNeeded: true,
      timeoutMs: 10_000,
      limit: 32,
      backoff: { initialMs: 100, maxMs: 30_000, jitter: 'full' },
    },
  ],
};

/** What is copied of an order that met a busy printer: 503 after 3 ms, and its page after 2. */
function copyOfBusyOrder(): string {
  const facts = createFacts();
  const model = new DashboardModel('all');
  model.show([shape]);
  model.listen(facts);
  const about = {
    pipeline: 'receipts',
    messageId: 'busy-1',
    correlationId: 'busy-1',
    deliveryTag: 1,
    traceId: 'a'.repeat(32),
    messageAttempt: 1,
  };
  const startedAt = Date.UTC(2026, 0, 1);
  const at = (ms: number) => ({ ...about, at: startedAt + ms });
  const held = (body: unknown) => ({ ...about, headers: {}, body: Buffer.from(JSON.stringify(body)) });
  facts.report({ type: 'delivered', ...at(0), queue: 'orders.paid', attempt: 1, redelivered: false, bytes: 15 });
  facts.contents.report({
    type: 'message',
    ...held({ order: 'o-1' }),
    properties: { messageId: 'busy-1', contentType: 'application/json' },
  });
  facts.report({ type: 'slotTaken', ...at(0), waitedMs: 0 });
  facts.report({ type: 'callStarted', ...at(0), ...API, attempt: 1 });
  const refused = { code: 'ERR_HTTP_STATUS', status: 503, outcome: 'failed', durationMs: 3 } as const;
  facts.report({ type: 'callEnded', ...at(3), ...API, attempt: 1, ...refused });
  facts.report({
    type: 'callRetried',
    ...at(3),
    ...API,
    attempt: 1,
    nextDelayMs: 31,
    code: 'ERR_HTTP_STATUS',
    reason: 'printer answered 503',
  });
  facts.report({ type: 'callStarted', ...at(34), ...API, attempt: 2 });
  facts.contents.report({ type: 'answer', ...held({ page: 'p-7' }), callId: 1, attempt: 2, status: 200 });
  facts.report({ type: 'callEnded', ...at(36), ...API, attempt: 2, status: 200, outcome: 'ok', durationMs: 2 });
  facts.contents.report({ type: 'result', ...held({ order: 'o-1', page: 'p-7' }), ...TO });
  facts.report({ type: 'published', ...at(37), ...TO, confirmedMs: 1 });
  facts.report({ type: 'settled', ...at(37), settlement: 'ack', late: false, durationMs: 37 });
  const test = model.story('receipts', 'busy-1', 1)?.test;
  if (test?.isPossible !== true) throw new Error(test?.why ?? 'no story');
  return test.text;
}

describe('the page about the dashboard', () => {
  it('shows what Copy gives, but for its imports', () => {
    const copied = copyOfBusyOrder();
    const [block] = readPage('docs/dashboard.md').blocks.filter(({ language }) => language === 'ts');
    expect(block?.text).to.equal(copied.slice(copied.indexOf('const received')));
    const kit = /^import .* from 'sluice\/testing';$/m.exec(copied)?.[0];
    expect(block?.before?.text.split('\n'), 'with the imports that it names').to.include(kit);
  });
});
