/** `every` and `schedule` as authors use them: their options, and whole workers in virtual time. */
import { expect } from 'chai';
import { asyncScheduler, defer, map, NEVER, type Observable, tap, timer } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { z } from 'zod';
import { createEmbeddedPort } from '../../src/broker/embedded/embedded-port.ts';
import { InProcessBroker } from '../../src/broker/embedded/port/in-process-broker.ts';
import { sourceTopology } from '../../src/broker/source-topology.ts';
import { collectProblems } from '../../src/definition.ts';
import { DefinitionError, describeProblem } from '../../src/errors.ts';
import { createFacts, type Fact } from '../../src/events.ts';
import { definePipeline, every, exchange, saga, schedule, TransientError } from '../../src/index.ts';
import { createJournal } from '../../src/journal/create-journal.ts';
import { MemoryStore } from '../../src/journal/memory-store.ts';
import { silentLogger } from '../../src/log.ts';
import type { Pipeline } from '../../src/pipeline/pipeline.ts';
import { ack, marbles, published } from '../../src/testing/index.ts';
import { startWorker } from '../../src/worker/worker.ts';

const problemsOf = (define: () => unknown): readonly string[] => {
  try {
    define();
  } catch (error) {
    if (error instanceof DefinitionError)
      return error.problems.map(({ subject, path, message }) => `${subject}: ${path}: ${message}`);
    throw error;
  }
  return [];
};

interface Handled {
  readonly at: number;
  readonly scheduledAt: number;
  readonly attempt: number;
}

/** Two workers that share a broker and a journal, until `untilMs`; the first of them may stop before. Gives what they settled. */
function onTwoWorkers(
  pipeline: Pipeline,
  untilMs: number,
  { firstUntilMs = untilMs, gracePeriodMs = 30_000 }: { firstUntilMs?: number; gracePeriodMs?: number } = {},
): Fact[] {
  const facts = createFacts();
  const heard: Fact[] = [];
  new TestScheduler(() => {}).run(({ flush }) => {
    facts.stream.subscribe((fact) => heard.push(fact));
    const broker = new InProcessBroker({ random: () => 0.5 });
    const store = new MemoryStore();
    const workers = ['one', 'two'].map((owner) =>
      startWorker({
        pipelines: [pipeline],
        broker: createEmbeddedPort(broker),
        journal: createJournal(store, { owner, facts }),
        facts,
        log: silentLogger,
        random: () => 0.5,
        topology: 'assert',
        gracePeriodMs,
      }),
    );
    workers.forEach((worker, n) => {
      asyncScheduler.schedule(() => worker.stop(), n === 0 ? firstUntilMs : untilMs);
    });
    flush();
  });
  return heard;
}

