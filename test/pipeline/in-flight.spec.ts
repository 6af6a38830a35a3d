import { expect } from 'chai';
import { asyncScheduler, finalize, NEVER, type Observable, of, ReplaySubject, timer } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import sinon from 'sinon';
import { z } from 'zod';
import { queue } from '../../src/broker/queue.ts';
import { createFacts, type Fact } from '../../src/events.ts';
import type { ApiAvailability } from '../../src/http/api-client.ts';
import { defineApi } from '../../src/http/define-api.ts';
import { createMemoryJournal } from '../../src/journal/memory-journal.ts';
import { silentLogger } from '../../src/log.ts';
import { definePipeline } from '../../src/pipeline/define-pipeline.ts';
import { InFlight } from '../../src/pipeline/in-flight.ts';
import { IntakeGate } from '../../src/pipeline/intake-gate.ts';
import { isBalanced } from '../../src/pipeline/ledger.ts';
import type { Pipeline } from '../../src/pipeline/pipeline.ts';
import { type PipelineRun, runPipeline } from '../../src/pipeline/run-pipeline.ts';
import { ScriptedBroker } from '../support/scripted-broker.ts';

const Message = z.object({ n: z.number() });
/** 60 s and the twentieth until it is noticed. */
const LIMIT_MS = 60_000;
const NOTICED_MS = LIMIT_MS + LIMIT_MS / 20;
/** Nothing here takes longer; what would go on for ever where the watch is broken ends there, and is found unsettled. */
const MAX_FRAMES = 10 * LIMIT_MS;
const source = queue('work', { retry: false, settleWithin: LIMIT_MS });

interface Stage {
  readonly broker: ScriptedBroker;
  readonly run: PipelineRun;
  readonly facts: Fact[];
  readonly availability: ReplaySubject<ApiAvailability>;
  readonly drain: () => void;
  readonly halt: (reason: string) => void;
  readonly endedAt: () => number | undefined;
  /** What is scheduled and has not come. */
  readonly scheduled: () => number;
  readonly at: (frame: number, action: () => void) => void;
}

function onStage(pipeline: Pipeline, script: (stage: Stage) => void): Stage {
  const scheduler = new TestScheduler(() => {});
  return scheduler.run(({ flush }) => {
    scheduler.maxFrames = MAX_FRAMES;
    const broker = new ScriptedBroker();
    const facts = createFacts();
    const heard: Fact[] = [];
    facts.stream.subscribe((fact) => heard.push(fact));
    const [drain, halt] = [new ReplaySubject<void>(1), new ReplaySubject<string>(1)];
    const availability = new ReplaySubject<ApiAvailability>(1);
    availability.next({ isAvailable: true });
    const run = runPipeline(pipeline, { ...engineOf(broker), facts, drain, halt, availabilityOf: () => availability });
    let endedAt: number | undefined;
    run.work.subscribe({ complete: () => (endedAt = asyncScheduler.now()) });
    const stage: Stage = {
      broker,
      run,
      facts: heard,
      availability,
      drain: () => drain.next(),
      halt: (reason) => halt.next(reason),
      endedAt: () => endedAt,
      scheduled: () => scheduler.actions.length,
      at: (frame, action) => asyncScheduler.schedule(action, frame),
    };
    script(stage);
    flush();
    expect(isBalanced(run.ledger()), JSON.stringify(run.ledger())).to.equal(true);
    return stage;
  });
}

const engineOf = (broker: ScriptedBroker) => ({
  broker,
  facts: createFacts(),
  journal: createMemoryJournal(),
  log: silentLogger,
  random: () => 0.5,
  topology: 'assert' as const,
  bindApi: () => {
    throw new Error('no API is called');
  },
  availabilityOf: () => {
    throw new Error('no API is needed');
  },
});

const overdue = ({ facts }: Stage): unknown[] =>
  facts
    .filter((fact) => fact.type === 'deliveryOverdue')
    .map(({ messageId, stage, ageMs }) => ({ messageId, stage, ageMs }));

const handledBy = (handle: (n: number) => Observable<unknown>, options: object = {}): Pipeline =>
  definePipeline({ name: 'watched', source, input: Message, timeout: '59s', handle: ({ n }) => handle(n), ...options });

