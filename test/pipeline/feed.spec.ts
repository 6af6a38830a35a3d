import { expect } from 'chai';
import {
  asyncScheduler,
  BehaviorSubject,
  concat,
  ignoreElements,
  map,
  merge,
  NEVER,
  type Observable,
  of,
  ReplaySubject,
  take,
  throwError,
  timer,
} from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { z } from 'zod';
import type { BrokerStatus } from '../../src/broker/broker.ts';
import { queue } from '../../src/broker/queue.ts';
import { sourceTopology } from '../../src/broker/source-topology.ts';
import { PublishNackedError, ResultInvalidError } from '../../src/errors.ts';
import { createFacts, type Fact } from '../../src/events.ts';
import { createMemoryJournal } from '../../src/journal/memory-journal.ts';
import { silentLogger } from '../../src/log.ts';
import { definePipeline } from '../../src/pipeline/define-pipeline.ts';
import { withoutFeeder } from '../../src/pipeline/feed.ts';
import { runPipeline } from '../../src/pipeline/run-pipeline.ts';
import type { Fed, FedSource, Feeding, PipelineSource } from '../../src/sources/source.ts';
import { ScriptedBroker } from '../support/scripted-broker.ts';

type Feed = (feeding: Feeding) => Observable<Fed>;

const fedBy = (feed: Feed, more: Partial<PipelineSource> = {}): FedSource => ({
  kind: 'fed',
  resolve: (pipeline) => ({ ...queue(`${pipeline}.fed`), feeder: { title: 'a test', feed }, ...more }),
});

const seconds = z.object({ n: z.number() });

const pipelineFedBy = (feed: Feed, more?: Partial<PipelineSource>) =>
  definePipeline({ name: 'fed', source: fedBy(feed, more), input: seconds, handle: () => timer(1_000) });

interface Stage {
  readonly broker: ScriptedBroker;
  readonly status: BehaviorSubject<BrokerStatus>;
  readonly run: ReturnType<typeof runPipeline>;
  readonly drain: () => void;
  readonly halt: () => void;
  readonly facts: readonly Fact[];
  /** Lines of the log at `info`. */
  readonly told: readonly string[];
  readonly endedAt: () => number | undefined;
  at(frame: number, action: () => void): void;
}

function onStage(pipeline: ReturnType<typeof pipelineFedBy>, script: (stage: Stage) => void): Stage {
  let stage: Stage | undefined;
  new TestScheduler(() => {}).run(({ flush }) => {
    const broker = new ScriptedBroker();
    const status = new BehaviorSubject<BrokerStatus>({ state: 'connected' });
    broker.status = status;
    const facts = createFacts();
    const heard: Fact[] = [];
    const told: string[] = [];
    const log = { ...silentLogger, info: (_fields: object | string, text?: string) => void told.push(text ?? '') };
    facts.stream.subscribe((fact) => heard.push(fact));
    const drain = new ReplaySubject<void>(1);
    const halt = new ReplaySubject<string>(1);
    const run = runPipeline(pipeline, {
      broker,
      facts,
      drain,
      halt,
      journal: createMemoryJournal(),
      log,
      random: () => 0.5,
      topology: 'assert',
      bindApi: () => {
        throw new Error('no API is declared');
      },
      availabilityOf: () => NEVER,
    });
    let endedAt: number | undefined;
    run.work.subscribe({ complete: () => (endedAt = asyncScheduler.now()) });
    stage = {
      broker,
      status,
      run,
      facts: heard,
      told,
      drain: () => drain.next(),
      halt: () => halt.next('the test'),
      endedAt: () => endedAt,
      at: (frame, action) => asyncScheduler.schedule(action, frame),
    };
    script(stage);
    flush();
  });
  if (stage === undefined) throw new Error('the script did not run');
  return stage;
}

const factsOf = <Type extends Fact['type']>({ facts }: Stage, type: Type) =>
  facts.filter((fact): fact is Extract<Fact, { type: Type }> => fact.type === type);

