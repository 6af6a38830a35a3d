/** A pipeline whose journal is away: its messages stay with the broker, no try is spent, no step is made without its record. In virtual time. */
import { expect } from 'chai';
import {
  asyncScheduler,
  concat,
  defer,
  ignoreElements,
  type Observable,
  of,
  ReplaySubject,
  throwError,
  timer,
} from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { z } from 'zod';
import { queue } from '../../src/broker/queue.ts';
import { JournalUnavailableError } from '../../src/errors.ts';
import { createFacts, type Fact } from '../../src/events.ts';
import { createJournal } from '../../src/journal/create-journal.ts';
import type { JournalStore } from '../../src/journal/journal-store.ts';
import { MemoryStore } from '../../src/journal/memory-store.ts';
import { silentLogger } from '../../src/log.ts';
import { definePipeline } from '../../src/pipeline/define-pipeline.ts';
import { runPipeline } from '../../src/pipeline/run-pipeline.ts';
import { saga } from '../../src/saga/saga.ts';
import { forwarded } from '../contract/journal-cases.ts';
import { ScriptedBroker } from '../support/scripted-broker.ts';

const Order = z.object({ id: z.string() });

/** A store whose every command fails while it is away; what it is asked is remembered. */
class FlakyStore {
  isAway = false;
  /** The record of this kind is stored, and its answer lost, once. */
  losesAnswerOf: string | undefined;
  readonly inner = new MemoryStore();
  readonly store: JournalStore;

  constructor() {
    const { inner } = this;
    const through = <T>(command: () => Observable<T>): Observable<T> =>
      defer(() =>
        this.isAway ? throwError(() => new JournalUnavailableError('journal db:5432: refused')) : command(),
      );
    this.store = {
      ...forwarded(inner),
      acquire: (...args) => through(() => inner.acquire(...args)),
      append: (key, fence, record, leaseMs) =>
        through(() => {
          const stored = inner.append(key, fence, record, leaseMs);
          if (record.kind !== this.losesAnswerOf) return stored;
          this.losesAnswerOf = undefined;
          return concat(
            stored.pipe(ignoreElements()),
            throwError(() => new JournalUnavailableError('journal: no answer')),
          );
        }),
      renew: (...args) => through(() => inner.renew(...args)),
      release: (...args) => through(() => inner.release(...args)),
      ping: () => through(() => inner.ping()),
    };
  }

  kinds(id: string): string[] {
    let found: string[] = [];
    this.inner.read({ space: 'saga', name: 'order', id }).subscribe((records) => {
      found = records.map(({ kind }) => kind);
    });
    return found;
  }
}

function world(steps: { readonly charge: (id: string) => Observable<unknown> }) {
  const flaky = new FlakyStore();
  const broker = new ScriptedBroker();
  const facts = createFacts();
  const heard: Fact[] = [];
  facts.stream.subscribe((fact) => heard.push(fact));
  const drain = new ReplaySubject<void>(1);
  const halt = new ReplaySubject<string>(1);
  const journal = createJournal(flaky.store, { facts });
  const pipeline = definePipeline({
    name: 'orders',
    source: queue('work', { retry: { delays: ['5s'] } }),
    input: Order,
    concurrency: 4,
    handle: saga({ name: 'order', input: Order, apis: {}, id: ({ id }) => id })
      .step('charge', ({ input }) => steps.charge(input.id))
      .returns(() => undefined),
  });
  const run = runPipeline(pipeline, {
    broker,
    facts,
    drain,
    halt,
    journal,
    log: silentLogger,
    random: () => 0.5,
    topology: 'assert',
    bindApi: () => {
      throw new Error('there are no APIs');
    },
    availabilityOf: () => of({ isAvailable: true }),
  });
  run.work.subscribe();
  const settled = (): string[] => heard.flatMap((fact) => (fact.type === 'settled' ? [fact.settlement] : []));
  return { flaky, broker, run, heard, drain, halt, settled };
}

const inVirtualTime = (body: (at: (ms: number, work: () => void) => void) => void): void => {
  new TestScheduler(() => {}).run(({ flush }) => {
    body((ms, work) => {
      timer(ms).subscribe(work);
    });
    flush();
  });
};

describe('a pipeline whose journal is away', () => {
  it('F41: keeps its messages unsettled, makes no step, pauses its intake, and goes on when it is back', () => {
    inVirtualTime((at) => {
      const charged: string[] = [];
      const { flaky, broker, run, heard, drain, settled } = world({
        charge: (id) =>
          defer(() => {
            charged.push(id);
            return of(1);
          }),
      });
      flaky.isAway = true;
      broker.deliver({ body: { id: 'a' } });
      at(1, () => {
        expect(broker.isConsumed).to.equal(false);
        expect(run.intake()).to.deep.equal({ isConsuming: false, reason: 'journal db:5432: refused' });
      });
      // Longer than any retry of the queue's.
      at(600_000, () => {
        expect(charged).to.deep.equal([]);
        expect(settled()).to.deep.equal([]);
        expect(run.ledger().inFlight).to.equal(1);
        flaky.isAway = false;
      });
      at(605_000, () => {
        expect(charged).to.deep.equal(['a']);
        expect(settled()).to.deep.equal(['ack']);
        expect(broker.isConsumed).to.equal(true);
        drain.next();
      });
      at(606_000, () => {
        const changes = heard.flatMap((fact) => (fact.type === 'journalChanged' ? [fact.state] : []));
        expect(changes).to.deep.equal(['unavailable', 'available']);
      });
    });
  });

  it('F41: makes no second step where it is not known whether the first was written down', () => {
    inVirtualTime((at) => {
      let charges = 0;
      const { flaky, broker, drain, settled } = world({
        charge: () =>
          defer(() => {
            charges++;
            flaky.losesAnswerOf = charges === 1 ? 'stepDone' : undefined;
            return of(1);
          }),
      });
      broker.deliver({ body: { id: 'a' } });
      at(500, () => expect(settled()).to.deep.equal([]));
      at(5_000, () => {
        // It was stored, and its answer lost: read again, the step is done.
        expect(charges).to.equal(1);
        expect(settled()).to.deep.equal(['ack']);
        expect(flaky.kinds('a')).to.deep.equal(['started', 'stepIntended', 'stepDone', 'completed']);
        drain.next();
      });
    });
  });

  it('gives back what waits for it when the worker drains', () => {
    inVirtualTime((at) => {
      const { flaky, broker, drain, settled } = world({ charge: () => of(1) });
      flaky.isAway = true;
      broker.deliver({ body: { id: 'a' } });
      at(10_000, () => drain.next());
      at(10_001, () => {
        expect(settled()).to.deep.equal(['returned']);
        flaky.isAway = false;
      });
    });
  });

  it('goes on with pipelines that do not need it', () => {
    inVirtualTime((at) => {
      const { flaky, broker, drain } = world({ charge: () => of(1) });
      flaky.isAway = true;
      at(1, () => {
        expect(broker.isConsumed).to.equal(true);
        drain.next();
        flaky.isAway = false;
        expect(asyncScheduler.now()).to.be.above(0);
      });
    });
  });
});