describe('every', () => {
  it('refuses a period that is none or too short, and options that do not exist', () => {
    expect(problemsOf(() => every('5 m' as never))[0]).to.match(/^every\("5 m"\): period: expected a duration/);
    expect(problemsOf(() => every('500ms'))).to.deep.equal([
      `every("500ms"): period: expected at least '1s', got '500ms'`,
    ]);
    expect(problemsOf(() => every('5m', { overlaps: true } as never))).to.deep.equal([
      'every("5m"): overlaps: unknown option, did you mean "overlap"?',
    ]);
    expect(
      problemsOf(() => definePipeline({ name: 'p', source: every('5m', { deliveryLimit: 0 }), handle: () => [] }))[0],
    ).to.match(/queue "p.firings": deliveryLimit/);
  });

  it('takes its messages from a queue of the pipeline with one active consumer, unless firings may overlap', () => {
    const one = definePipeline({ name: 'p', source: every('5m'), handle: () => [] });
    expect([one.source.name, one.order, one.prefetch, one.source.feeder?.title]).to.deep.equal([
      'p.firings',
      'arrival',
      1,
      'every 5m',
    ]);
    expect(sourceTopology(one.source).queues.find(({ name }) => name === 'p.firings')?.arguments).to.include({
      'x-single-active-consumer': true,
    });
    const many = definePipeline({ name: 'p', source: every('5m', { overlap: true, queue: 'own' }), handle: () => [] });
    expect([many.source.name, many.order, many.prefetch]).to.deep.equal(['own', 'none', 128]);
    expect(sourceTopology(many.source).queues.find(({ name }) => name === 'own')?.arguments).to.not.have.property(
      'x-single-active-consumer',
    );
  });

  it('has each firing handled once by two workers', () => {
    const handled: Handled[] = [];
    const beat = definePipeline({
      name: 'beat',
      source: every('10s'),
      handle: ({ scheduledAt }, { attempt }) =>
        timer(100).pipe(
          tap(() => handled.push({ at: asyncScheduler.now(), scheduledAt: scheduledAt.getTime(), attempt })),
        ),
    });
    onTwoWorkers(beat, 65_000);
    expect(handled.map(({ scheduledAt }) => scheduledAt)).to.deep.equal([
      10_000, 20_000, 30_000, 40_000, 50_000, 60_000,
    ]);
    for (const { at, scheduledAt } of handled) expect(at - scheduledAt).to.be.within(100, 200);
  });

  it('skips beats where the work is slow, never runs two at once, and says why', () => {
    let running = 0;
    const begun: [number, number][] = [];
    const slow = definePipeline({
      name: 'slow',
      source: every('10s'),
      handle: ({ scheduledAt }) =>
        defer(() => {
          begun.push([scheduledAt.getTime(), ++running]);
          return timer(25_000).pipe(tap(() => running--));
        }),
    });
    const facts = onTwoWorkers(slow, 65_000);
    expect(begun).to.deep.equal([
      [10_000, 1],
      [30_000, 1],
      [60_000, 1],
    ]);
    const skipped = facts.flatMap((fact) =>
      fact.type === 'settled' && fact.reason !== undefined ? [fact.reason] : [],
    );
    expect(skipped).to.include('the firing of 1970-01-01T00:00:30.000Z is due');
  });

  it('has a firing that failed tried again, and dead-lettered after its last try', () => {
    const attempts: [number, number][] = [];
    const failing = definePipeline({
      name: 'failing',
      source: every('1h', { retry: { delays: ['5s'] } }),
      handle: (_, { attempt }) => {
        attempts.push([asyncScheduler.now(), attempt]);
        throw new TransientError('down');
      },
    });
    const facts = onTwoWorkers(failing, 3_700_000);
    expect(attempts.map(([, attempt]) => attempt)).to.deep.equal([1, 2]);
    const ends = facts.flatMap((fact) => (fact.type === 'settled' ? [fact.settlement] : []));
    expect(ends).to.deep.equal(['retry', 'deadLetter']);
  });

  /** The first worker takes the firing of 10 s, hangs in it and stops at 25 s: it comes to the other when that of 20 s is due. */
  const leftUndone = { firstUntilMs: 25_000, gracePeriodMs: 1_000 } as const;
  const hangsOnce = (ms: number) => (tries: number) => (tries === 1 ? NEVER : timer(ms));

  it('has a saga that a firing began finished when the firing comes again, though its successor is due', () => {
    const made: string[] = [];
    const move = (step: string, scheduledAt: Date, work: (tries: number) => Observable<unknown>) =>
      defer(() => {
        made.push(`${step} ${scheduledAt.getTime()}`);
        return work(made.filter((one) => one === `${step} ${scheduledAt.getTime()}`).length).pipe(map(() => step));
      });
    const takesMs = (ms: number) => () => timer(ms);
    const rollUp = definePipeline({
      name: 'roll-up',
      source: every('10s'),
      handle: saga({
        name: 'roll-up',
        input: z.object({ scheduledAt: z.date() }),
        apis: {},
        id: ({ scheduledAt }) => scheduledAt.toISOString(),
      })
        .step(
          'close',
          ({ input }) => move('close', input.scheduledAt, takesMs(100)),
          ({ input }) => move('open', input.scheduledAt, takesMs(100)),
        )
        .step('sum', ({ input }) => move('sum', input.scheduledAt, hangsOnce(100)))
        .returns(() => 'done'),
    });
    const facts = onTwoWorkers(rollUp, 29_000, leftUndone);
    expect(made.slice(0, 3), 'done steps are not made again').to.deep.equal(['close 10000', 'sum 10000', 'sum 10000']);
    const moves = facts.flatMap((fact) =>
      fact.type === 'sagaMoved' && fact.sagaId === '1970-01-01T00:00:10.000Z' ? [fact.move] : [],
    );
    expect(moves.at(-1)).to.equal('completed');
  });

  it('skips such a firing where its handle is no saga: nothing of it is known to have been begun', () => {
    const begun: number[] = [];
    const plain = definePipeline({
      name: 'plain',
      source: every('10s'),
      handle: ({ scheduledAt }) =>
        defer(() => {
          begun.push(scheduledAt.getTime());
          return hangsOnce(100)(begun.length);
        }),
    });
    const facts = onTwoWorkers(plain, 29_000, leftUndone);
    expect(begun).to.deep.equal([10_000, 20_000]);
    const skipped = facts.flatMap((fact) =>
      fact.type === 'settled' && fact.reason?.endsWith('is due') === true ? [fact.reason] : [],
    );
    expect(skipped).to.deep.equal(['the firing of 1970-01-01T00:00:20.000Z is due']);
  });
});

