/** The engine and an API's real policies together, in virtual time: an API that is away costs attempts of few messages, not of all. */
import { expect } from 'chai';
import { asyncScheduler, defer, interval, map, ReplaySubject, takeWhile, timer } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { z } from 'zod';
import { queue } from '../../src/broker/queue.ts';
import { createFacts, type Fact } from '../../src/events.ts';
import { createApiClient } from '../../src/http/api-client.ts';
import { defineApi } from '../../src/http/define-api.ts';
import { createMemoryJournal } from '../../src/journal/memory-journal.ts';
import { silentLogger } from '../../src/log.ts';
import { definePipeline } from '../../src/pipeline/define-pipeline.ts';
import { runPipeline } from '../../src/pipeline/run-pipeline.ts';
import { ScriptedBroker } from '../support/scripted-broker.ts';

const HOUR_MS = 3_600_000;

describe('a pipeline whose API is away', () => {
  it('F37: for an hour, probes it now and then, burns few messages, and goes on when it is back', () => {
    new TestScheduler(() => {}).run(({ flush }) => {
      const broker = new ScriptedBroker();
      const facts = createFacts();
      const heard: Fact[] = [];
      facts.stream.subscribe((fact) => heard.push(fact));
      let calls = 0;
      const calledAt: number[] = [];
      const isAway = (): boolean => asyncScheduler.now() >= 10_000 && asyncScheduler.now() < 10_000 + HOUR_MS;
      const transport = () =>
        defer(() => {
          calls++;
          calledAt.push(asyncScheduler.now());
          return timer(5).pipe(map(() => ({ status: isAway() ? 503 : 200, headers: {}, body: new Uint8Array() })));
        });
      const payment = defineApi('payment', { baseUrl: 'http://localhost:1', retry: false });
      const client = createApiClient(payment, { facts, random: () => 0.5, transport });
      const drain = new ReplaySubject<void>(1);
      const pipeline = definePipeline({
        name: 'orders',
        source: queue('work', { retry: { delays: ['5s'] } }),
        input: z.object({ n: z.number() }),
        apis: { payment },
        concurrency: 8,
        handle: ({ n }, { apis }) => apis.payment.post('/charge', { n }),
      });
      const run = runPipeline(pipeline, {
        broker,
        facts,
        drain,
        halt: new ReplaySubject<string>(1),
        journal: createMemoryJournal(),
        log: silentLogger,
        random: () => 0.5,
        topology: 'assert',
        bindApi: (_, scope) => client.bind(scope),
        availabilityOf: () => client.availability,
      });
      run.work.subscribe();
      // The broker hands over ten messages a second while it is asked to.
      let n = 0;
      interval(100)
        .pipe(takeWhile(() => asyncScheduler.now() < HOUR_MS + 60_000))
        .subscribe(() => {
          // A backlog by the time it is back: as many at once as the pipeline runs.
          const atOnce = asyncScheduler.now() < 10_000 + HOUR_MS ? 1 : 8;
          for (let each = 0; each < atOnce && broker.isConsumed; each++) broker.deliver({ body: { n: n++ } });
        });
      let callsWhileAway = 0;
      timer(10_000).subscribe(() => (callsWhileAway = -calls));
      timer(10_000 + HOUR_MS).subscribe(() => (callsWhileAway += calls));
      timer(HOUR_MS + 90_000).subscribe(() => drain.next());
      flush();

      // 36 000 messages would have come in that hour: a probe every 15 s or so is what is called instead.
      expect(callsWhileAway).to.be.within(100, 700);
      // When it is back it gets one call, the probe, and after that no more than one for each message that comes.
      const [probe = 0, next = 0, ...others] = calledAt.filter((at) => at >= 10_000 + HOUR_MS);
      expect(next - probe).to.be.at.least(5);
      const cameBack = heard.filter((fact) => fact.type === 'delivered' && fact.at >= 10_000 + HOUR_MS);
      expect(cameBack).to.have.length.above(100);
      expect(others.length + 2).to.be.at.most(cameBack.length);
      const { delivered, acked, retried, deadLettered, inFlight } = run.ledger();
      expect(retried + deadLettered).to.be.below(700);
      expect(inFlight).to.equal(0);
      expect(delivered).to.equal(acked + retried + deadLettered);
      const paused = heard.filter((fact) => fact.type === 'intakeChanged' && fact.state === 'paused');
      expect(paused).to.not.be.empty;
      expect(heard.at(-1)).to.not.deep.include({ type: 'settled', settlement: 'retry' });
    });
  });
});
