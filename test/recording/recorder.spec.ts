/** What a recorder writes of a worker's edges. */
import { expect } from 'chai';
import { EMPTY, NEVER } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { httpError, ok } from 'sluice/testing';
import { z } from 'zod';
import { exchange } from '../../src/broker/exchange.ts';
import { queue } from '../../src/broker/queue.ts';
import { createFacts } from '../../src/events.ts';
import { createMemoryJournal } from '../../src/journal/memory-journal.ts';
import { silentLogger } from '../../src/log.ts';
import { definePipeline } from '../../src/pipeline/define-pipeline.ts';
import { runPipeline } from '../../src/pipeline/run-pipeline.ts';
import { NOT_RECORDED, type RecordedEvent } from '../../src/recording/recording.ts';
import { Redaction, type ValueRules } from '../../src/recording/redaction.ts';
import { BoundedScheduler } from '../../src/testing/pipelines/bounded-scheduler.ts';
import { Rehearsal } from '../../src/testing/pipelines/rehearsal.ts';
import { recorderOf } from '../../src/worker/record-worker.ts';
import { ScriptedBroker } from '../support/scripted-broker.ts';
import { letters, orders } from '../testing/replay/chained.ts';
import { recordedBy } from '../testing/replay/recorded.ts';

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

  it('keeps back of a result what whoever takes it calls a secret, bound to where it is published or not', () => {
    for (const source of [letters.source, queue('letters')]) {
      const note = z.object({ text: z.string().meta({ secret: true }) });
      const reading = definePipeline({
        name: 'letters',
        source,
        input: z.object({ id: z.string(), note }),
        handle: () => EMPTY,
      });
      const writing = definePipeline({
        name: 'orders',
        source: queue('orders'),
        input: z.object({ id: z.string() }),
        output: () => exchange('shop', 'order.paid'),
        handle: ({ id }) => [{ id, note: { text: `sesame of ${id}` } }],
      });
      const { events } = recordedBy([writing, reading], ({ deliver }) => deliver(0, { id: 'o-1' }));
      expect(events.flatMap((event) => (event.kind === 'published' ? [event.body] : []))).to.deep.equal([
        { id: 'o-1', note: { text: NOT_RECORDED } },
      ]);
      expect(JSON.stringify(events)).to.not.contain('sesame');
    }
  });

  it('looks at nothing any more once the recording has ended: what is looked at is held on to', () => {
    let isOver = false;
    const asked: string[] = [];
    const note = <T>(what: string, value: T): T => {
      if (isOver) asked.push(what);
      return value;
    };
    const rules: ValueRules = {
      described: (_schema, value) => note('described', value),
      derived: (value) => note('derived', value),
      withoutSecrets: (_schema, _value, derived) => note('withoutSecrets', derived),
      text: (text) => note('text', text),
    };
    const scheduler = new BoundedScheduler(86_400_000);
    const settled = scheduler.run(() => {
      const rehearsal = new Rehearsal({
        pipelines: [orders, letters],
        journal: () => createMemoryJournal(),
        random: () => 0.5,
        recording: { rules, write: () => note('write', undefined), isOver: () => isOver },
      });
      rehearsal.apis.get('bank')?.on('POST /pay', ['-----(r|)', '-----#', '-(r|)'], { r: ok() }, httpError(400));
      rehearsal.apis.get('post')?.on('PUT /letters', '-(r|)', { r: ok() });
      // Two whose calls are under way when it ends, and one that comes after.
      for (const [index, frame] of [0, 0, 10].entries())
        rehearsal.deliver({ id: `o-${index}` }, `m-${index}`, orders.source, frame);
      rehearsal.at(3, () => {
        isOver = true;
      });
      scheduler.runToEnd();
      rehearsal.worker.stop();
      scheduler.runToEnd();
      return rehearsal.settlements;
    });
    expect(settled.seen).to.have.length(5);
    expect(asked).to.deep.equal([]);
  });
});