describe('the watch over what is unsettled', () => {
  afterEach(() => sinon.restore());

  it('F26: names a message whose dead letter nobody takes, gives it back alone, and frees its slot', () => {
    const stage = onStage(
      handledBy(() => of(1), { order: 'arrival' }),
      ({ broker, at }) => {
        broker.confirmAfterMs = Number.MAX_SAFE_INTEGER;
        broker.deliver({ body: 'no message', properties: { messageId: 'stuck' } });
        // Order is kept, so there is one slot.
        at(10_000, () => broker.deliver({ body: { n: 2 }, properties: { messageId: 'next' } }));
      },
    );
    const settlements = stage.broker.settlements.map(({ messageId, how, frame }) => [messageId, how, frame]);
    expect(overdue(stage)).to.deep.equal([{ messageId: 'stuck', stage: 'publish', ageMs: NOTICED_MS }]);
    expect(settlements).to.deep.equal([
      ['stuck', 'requeue', NOTICED_MS],
      ['next', 'ack', NOTICED_MS],
    ]);
  });

  it('gives back what waits for a slot too long, and does not handle it when its turn comes', () => {
    const handled: number[] = [];
    const stage = onStage(
      handledBy(
        (n) => {
          handled.push(n);
          return timer(50_000);
        },
        { order: 'arrival' },
      ),
      ({ broker }) => {
        for (let n = 1; n <= 3; n++) broker.deliver({ body: { n }, properties: { messageId: `m${n}` } });
      },
    );
    expect(handled).to.deep.equal([1, 2]);
    expect(overdue(stage)).to.deep.equal([
      { messageId: 'm2', stage: 'handle', ageMs: NOTICED_MS },
      { messageId: 'm3', stage: 'slot', ageMs: NOTICED_MS },
    ]);
    expect(stage.run.ledger()).to.deep.include({ delivered: 3, acked: 1, returned: 2, overdue: 2, inFlight: 0 });
  });

  it('gives back what waits for the breaker of an API, without a try of it', () => {
    const api = defineApi('away', { baseUrl: 'http://localhost:1' });
    const stage = onStage(
      handledBy(() => of(1), { apis: { api } }),
      ({ broker, availability }) => {
        broker.deliver({ body: { n: 1 }, properties: { messageId: 'm1' } });
        availability.next({ isAvailable: false, reason: 'open' });
      },
    );
    expect(stage.run.ledger()).to.deep.include({ delivered: 1, acked: 1, overdue: 0 });
    const waiting = onStage(
      handledBy(() => timer(1), { apis: { api }, concurrency: 1 }),
      ({ broker, availability }) => {
        broker.deliver({ body: { n: 1 }, properties: { messageId: 'runs' } });
        broker.deliver({ body: { n: 2 }, properties: { messageId: 'waits' } });
        availability.next({ isAvailable: false, reason: 'open' });
      },
    );
    expect(overdue(waiting)).to.deep.equal([{ messageId: 'waits', stage: 'slot', ageMs: NOTICED_MS }]);
    expect(waiting.broker.settlements.map(({ messageId, how }) => [messageId, how])).to.deep.equal([
      ['runs', 'ack'],
      ['waits', 'requeue'],
    ]);
  });

  it('takes no probe for a message that was given back while it waited for the breaker', () => {
    const api = defineApi('away', { baseUrl: 'http://localhost:1' });
    const stage = onStage(
      handledBy(() => timer(1), { apis: { api }, concurrency: 1 }),
      ({ broker, availability, at }) => {
        broker.deliver({ body: { n: 1 }, properties: { messageId: 'runs' } });
        broker.deliver({ body: { n: 2 }, properties: { messageId: 'waits' } });
        availability.next({ isAvailable: false, reason: 'open' });
        at(NOTICED_MS + 1, () => availability.next({ isAvailable: true, probes: 1 }));
        at(NOTICED_MS + 2, () => broker.deliver({ body: { n: 3 }, properties: { messageId: 'probe' } }));
      },
    );
    expect(stage.broker.settlements.map(({ messageId, how }) => [messageId, how])).to.deep.equal([
      ['runs', 'ack'],
      ['waits', 'requeue'],
      ['probe', 'ack'],
    ]);
  });

  it('leaves alone whatever is settled in time, however much there is, and keeps no timer when nothing is out', () => {
    const stage = onStage(
      handledBy((n) => timer(n)),
      ({ broker, at }) => {
        for (let n = 0; n < 200; n++) at(1_000 * n, () => broker.deliver({ body: { n: 58_000 } }));
      },
    );
    expect(overdue(stage)).to.deep.equal([]);
    expect(stage.run.ledger()).to.deep.include({ delivered: 200, acked: 200, late: 0, overdue: 0, repeated: 0 });
    expect(stage.scheduled()).to.equal(0);
  });

  it('F42: does not take a wall clock that was set forward for time that passed', () => {
    const clock = sinon.useFakeTimers({ toFake: ['Date', 'setInterval', 'clearInterval'] });
    const broker = new ScriptedBroker();
    const run = runPipeline(
      handledBy(() => timer(30_000)),
      { ...engineOf(broker), drain: NEVER, halt: NEVER },
    );
    run.work.subscribe();
    broker.deliver({ body: { n: 1 } });
    clock.tick(LIMIT_MS / 20);
    clock.setSystemTime(Date.now() + 3_600_000);
    clock.tick(LIMIT_MS / 20);
    expect(run.ledger()).to.deep.include({ inFlight: 1, overdue: 0 });
    clock.tick(LIMIT_MS);
    expect(run.ledger()).to.deep.include({ inFlight: 0, acked: 1, overdue: 0 });
  });

  it('F15: counts a settlement after the connection went as late, and a second one as nothing', () => {
    const { run } = onStage(
      handledBy(() => timer(10)),
      ({ broker, at }) => {
        broker.deliver({ body: { n: 1 } });
        at(5, () => broker.loseConnection('gone'));
      },
    );
    expect(run.ledger()).to.deep.include({ delivered: 1, returned: 1, late: 1, repeated: 0, inFlight: 0 });
    const again = onStage(
      handledBy((n) => timer(n), { order: 'arrival' }),
      ({ broker }) => {
        broker.confirmAfterMs = Number.MAX_SAFE_INTEGER;
        broker.deliver({ body: 'stuck' });
        broker.deliver({ body: { n: 1 } });
        broker.deliver({ body: { n: 1 } });
      },
    );
    // The two that waited were given back, and came to their turn afterwards.
    expect(again.run.ledger()).to.deep.include({ delivered: 3, returned: 3, overdue: 3, repeated: 2, inFlight: 0 });
  });

  it('F15: ends the work on a message when its connection goes, not when the work would have ended', () => {
    const endedAt: number[] = [];
    onStage(
      handledBy(() => timer(50_000).pipe(finalize(() => endedAt.push(asyncScheduler.now())))),
      ({ broker, run, at }) => {
        broker.deliver({ body: { n: 1 } });
        at(5, () => {
          broker.loseConnection('gone');
          expect(run.ledger()).to.deep.include({ returned: 1, late: 1, inFlight: 0 });
        });
      },
    );
    expect(endedAt).to.deep.equal([5]);
  });

  it('begins nothing for what waited for a slot when all work was told to end', () => {
    const handled: number[] = [];
    const { broker } = onStage(
      handledBy(
        (n) => {
          handled.push(n);
          return timer(10);
        },
        { order: 'arrival' },
      ),
      ({ broker: given, halt, at }) => {
        given.deliver({ body: { n: 1 } });
        given.deliver({ body: { n: 2 } });
        at(5, () => halt('enough'));
      },
    );
    expect(handled).to.deep.equal([1]);
    expect(broker.settlements.map(({ how, frame }) => [how, frame])).to.deep.equal([
      ['requeue', 5],
      ['requeue', 5],
    ]);
  });

  it('F15: begins nothing for what waited for a slot when its connection went', () => {
    const handled: number[] = [];
    const { run } = onStage(
      handledBy(
        (n) => {
          handled.push(n);
          return timer(10);
        },
        { order: 'arrival' },
      ),
      ({ broker, at }) => {
        broker.deliver({ body: { n: 1 } });
        broker.deliver({ body: { n: 2 } });
        at(5, () => broker.loseConnection('gone'));
      },
    );
    expect(handled).to.deep.equal([1]);
    expect(run.ledger()).to.deep.include({ delivered: 2, returned: 2, late: 2, inFlight: 0 });
  });

  it('ends the work though a message was lost on its way through the engine, and gives that back', () => {
    sinon.stub(IntakeGate.prototype, 'enter').callThrough().onFirstCall().returns();
    sinon.stub(InFlight.prototype, 'begin').callThrough().onFirstCall().returns(undefined);
    const stage = onStage(
      handledBy(() => of(1)),
      ({ broker, drain, halt, at }) => {
        broker.deliver({ body: { n: 1 }, properties: { messageId: 'lost' } });
        broker.deliver({ body: { n: 2 }, properties: { messageId: 'sound' } });
        at(10, drain);
        at(100, () => halt('the grace period is over'));
      },
    );
    expect(stage.endedAt()).to.equal(1_100);
    expect(stage.broker.settlements.map(({ messageId, how }) => [messageId, how])).to.deep.equal([
      ['sound', 'ack'],
      ['lost', 'requeue'],
    ]);
  });
});
