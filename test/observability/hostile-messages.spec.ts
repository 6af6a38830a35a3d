/** What a stranger can publish makes no label of the metrics: a whole pipeline at work on it, its facts listened to. */
import { expect } from 'chai';
import { asyncScheduler, of, ReplaySubject, throwError } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { z } from 'zod';
import { exchange } from '../../src/broker/exchange.ts';
import { queue } from '../../src/broker/queue.ts';
import { createFacts } from '../../src/events.ts';
import { createJournal } from '../../src/journal/create-journal.ts';
import { MemoryStore } from '../../src/journal/memory-store.ts';
import { silentLogger } from '../../src/log.ts';
import { createMetrics } from '../../src/observability/metrics/create-metrics.ts';
import { definePipeline } from '../../src/pipeline/define-pipeline.ts';
import { runPipeline } from '../../src/pipeline/run-pipeline.ts';
import { saga } from '../../src/saga/saga.ts';
import { ScriptedBroker, type ScriptedMessage } from '../support/scripted-broker.ts';

const Order = z.object({ id: z.string(), says: z.string().optional() });

/** An error of an author's own that carries what the message says wherever an error can carry something. */
const echoing = (text: string): Error =>
  Object.assign(new Error(text), { name: text, code: text, status: text, stage: text, isTransient: true });

const roll = saga({ name: 'roll', input: Order, apis: {}, id: ({ id }) => id })
  .step(
    'first',
    ({ input }) => of(input.id),
    ({ input }) => (input.says === undefined ? of(0) : throwError(() => echoing(input.says ?? ''))),
  )
  .step('second', ({ input }) => throwError(() => echoing(input.says ?? 'no')))
  .returns(() => 'done');

const pipelines = [
  definePipeline({
    name: 'orders',
    source: queue('work', { retry: { delays: ['1s'] } }),
    input: Order,
    dedupe: { ttl: '1h', key: ({ id }) => id },
    tenant: ({ id }) => id,
    replyTo: ['*'],
    handle: ({ says }) => (says === undefined ? of('done') : throwError(() => echoing(says))),
    output: (_, { id }) => exchange(id, id),
  }),
  definePipeline({
    name: 'sagas',
    source: queue('work', { retry: false }),
    input: Order,
    replyTo: ['*'],
    handle: roll,
  }),
];

/** Names and labels of all samples that are of a pipeline or a saga, after these messages were handled. */
async function samplesAfter(messages: readonly ScriptedMessage[]): Promise<readonly string[]> {
  const facts = createFacts();
  const metrics = createMetrics(facts, {
    version: '1.2.3',
    ledgers: () => ({}),
    isBalanced: () => true,
    unconfirmed: () => 0,
    retryBudgets: () => new Map(),
    queues: () => [],
  });
  let settled = 0;
  facts.stream.subscribe(({ type }) => {
    if (type === 'settled') settled++;
  });
  for (const pipeline of pipelines)
    new TestScheduler(() => {}).run(({ flush }) => {
      const broker = new ScriptedBroker();
      const drain = new ReplaySubject<void>(1);
      const run = runPipeline(pipeline, {
        broker,
        facts,
        drain,
        halt: new ReplaySubject<string>(1),
        journal: createJournal(new MemoryStore(), { facts }),
        log: silentLogger,
        random: () => 0.5,
        topology: 'assert',
        bindApi: () => expect.fail('no API is declared'),
        availabilityOf: () => of({ isAvailable: true }),
      });
      run.work.subscribe();
      for (const message of messages) broker.deliver(message);
      asyncScheduler.schedule(() => drain.next(), 600_000);
      flush();
    });
  expect(settled, 'messages that came to an end').to.equal(messages.length * pipelines.length);
  const noBody = { query: new URLSearchParams(), body: undefined, isTrusted: true, header: () => undefined };
  const answer = await metrics.route.answer(noBody);
  metrics.close();
  const text = 'body' in answer ? String(answer.body) : expect.fail('expected a whole answer');
  return text
    .split('\n')
    .filter((line) => line.startsWith('sluice_'))
    .map((line) => line.replace(/ \S+$/, ''));
}

/** The same kinds of ends with every text that a publisher chooses set to `text`. */
const messagesThatSay = (text: string): readonly ScriptedMessage[] => {
  const properties = {
    messageId: text,
    correlationId: text,
    type: text,
    appId: text,
    userId: text,
    replyTo: text,
    contentType: 'application/json',
    timestamp: 1,
  };
  const headers = {
    [text.slice(0, 100)]: text,
    'x-sluice-error-code': text,
    'x-sluice-pipeline': text,
    'x-sluice-queue': text,
    'x-sluice-stage': text,
    'x-sluice-user-id': text,
    'x-death': [{ queue: text, reason: text, exchange: text }],
    traceparent: text,
  };
  const of_ = (n: number): typeof properties => ({ ...properties, messageId: `${text}${n}` });
  return [
    { body: { id: `${text}1` }, properties: of_(1), headers },
    { body: { id: `${text}2`, says: text }, properties: of_(2), headers },
    { body: { [text]: text }, properties: of_(3), headers },
    { body: { id: text }, properties: { ...of_(4), contentType: text, contentEncoding: text }, headers },
    { bytes: Buffer.from(text), properties: of_(5), headers },
    { body: { id: `${text}1`, says: text }, properties: of_(6), headers },
  ];
};

/** Codes are this program's own, and some texts have one of theirs: a saga takes no control character in its id. */
const ofAnyCode = (sample: string): string => sample.replace(/code="(ERR_[A-Z_]+)?"/, 'code');

describe('metrics of hostile messages', () => {
  it('S8: have the labels of any others: no text of a message makes a sample, whatever it is', async () => {
    const plain = await samplesAfter(messagesThatSay('plain'));
    expect(plain.filter((sample) => sample.includes('code="ERR_')).length, 'failures were counted').to.be.above(2);
    expect(plain.join('\n'), 'sagas were begun').to.include('sluice_saga_moves_total{saga="roll",move="started"}');
    const known = new Set(plain.map(ofAnyCode));
    for (const text of [
      'canary',
      'canary"} 1\nsluice_forged{x="',
      'canary\\',
      'canary\u0000\u202e',
      `canary${'x'.repeat(200)}`,
    ]) {
      const samples = await samplesAfter(messagesThatSay(text));
      expect(samples.join('\n')).to.not.match(/canary|forged/);
      expect([...known], JSON.stringify(text)).to.include.members(samples.map(ofAnyCode));
    }
  });

  it('S8: are as many after a thousand messages of a thousand kinds as after a few', async () => {
    const few = await samplesAfter(messagesThatSay('plain'));
    const many = Array.from({ length: 170 }, (_, n) => messagesThatSay(`canary-${n}-`)).flat();
    expect(new Set(await samplesAfter(many))).to.deep.equal(new Set(few));
  });
});