describe('a source that feeds its queue', () => {
  it('feeds while the broker is connected, from the beginning again after each break', () => {
    const begun: number[] = [];
    const feed: Feed = () => {
      begun.push(asyncScheduler.now());
      return merge(timer(10).pipe(map(() => ({ messages: 2 }))), NEVER);
    };
    const stage = onStage(pipelineFedBy(feed), ({ at, status, halt, drain }) => {
      at(100, () => status.next({ state: 'blocked' }));
      at(200, () => status.next({ state: 'connected' }));
      at(205, () => status.next({ state: 'lost' }));
      at(300, () => status.next({ state: 'connected' }));
      at(400, drain);
      at(500, halt);
    });
    expect(begun).to.deep.equal([0, 200, 300]);
    expect(factsOf(stage, 'fed').map(({ at, messages }) => [at, messages])).to.deep.equal([
      [10, 2],
      [310, 2],
    ]);
  });

  it('is fed anew after a failure, with pauses that grow until it feeds again, and says so', () => {
    let failures = 0;
    const feed: Feed = () => (++failures === 3 ? concat(of({ messages: 1 }), fail()) : fail());
    const fail = () => throwError(() => new PublishNackedError('full'));
    const stage = onStage(pipelineFedBy(feed), ({ at, drain, run }) => {
      at(1, () => expect(run.feeding()).to.deep.equal({ isFeeding: false, reason: 'full' }));
      at(6_000, drain);
    });
    const pauses = factsOf(stage, 'feedingDelayed').map(({ nextDelayMs }) => nextDelayMs);
    expect(pauses.slice(0, 2)[1]).to.be.greaterThan(pauses[0] ?? 0);
    expect(pauses[2]).to.equal(pauses[0]);
    expect(stage.told, 'once after each failure').to.deep.equal(['the source feeds its queue again']);
    expect(stage.run.feeding().isFeeding).to.equal(false);
    expect(stage.endedAt(), 'a pause ends when the worker drains').to.equal(6_000);
  });

  it('lays what its queue cannot take among the dead letters: the body, its ids, why, and the headers as text', () => {
    const headers = { CC: 'one', tenant: 't1' };
    const properties = { messageId: 'm1', correlationId: 'c1', contentType: 'application/json', persistent: true };
    const message = { exchange: '', routingKey: 'fed.fed', body: Buffer.from('{"n":1}'), headers, properties };
    const feed: Feed = ({ setAside }) => concat(setAside(message, new ResultInvalidError('no list')), NEVER);
    const { broker } = onStage(pipelineFedBy(feed), ({ at, halt, drain }) => {
      at(100, drain);
      at(100, halt);
    });
    expect(broker.published.map(({ message: copy }) => copy)).to.deep.equal([
      {
        exchange: '',
        routingKey: 'fed.fed.dead',
        body: message.body,
        properties,
        headers: {
          'x-sluice-error-code': 'ERR_RESULT_INVALID',
          'x-sluice-error-message': 'no list',
          'x-sluice-error-details': 'headers: {"CC":"one","tenant":"t1"}',
          'x-sluice-stage': 'publish',
          'x-sluice-pipeline': 'fed',
          'x-sluice-attempts': 1,
          'x-sluice-first-failed-at': 0,
          'x-sluice-last-failed-at': 0,
          'x-sluice-queue': 'fed.fed',
          'x-sluice-stripped': 'no list',
        },
      },
    ]);
  });

  it('finishes what is begun when the worker drains, and is cut short by its halt', () => {
    const slow: Feed = ({ drain }) =>
      concat(drain.pipe(take(1), ignoreElements()), timer(50).pipe(map(() => ({ messages: 1 }))));
    const drained = onStage(pipelineFedBy(slow), ({ at, drain }) => at(100, drain));
    expect([drained.endedAt(), factsOf(drained, 'fed').length]).to.deep.equal([150, 1]);
    const halted = onStage(pipelineFedBy(slow), ({ at, drain, halt }) => {
      at(100, drain);
      at(120, halt);
    });
    expect([halted.endedAt(), factsOf(halted, 'fed').length]).to.deep.equal([120, 0]);
  });

  it('is left out where somebody else delivers its messages', () => {
    const pipeline = pipelineFedBy(() => of({ messages: 1 }));
    const { facts, run } = onStage(withoutFeeder(pipeline) as typeof pipeline, ({ at, drain }) => at(10, drain));
    expect(facts.filter(({ type }) => type === 'fed')).to.deep.equal([]);
    expect(run.feeding()).to.deep.equal({ isFeeding: true });
  });
});

describe('a source whose messages come one at a time', () => {
  const pipeline = pipelineFedBy(() => NEVER, { oneAtATime: true, singleActiveConsumer: true, prefetch: 1 });

  it('keeps the order of arrival, whatever the concurrency, and has one active consumer', () => {
    expect([pipeline.order, pipeline.prefetch]).to.deep.equal(['arrival', 1]);
    const work = sourceTopology(pipeline.source).queues.find(({ name }) => name === 'fed.fed');
    expect(work?.arguments).to.include({ 'x-single-active-consumer': true, 'x-queue-type': 'quorum' });
  });
});

describe('a stale message', () => {
  const stale = pipelineFedBy(() => NEVER, {
    staleBy: (message) => ((message as { n: number }).n < 5 ? 'too old' : undefined),
  });

  it('is acked without being handled, and says why', () => {
    const stage = onStage(stale, ({ broker, at, drain, halt }) => {
      broker.deliver({ body: { n: 1 }, properties: { messageId: 'old' } });
      broker.deliver({ body: { n: 7 }, properties: { messageId: 'new' } });
      at(5_000, drain);
      at(6_000, halt);
    });
    const settled = factsOf(stage, 'settled').map(({ at, messageId, settlement, reason }) => [
      at,
      messageId,
      settlement,
      reason,
    ]);
    expect(settled).to.deep.equal([
      [0, 'old', 'ack', 'too old'],
      [1_000, 'new', 'ack', undefined],
    ]);
  });

  it('is handled all the same when it comes back for another attempt', () => {
    const waited = { 'x-death': [{ queue: 'work.delay.5s', reason: 'expired', count: 1 }], 'x-sluice-attempt': 2 };
    const stage = onStage(stale, ({ broker, at, drain, halt }) => {
      broker.deliver({ body: { n: 1 }, properties: { messageId: 'old' }, headers: waited });
      at(5_000, drain);
      at(6_000, halt);
    });
    expect(factsOf(stage, 'settled').map(({ at, settlement }) => [at, settlement])).to.deep.equal([[1_000, 'ack']]);
  });
});