describe('schedule', () => {
  const nightly = definePipeline({
    name: 'nightly',
    source: schedule('0 2 * * *'),
    handle: ({ scheduledAt }) => [scheduledAt.toISOString()],
    output: () => exchange('out', 'built'),
  });

  it('says what is wrong with a pattern or a time zone', () => {
    expect(problemsOf(() => schedule('61 * * * *'))[0]).to.match(/^schedule\("61 \* \* \* \*"\): pattern: .*61/);
    expect(problemsOf(() => schedule('* *'))[0]).to.match(/^schedule\("\* \*"\): pattern:/);
    expect(problemsOf(() => schedule('0 0 30 2 *'))).to.deep.equal(['schedule("0 0 30 2 *"): pattern: never fires']);
    expect(problemsOf(() => schedule('every 5 minutes'))[0]).to.match(/; expected minute, hour, day of month, /);
    expect(problemsOf(() => schedule('* * * * *', { timeZone: 'Berlin' }))).to.deep.equal([
      `schedule("* * * * *"): timeZone: expected the name of a time zone, as 'Europe/Berlin' or 'UTC', got 'Berlin'`,
    ]);
    expect(problemsOf(() => schedule(5 as never))[0]).to.match(/^schedule\(5\): pattern: expected a string, got 5/);
    expect(problemsOf(() => schedule('* * * * *', { timezone: 'UTC' } as never))[0]).to.match(
      /unknown option, did you mean "timeZone"/,
    );
  });

  it('says of a wrong pattern beside another mistake both', () => {
    expect(problemsOf(() => schedule('0 25 * * *', { timeZone: 'wrong', overlap: 1 } as never))).to.deep.equal([
      `schedule("0 25 * * *"): timeZone: expected the name of a time zone, as 'Europe/Berlin' or 'UTC', got 'wrong'`,
      'schedule("0 25 * * *"): overlap: expected a boolean, got 1',
      'schedule("0 25 * * *"): pattern: Invalid value for hour: 25; expected minute, hour, day of month, month and day of week, with seconds before them or not, or \'@daily\' and its kin',
    ]);
    expect(problemsOf(() => schedule('', { timeZone: 'wrong' }))).to.have.lengthOf(2);
  });

  it('tells an unknown option where it stands, and not once more of the queue', async () => {
    const problems = await collectProblems(async () => {
      const source = schedule('0 2 * * *', { timezone: 'UTC' } as never);
      definePipeline({ name: 'nightly', source, handle: () => [] });
    });
    expect(problems.map(describeProblem)).to.deep.equal([
      'schedule("0 2 * * *"): timezone: unknown option, did you mean "timeZone"?',
    ]);
  });

  it(
    'has its firings handled in tests as any message, by diagram; a stale one is acked',
    marbles(nightly, ({ deliver, expectPublished, expectSettled }) => {
      const due = { scheduledAt: '1970-01-01T02:00:00.000Z' };
      const past = { scheduledAt: '1969-12-30T02:00:00.000Z' };
      deliver('        ab---', { a: due, b: past });
      expectPublished('p----', { p: published(exchange('out', 'built'), '1970-01-01T02:00:00.000Z') });
      expectSettled('  AB---', { A: ack(due), B: ack(past) });
    }),
  );
});
