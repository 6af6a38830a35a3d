/** Partitions and their workers in virtual time: shares, order per key over the fleet, copies, and what is refused. */
import { expect } from 'chai';
import { asyncScheduler, defer, finalize, ignoreElements, map, type Observable, of, throwError, timer } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { z } from 'zod';
import { createEmbeddedPort } from '../../src/broker/embedded/embedded-port.ts';
import { InProcessBroker } from '../../src/broker/embedded/port/in-process-broker.ts';
import { toPublish } from '../../src/broker/embedded/port/properties.ts';
import { entryOf } from '../../src/broker/partitions.ts';
import { createFacts, type Fact } from '../../src/events.ts';
import {
  DefinitionError,
  definePipeline,
  type PartitionedOptions,
  type Pipeline,
  partitioned,
  TransientError,
} from '../../src/index.ts';
import { createMemoryJournal } from '../../src/journal/memory-journal.ts';
import { silentLogger } from '../../src/log.ts';
import { ack, deadLetter, marbles, message, retry } from '../../src/testing/index.ts';
import { startWorker, type Worker } from '../../src/worker/worker.ts';
import { seededRandom } from '../support/seeded-random.ts';

const Posting = z.object({ account: z.string(), n: z.number() });
type Posting = z.output<typeof Posting>;

interface Step {
  readonly at: number;
  readonly what: 'begins' | 'ends' | 'cut';
  readonly worker: number;
  readonly account: string;
  readonly n: number;
}

interface Stage {
  readonly broker: InProcessBroker;
  readonly steps: Step[];
  readonly facts: { readonly worker: number; readonly fact: Fact }[];
  readonly failures: unknown[];
  start(options?: Partial<PartitionedOptions>): Worker;
  publish(posting: Posting, routingKey?: string): void;
  at(frame: number, action: () => void): void;
}

const WORK_MS = 20;
/** Longer than the pause between two postings: there is always one in work and one behind it. */
const LONG_WORK = () => timer(250);

function onStage(
  script: (stage: Stage) => void,
  work: (posting: Posting) => Observable<unknown> = () => timer(WORK_MS),
): Stage {
  let stage: Stage | undefined;
  new TestScheduler(() => {}).run(({ flush }) => {
    const random = seededRandom(7);
    const broker = new InProcessBroker({ random });
    const channel = broker.model.openChannel(broker.model.openConnection('publisher'), () => {});
    const steps: Step[] = [];
    const workers: Worker[] = [];
    const playing: Stage = {
      broker,
      steps,
      facts: [],
      failures: [],
      at: (frame, action) => void asyncScheduler.schedule(action, frame),
      publish: (posting, routingKey) => {
        const entry = entryOf(sourceOf(), posting);
        const outgoing = {
          ...entry,
          ...(routingKey === undefined ? {} : { routingKey }),
          body: Buffer.from(JSON.stringify(posting)),
          properties: { contentType: 'application/json', messageId: `${posting.account}-${posting.n}` },
        };
        broker.run((model) => model.publish(channel, toPublish(outgoing)));
      },
      start: (options) => {
        const worker = workers.length;
        const facts = createFacts();
        facts.stream.subscribe((fact) => playing.facts.push({ worker, fact }));
        const handle = (posting: Posting): Observable<never> =>
          defer(() => {
            let isDone = false;
            const tell = (what: Step['what']): void =>
              void steps.push({ at: asyncScheduler.now(), what, worker, ...posting });
            tell('begins');
            return work(posting).pipe(
              map(() => {
                isDone = true;
              }),
              ignoreElements(),
              finalize(() => tell(isDone ? 'ends' : 'cut')),
            );
          });
        const started = startWorker({
          pipelines: [postings(handle, options)],
          broker: createEmbeddedPort(broker),
          journal: createMemoryJournal(),
          facts,
          log: silentLogger,
          random,
          topology: 'assert',
          gracePeriodMs: 30_000,
        });
        void started.stopped.then(({ failure }) => failure !== undefined && playing.failures.push(failure));
        started.state.subscribe();
        workers.push(started);
        return started;
      },
    };
    stage = playing;
    script(playing);
    asyncScheduler.schedule(() => {
      for (const worker of workers) worker.stop();
    }, END_MS);
    flush();
  });
  if (stage === undefined) throw new Error('nothing was played');
  return stage;
}

const END_MS = 100_000;

const ACCOUNTS = 100;

const sourceOf = (options: Partial<PartitionedOptions> = {}) =>
  partitioned('postings', { by: 'account', partitions: 16, ...options });

const postings = (
  handle: (posting: Posting) => Observable<never>,
  options: Partial<PartitionedOptions> = {},
): Pipeline => definePipeline({ name: 'postings', source: sourceOf(options), input: Posting, handle });

