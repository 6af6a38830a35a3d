/** What a recorder writes of a worker's edges. */
import { expect } from 'chai';
import { NEVER } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { z } from 'zod';
import { exchange } from '../../src/broker/exchange.ts';
import { queue } from '../../src/broker/queue.ts';
import { createFacts } from '../../src/events.ts';
import { createMemoryJournal } from '../../src/journal/memory-journal.ts';
import { silentLogger } from '../../src/log.ts';
import { definePipeline } from '../../src/pipeline/define-pipeline.ts';
import { runPipeline } from '../../src/pipeline/run-pipeline.ts';
import { NOT_RECORDED, type RecordedEvent } from '../../src/recording/recording.ts';
import { Redaction } from '../../src/recording/redaction.ts';
import { recorderOf } from '../../src/worker/record-worker.ts';
import { ScriptedBroker } from '../support/scripted-broker.ts';

const CARD = '4242-4242-4242-4242';

describe('a recorder', () => {
  it('keeps back what is made of a secret, in a result and in an answer under the correlation id of its asking', () => {
    const pipeline = definePipeline({
      name: 'shop',
      source: queue('work'),
      input: z.object({ card: z.string().meta({ secret: true }) }),
      output: () => exchange('shop', 'paid'),
      handle: ({ card }) => [{ last: card.slice(-4) }],
    });
    const events: RecordedEvent[] = [];
    const scheduler = new TestScheduler(() => {});
    scheduler.run(({ flush }) => {
      const broker = new ScriptedBroker();
      const facts = createFacts();
      const target = { rules: new Redaction(), write: (event: RecordedEvent) => void events.push(event) };
      runPipeline(pipeline, {
        broker: recorderOf([pipeline], facts, target).throughPort(broker),
        facts,
        drain: NEVER,
        halt: NEVER,
        journal: createMemoryJournal(),
        log: silentLogger,
        random: () => 0.5,
        topology: 'assert',
        bindApi: () => {
          throw new Error('no API is declared');
        },
        availabilityOf: () => NEVER,
      }).work.subscribe();
      broker.deliver({
        body: { card: CARD },
        properties: { messageId: 'm-1', correlationId: 'asking-1', replyTo: 'amq.rabbitmq.reply-to.1' },
        headers: { 'x-correlation-id': 'conversation-1' },
      });
      flush();
    });
    const published = events.filter((event) => event.kind === 'published');
    expect(published.map(({ correlationId, body }) => [correlationId, body])).to.deep.equal([
      ['conversation-1', { last: NOT_RECORDED }],
      ['asking-1', { last: NOT_RECORDED }],
    ]);
  });
});