/** A posting of each account, every so often. */
function keepPublishing({ at, publish }: Stage, rounds: number, everyMs: number): void {
  for (let n = 1; n <= rounds; n++)
    at(100 + n * everyMs, () => {
      for (let account = 0; account < ACCOUNTS; account++) publish({ account: `a${account}`, n });
    });
}

/** Which worker each partition was delivered to, after a moment. */
function holders({ facts }: Stage, fromMs: number): ReadonlyMap<string, ReadonlySet<number>> {
  const found = new Map<string, Set<number>>();
  for (const { worker, fact } of facts)
    if (fact.type === 'delivered' && fact.at >= fromMs)
      found.set(fact.queue, (found.get(fact.queue) ?? new Set()).add(worker));
  return found;
}

const sizes = (holding: ReadonlyMap<string, ReadonlySet<number>>): readonly number[] => {
  const counts = new Map<number, number>();
  for (const each of holding.values()) for (const worker of each) counts.set(worker, (counts.get(worker) ?? 0) + 1);
  return [...counts.values()].sort((one, other) => one - other);
};

/** Of each account, one posting after the other: none begins before the one before has ended. */
function expectOrder({ steps }: Stage, rounds: number): void {
  const running = new Map<string, number>();
  const last = new Map<string, number>();
  for (const { what, account, n } of steps) {
    if (what === 'begins') {
      expect(running.get(account), `${account}: ${n} begins while another is handled`).to.equal(undefined);
      expect(n, account).to.equal((last.get(account) ?? 0) + 1);
      running.set(account, n);
    } else {
      running.delete(account);
      if (what === 'ends') last.set(account, n);
    }
  }
  expect([...new Set(last.values())]).to.deep.equal([rounds]);
  expect(last.size).to.equal(ACCOUNTS);
}

describe('partitions', () => {
  it('are all consumed by a worker that is alone, each key in order', () => {
    const stage = onStage((playing) => {
      playing.start();
      keepPublishing(playing, 10, 50);
    });
    expectOrder(stage, 10);
    expect(sizes(holders(stage, 0))).to.deep.equal([16]);
    expect(stage.facts.some(({ fact }) => fact.type === 'partitionHandedOver')).to.equal(false);
  });

  it('are shared evenly by workers that come later, and no key is out of order meanwhile', () => {
    const stage = onStage((playing) => {
      playing.start();
      playing.at(500, () => void playing.start());
      playing.at(1_000, () => void playing.start());
      keepPublishing(playing, 130, 200);
    }, LONG_WORK);
    expectOrder(stage, 130);
    const settledShares = holders(stage, 25_000);
    expect([...settledShares.values()].every(({ size }) => size === 1)).to.equal(true);
    expect(sizes(settledShares).every((size) => size >= 4 && size <= 6)).to.equal(true);
    expect(sizes(settledShares)).to.have.length(3);
  });

  it('through which nothing came are shared with a worker that comes later, before anything does', () => {
    const stage = onStage((playing) => {
      playing.start();
      playing.at(500, () => void playing.start());
      playing.at(20_000, () => {
        for (let account = 0; account < ACCOUNTS; account++) playing.publish({ account: `a${account}`, n: 1 });
      });
    });
    expect(sizes(holders(stage, 0))).to.deep.equal([8, 8]);
    const handedOver = stage.facts.filter(({ fact }) => fact.type === 'partitionHandedOver');
    expect(handedOver.map(({ worker }) => worker)).to.deep.equal(Array.from({ length: 8 }, () => 0));
  });

  it('that a worker was left alone with are shared again, without a message', () => {
    const stage = onStage((playing) => {
      const [first] = [playing.start(), playing.start()];
      playing.at(10_000, () => first?.stop());
      playing.at(20_000, () => void playing.start());
      playing.at(30_000, () => {
        for (let account = 0; account < ACCOUNTS; account++) playing.publish({ account: `a${account}`, n: 1 });
      });
    });
    expect(sizes(holders(stage, 0))).to.deep.equal([8, 8]);
  });

  it('of a worker that ends in order go to the others when it has done what it has', () => {
    const stage = onStage((playing) => {
      const workers = [playing.start(), playing.start(), playing.start()];
      // In the middle of what every partition has.
      playing.at(20_110, () => workers[0]?.stop());
      keepPublishing(playing, 180, 200);
    }, LONG_WORK);
    expectOrder(stage, 180);
    const shares = sizes(holders(stage, 35_000));
    expect(shares).to.deep.equal([8, 8]);
    expect(stage.steps.filter(({ what }) => what === 'cut')).to.deep.equal([]);
  });

  it('of workers that lose their connection keep their order', () => {
    const stage = onStage((playing) => {
      for (let worker = 0; worker < 3; worker++) playing.start();
      playing.at(20_115, () => playing.broker.cutConnections());
      keepPublishing(playing, 60, 500);
    });
    const known = new Map<string, number>();
    for (const { what, account, n } of stage.steps) {
      if (what !== 'begins') continue;
      const before = known.get(account) ?? 0;
      // What was done and not acked comes again, and nothing overtakes it.
      expect(n, account).to.be.within(Math.max(1, before - 1), before + 1);
      known.set(account, n);
    }
    expect([...new Set(known.values())]).to.deep.equal([60]);
  });

  it('are refused to a worker that counts them otherwise, which changes nothing', () => {
    const states: string[] = [];
    const stage = onStage((playing) => {
      playing.start();
      playing.at(1_000, () => playing.start({ partitions: 32 }).state.subscribe((state) => void states.push(state)));
      playing.at(2_000, () =>
        expect([...playing.broker.model.queueDepths().keys()])
          .to.include('postings.15')
          .and.not.include('postings.16'),
      );
      keepPublishing(playing, 5, 1_000);
    });
    expectOrder(stage, 5);
    expect(states.at(-1)).to.equal('stopped');
    expect(states).to.not.include('running');
  });

  it('get their messages back for the next try, and name themselves in dead letters', () => {
    const stage = onStage(
      (playing) => {
        playing.start({ retry: { delays: ['5s'] } });
        playing.at(100, () => playing.publish({ account: 'a1', n: 1 }));
      },
      () => throwError(() => new TransientError('down')),
    );
    const delivered = stage.facts.flatMap(({ fact }) => (fact.type === 'delivered' ? [fact] : []));
    expect(delivered.map(({ attempt }) => attempt)).to.deep.equal([1, 2]);
    expect(delivered[0]?.queue)
      .to.match(/^postings\.\d+$/)
      .and.to.equal(delivered[1]?.queue);
    const channel = stage.broker.model.openChannel(stage.broker.model.openConnection('people'), () => {});
    const letter = stage.broker.model.get(channel, { queue: 'postings.dead', noAck: true });
    expect(letter?.message.properties.headers?.get('x-sluice-queue')).to.include({ value: delivered[0]?.queue });
    expect(letter?.message.properties.headers?.get('x-sluice-routing-key')).to.include({ value: 'a1' });
  });

  it('take no message whose key is another than it was published with', () => {
    const stage = onStage((playing) => {
      playing.start();
      playing.at(100, () => playing.publish({ account: 'a1', n: 1 }, 'a2'));
    });
    expect(stage.steps).to.deep.equal([]);
    const [settled] = stage.facts.flatMap(({ fact }) => (fact.type === 'settled' ? [fact] : []));
    expect(settled).to.include({ settlement: 'deadLetter', code: 'ERR_PAYLOAD_INVALID' });
    expect(settled?.reason).to.equal(
      "the routing key is not the message's account: it cannot be kept in order with the others of its key",
    );
  });

  const stepwise = definePipeline({
    name: 'stepwise',
    source: partitioned('postings', { by: 'account', partitions: 4, header: 'account', retry: { delays: ['1s'] } }),
    input: Posting,
    handle: ({ n }, { attempt }) => (n === 0 && attempt < 2 ? throwError(() => new TransientError('down')) : of(n)),
  });
  it(
    'are delivered to by the marble kit as by publishers',
    marbles(stepwise, ({ deliver, expectSettled }) => {
      const [a, b] = [
        { account: 'x', n: 1 },
        { account: 'y', n: 0 },
      ];
      deliver('      a-b 1s ---', { a, b });
      deliver('      ----- 1s c', { c: message({ n: 1 }) });
      expectSettled('A-B 999ms D--C', {
        A: ack(a),
        B: retry(b),
        D: ack(b),
        C: deadLetter(message({ n: 1 }), 'ERR_PAYLOAD_INVALID'),
      });
    }),
  );
});

describe('partitioned', () => {
  const problemsOf = (define: () => unknown): readonly string[] => {
    try {
      define();
    } catch (error) {
      if (error instanceof DefinitionError)
        return error.problems.map(({ subject, path, message: text }) => `${subject}: ${path}: ${text}`);
      throw error;
    }
    return [];
  };

  it('names every wrong option', () => {
    expect(
      problemsOf(() => partitioned('p', { by: '', partitions: 1, prefetch: 0, bindings: [] } as never)),
    ).to.have.length(4);
    expect(problemsOf(() => partitioned('p', undefined as never))).to.have.length(1);
    expect(
      problemsOf(() =>
        definePipeline({ name: 'p', source: partitioned('p', { by: 'id' }), input: Posting, handle: () => [] }),
      ),
    ).to.deep.equal(['pipeline "p": source.by: expected a field of the input: account, n; got "id"']);
  });

  it('orders by its key, with half of the concurrency out for each partition', () => {
    const { order, prefetch } = definePipeline({
      name: 'p',
      source: partitioned('p', { by: 'account', partitions: 4 }),
      input: Posting,
      concurrency: 10,
      handle: () => [],
    });
    expect(prefetch).to.equal(20);
    expect(typeof order === 'object' && order.by({ account: 'x', n: 1 })).to.equal('x');
  });
});
