import { expect } from 'chai';
import fc from 'fast-check';
import { asyncScheduler, defer, map, NEVER, type Observable, of, ReplaySubject, tap, throwError, timer } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { z } from 'zod';
import { exchange } from '../../src/broker/exchange.ts';
import { queue } from '../../src/broker/queue.ts';
import { JournalUnavailableError, PermanentError, TransientError } from '../../src/errors.ts';
import { createFacts, type Settled } from '../../src/events.ts';
import { createJournal } from '../../src/journal/create-journal.ts';
import type { JournalRecord } from '../../src/journal/journal.ts';
import { MemoryStore } from '../../src/journal/memory-store.ts';
import { silentLogger } from '../../src/log.ts';
import { codec } from '../../src/message/body-codec.ts';
import { definePipeline } from '../../src/pipeline/define-pipeline.ts';
import { readDone, writeDone } from '../../src/pipeline/done-record.ts';
import type { Journey } from '../../src/pipeline/journey.ts';
import { isBalanced } from '../../src/pipeline/ledger.ts';
import type { DedupeOptions } from '../../src/pipeline/pipeline-options.ts';
import { runPipeline } from '../../src/pipeline/run-pipeline.ts';
import { ack, deadLetter, marbles, message, published } from '../../src/testing/index.ts';
import { bodyOf, ScriptedBroker } from '../support/scripted-broker.ts';

const Message = z.object({ n: z.number(), key: z.string().optional() });
type Message = z.output<typeof Message>;

interface WorkerAtPlay {
  readonly broker: ScriptedBroker;
  readonly settled: Settled[];
  readonly run: ReturnType<typeof runPipeline>;
  deliver(id: string, body?: unknown, more?: { readonly replyTo?: string }): void;
  halt(): void;
}

interface Stage {
  readonly store: MemoryStore;
  /** When the handle began, for which message. */
  readonly handled: [number, number][];
  readonly done: number[];
  handle: (message: Message, attempt: number) => Observable<unknown>;
  worker(name: string, dedupe?: Partial<DedupeOptions<Message>>, tenant?: (message: Message) => string): WorkerAtPlay;
  at(frame: number, action: () => void): void;
}

const takesMs = (ms: number) => (message: Message) => timer(ms).pipe(map(() => ({ answer: message.n })));

function onStage(script: (stage: Stage) => void): Stage {
  const store = new MemoryStore();
  let stage: Stage | undefined;
  const workers: WorkerAtPlay[] = [];
  new TestScheduler(() => {}).run(({ flush }) => {
    const playing: Stage = {
      store,
      handled: [],
      done: [],
      handle: takesMs(10),
      at: (frame, action) => asyncScheduler.schedule(action, frame),
      worker: (name, dedupe = {}, tenant) => {
        const broker = new ScriptedBroker();
        const facts = createFacts();
        const settled: Settled[] = [];
        facts.stream.subscribe((fact) => {
          if (fact.type === 'settled') settled.push(fact);
        });
        const drain = new ReplaySubject<void>(1);
        const halt = new ReplaySubject<string>(1);
        const pipeline = definePipeline({
          name: 'once',
          source: queue('work', { retry: { delays: ['5s'] } }),
          input: Message,
          dedupe: { ttl: '1h', ...dedupe },
          replyTo: ['answers.*'],
          ...(tenant === undefined ? {} : { tenant }),
          handle: (message, { attempt }) =>
            defer(() => {
              playing.handled.push([asyncScheduler.now(), message.n]);
              return playing.handle(message, attempt).pipe(tap(() => playing.done.push(message.n)));
            }),
          output: () => exchange('out', 'done'),
        });
        const run = runPipeline(pipeline, {
          broker,
          facts,
          drain,
          halt,
          journal: createJournal(store, { owner: name }),
          log: silentLogger,
          random: () => 0.5,
          topology: 'assert',
          bindApi: () => {
            throw new Error('no API is declared');
          },
          availabilityOf: () => NEVER,
        });
        run.work.subscribe();
        const worker: WorkerAtPlay = {
          broker,
          settled,
          run,
          deliver: (id, body = { n: 1 }, { replyTo } = {}) =>
            broker.deliver({ body, properties: { messageId: id, ...(replyTo === undefined ? {} : { replyTo }) } }),
          halt: () => halt.next('the test'),
        };
        workers.push(worker);
        asyncScheduler.schedule(() => {
          drain.next();
          halt.next('the end');
        }, 10_000_000);
        return worker;
      },
    };
    stage = playing;
    script(playing);
    flush();
  });
  for (const { run } of workers) expect(isBalanced(run.ledger()), JSON.stringify(run.ledger())).to.equal(true);
  return stage ?? expect.fail('the script did not run');
}

const endsOf = ({ settled }: WorkerAtPlay) =>
  settled.map(({ at, messageId, settlement, reason }) => [at, messageId, settlement, reason]);
const results = ({ broker }: WorkerAtPlay) =>
  broker.published.map(({ frame, message }) => [
    frame,
    message.routingKey,
    bodyOf(message),
    message.properties.messageId,
  ]);

describe('dedupe', () => {
  it('acks a message that is done already, without handling it', () => {
    let worker: WorkerAtPlay | undefined;
    const { handled } = onStage(({ worker: start, at }) => {
      worker = start('one');
      at(1, () => worker?.deliver('a'));
      at(100, () => worker?.deliver('a'));
      at(200, () => worker?.deliver('b', { n: 2 }));
    });
    expect(handled).to.deep.equal([
      [1, 1],
      [200, 2],
    ]);
    expect(endsOf(worker ?? expect.fail())).to.deep.equal([
      [12, 'a', 'ack', undefined],
      [100, 'a', 'ack', 'it was done before'],
      [211, 'b', 'ack', undefined],
    ]);
  });

  it('publishes the results of a message that is done again where that is asked for, and answers who asks', () => {
    let worker: WorkerAtPlay | undefined;
    const { handled } = onStage(({ worker: start, at }) => {
      worker = start('one', { repeatResults: true });
      at(1, () => worker?.deliver('a', { n: 1 }, { replyTo: 'answers.first' }));
      at(100, () => worker?.deliver('a', { n: 1 }, { replyTo: 'answers.second' }));
    });
    expect(handled).to.have.length(1);
    const published = results(worker ?? expect.fail());
    expect(published.map(([frame, routingKey, body]) => [frame, routingKey, body])).to.deep.equal([
      [11, 'done', { answer: 1 }],
      [12, 'answers.first', { answer: 1 }],
      [100, 'done', { answer: 1 }],
      [101, 'answers.second', { answer: 1 }],
    ]);
    expect(new Set(published.map(([, , , id]) => id)).size, 'the same result has the same id').to.equal(1);
  });

  it('dead-letters a message whose results cannot be kept, though they go nowhere', () => {
    const given = { id: 'a' };
    const again = message(given, { messageId: 'a' });
    marbles(
      definePipeline({
        name: 'kept',
        source: queue('kept', { retry: false }),
        input: z.object({ id: z.string() }),
        dedupe: { ttl: '1d', repeatResults: true },
        handle: () => of(5n),
      }),
      ({ deliver, expectSettled }) => {
        deliver('      a-b', { a: given, b: again });
        expectSettled('D-E', {
          D: deadLetter(given, 'ERR_RESULT_INVALID'),
          E: deadLetter(again, 'ERR_RESULT_INVALID'),
        });
      },
    )();
  });

  describe('of a pipeline with a codec', () => {
    const Reading = z.object({ id: z.string(), at: z.string() });
    /** `5n` for the fifth second; nothing for the first there is. */
    const seconds = codec<{ readonly at: Date; readonly count: bigint }>({
      contentType: 'application/x-seconds',
      decode: (body) => {
        const ms = Number(Buffer.from(body).toString()) * 1_000;
        return { at: new Date(ms), count: BigInt(ms) };
      },
      encode: ({ at }) => Buffer.from(at.getTime() === 0 ? '' : String(at.getTime() / 1_000)),
    });
    const readings = definePipeline({
      name: 'readings',
      source: queue('readings', { retry: false }),
      input: Reading,
      dedupe: { ttl: '1d', repeatResults: true },
      writes: { codec: seconds },
      handle: ({ at }) => of(at === '' ? { isLate: true } : { at: new Date(at), count: 5n }),
      output: (result) => (result.at !== undefined ? exchange('readings', result.at.toISOString()) : undefined),
    });
    const twice = (at: string) => message({ id: 'r', at }, { messageId: 'r' });

    it(
      'repeats results as they were, though JSON would make something else of them',
      marbles(readings, ({ deliver, expectPublished, expectSettled }) => {
        const reading = twice('1970-01-01T00:00:05.000Z');
        const told = published(exchange('readings', '1970-01-01T00:00:05.000Z'), Buffer.from('5'));
        deliver('        a-a', { a: reading });
        expectPublished('p-p', { p: told });
        expectSettled('  A-A', { A: ack(reading) });
      }),
    );

    it(
      'repeats a result that its codec writes as nothing',
      marbles(readings, ({ deliver, expectPublished, expectSettled }) => {
        const reading = twice('1970-01-01T00:00:00.000Z');
        deliver('        a-a', { a: reading });
        expectPublished('p-p', { p: published(exchange('readings', '1970-01-01T00:00:00.000Z'), undefined) });
        expectSettled('  A-A', { A: ack(reading) });
      }),
    );

    it(
      'keeps what goes nowhere, and what its codec cannot write, as any other pipeline does',
      marbles(readings, ({ deliver, expectPublished, expectSettled }) => {
        const late = twice('');
        deliver('        a-a', { a: late });
        expectPublished('---');
        expectSettled('  A-A', { A: ack(late) });
      }),
    );
  });

  it('reads what the codec before this one wrote by those that messages are read with', () => {
    const before = codec<string>({
      contentType: 'application/x-before',
      decode: (body) => Buffer.from(body).toString().slice(1),
      encode: (value) => Buffer.from(`=${value}`),
    });
    const now = codec({ contentType: 'application/x-now', decode: () => 'now', encode: () => Buffer.from('now') });
    const journey = { delivery: { body: Buffer.from('{}') } } as unknown as Journey;
    const value = writeDone(journey, ['kept'], { reads: undefined, writes: { codec: before } });
    const record: JournalRecord = { kind: 'kept', at: 0, value };
    const done = readDone([record], { reads: { codecs: [before] }, writes: { codec: now } });
    expect(done?.results()).to.deep.equal(['kept']);
    expect(() => readDone([record], { reads: undefined, writes: { codec: now } })?.results()).to.throw(
      'content type "application/x-before" is none of application/json, text/*, application/octet-stream, application/x-now',
    );
  });

  it('repeats results of a codec that only writes', () => {
    const given = message({ id: 'a' }, { messageId: 'a' });
    marbles(
      definePipeline({
        name: 'told',
        source: queue('told', { retry: false }),
        input: z.object({ id: z.string() }),
        dedupe: { ttl: '1d', repeatResults: true },
        writes: {
          codec: codec<{ readonly id: string }>({
            contentType: 'application/x-told',
            decode: () => {
              throw new Error('nobody reads it here');
            },
            encode: ({ id }) => Buffer.from(id),
          }),
        },
        handle: (told) => of(told),
        output: () => exchange('out', 'told'),
      }),
      ({ deliver, expectPublished, expectSettled }) => {
        deliver('        a-a', { a: given });
        expectPublished('p-p', { p: published(exchange('out', 'told'), Buffer.from('a')) });
        expectSettled('  A-A', { A: ack(given) });
      },
    )();
  });

  it('repeats bytes of which there are none', () => {
    const given = message({ id: 'a' }, { messageId: 'a' });
    marbles(
      definePipeline({
        name: 'nothing',
        source: queue('nothing', { retry: false }),
        input: z.object({ id: z.string() }),
        dedupe: { ttl: '1d', repeatResults: true },
        handle: () => of(new Uint8Array()),
        output: () => exchange('out', 'nothing'),
      }),
      ({ deliver, expectPublished, expectSettled }) => {
        deliver('        a-a', { a: given });
        expectPublished('p-p', { p: published(exchange('out', 'nothing'), undefined) });
        expectSettled('  A-A', { A: ack(given) });
      },
    )();
  });

  it('B12: dead-letters another body under the same id, or takes it for done where that is asked for', () => {
    let worker: WorkerAtPlay | undefined;
    const play = (options: Partial<DedupeOptions<Message>>) =>
      onStage(({ worker: start, at }) => {
        worker = start('one', options);
        at(1, () => worker?.deliver('a', { n: 1 }));
        at(100, () => worker?.deliver('a', { n: 2 }));
      });
    expect(play({}).handled).to.deep.equal([[1, 1]]);
    const conflict = worker?.settled[1];
    expect([conflict?.settlement, conflict?.code]).to.deep.equal(['deadLetter', 'ERR_MESSAGE_CONFLICT']);
    expect(play({ otherBody: 'done' }).handled).to.deep.equal([[1, 1]]);
    expect(worker?.settled[1]?.settlement).to.equal('ack');
  });

  it('knows messages by the key the author names, and dead-letters one without', () => {
    let worker: WorkerAtPlay | undefined;
    const { handled } = onStage(({ worker: start, at }) => {
      worker = start('one', { key: ({ key }) => key ?? '', otherBody: 'done' });
      at(1, () => worker?.deliver('a', { n: 1, key: 'k' }));
      at(100, () => worker?.deliver('b', { n: 2, key: 'k' }));
      at(200, () => worker?.deliver('c', { n: 3 }));
    });
    expect(handled).to.deep.equal([[1, 1]]);
    expect(worker?.settled.map(({ settlement, code }) => [settlement, code])).to.deep.equal([
      ['ack', undefined],
      ['ack', undefined],
      ['deadLetter', 'ERR_PAYLOAD_INVALID'],
    ]);
  });

  it('keeps tenants apart who choose the same message ids', () => {
    let worker: WorkerAtPlay | undefined;
    const { handled } = onStage(({ worker: start, at }) => {
      worker = start('one', {}, ({ key }) => key ?? 'nobody');
      at(1, () => worker?.deliver('1', { n: 1, key: 'ada' }));
      at(100, () => worker?.deliver('1', { n: 2, key: 'bob' }));
      at(200, () => worker?.deliver('1', { n: 1, key: 'ada' }));
    });
    expect(handled).to.deep.equal([
      [1, 1],
      [100, 2],
    ]);
  });

  it('lets a message wait while another worker has it in hand, and then has nothing to do', () => {
    let second: WorkerAtPlay | undefined;
    const { handled } = onStage((stage) => {
      stage.handle = takesMs(3_000);
      const first = stage.worker('one');
      second = stage.worker('two');
      stage.at(1, () => first.deliver('a'));
      stage.at(2, () => second?.deliver('a'));
    });
    expect(handled).to.deep.equal([[1, 1]]);
    const [end] = second?.settled ?? [];
    expect([end?.settlement, end?.reason]).to.deep.equal(['ack', 'it was done before']);
    expect(end?.at).to.be.within(3_002, 6_000);
  });

  it('gives a message back that has waited a minute', () => {
    let second: WorkerAtPlay | undefined;
    onStage((stage) => {
      stage.handle = takesMs(200_000);
      const first = stage.worker('one');
      second = stage.worker('two');
      stage.at(1, () => first.deliver('a'));
      stage.at(2, () => second?.deliver('a'));
    });
    const [end] = second?.settled ?? [];
    expect(end?.settlement).to.equal('returned');
    expect(end?.reason).to.match(/is held by another owner now/);
    expect(end?.at).to.be.within(60_002, 63_000);
  });

  it('forgets the key of a message that failed: its next try is no duplicate', () => {
    let worker: WorkerAtPlay | undefined;
    const { handled } = onStage((stage) => {
      stage.handle = (message) =>
        stage.handled.length === 1
          ? throwError(() => new TransientError('down'))
          : stage.handled.length === 2
            ? throwError(() => new PermanentError('no'))
            : takesMs(10)(message);
      worker = stage.worker('one');
      for (const frame of [1, 100, 200, 300]) stage.at(frame, () => worker?.deliver('a'));
    });
    expect(handled.map(([frame]) => frame)).to.deep.equal([1, 100, 200]);
    expect(worker?.settled.map(({ settlement }) => settlement)).to.deep.equal(['retry', 'deadLetter', 'ack', 'ack']);
  });

  it('forgets a message that is done when its time is over', () => {
    let worker: WorkerAtPlay | undefined;
    const { handled } = onStage(({ worker: start, at }) => {
      worker = start('one', { ttl: '1m' });
      at(1, () => worker?.deliver('a'));
      at(59_000, () => worker?.deliver('a'));
      at(62_000, () => worker?.deliver('a'));
    });
    expect(handled.map(([frame]) => frame)).to.deep.equal([1, 62_000]);
  });

  it('takes no messages while the journal is away, handles none without it, and goes on when it is back', () => {
    let worker: WorkerAtPlay | undefined;
    const { handled } = onStage(({ worker: start, at, store }) => {
      const acquire = store.acquire.bind(store);
      const ping = store.ping.bind(store);
      worker = start('one');
      store.acquire = () => throwError(() => new JournalUnavailableError('the disk is full'));
      store.ping = () => throwError(() => new JournalUnavailableError('the disk is full'));
      at(1, () => worker?.deliver('a'));
      at(5_000, () => {
        expect(worker?.run.intake()).to.deep.equal({ isConsuming: false, reason: 'the disk is full' });
        expect(worker?.broker.isConsumed).to.equal(false);
        store.acquire = acquire;
        store.ping = ping;
      });
      at(9_000, () => expect(worker?.broker.isConsumed).to.equal(true));
    });
    expect(handled).to.have.length(1);
    expect(handled[0]?.[0]).to.be.within(5_000, 8_000);
    expect(worker?.settled.map(({ settlement }) => settlement)).to.deep.equal(['ack']);
  });

  it('gives a message back that is done but could not be written down: its results come again under their ids', () => {
    let worker: WorkerAtPlay | undefined;
    const { handled } = onStage(({ worker: start, at, store }) => {
      const append = store.append.bind(store);
      store.append = () => throwError(() => new JournalUnavailableError('the disk is full'));
      worker = start('one');
      at(1, () => worker?.deliver('a'));
      at(50, () => {
        store.append = append;
      });
      at(5_000, () => worker?.deliver('a'));
    });
    expect(handled).to.have.length(2);
    expect(worker?.settled.map(({ settlement, reason }) => [settlement, reason])).to.deep.equal([
      ['returned', 'it is done, but not written down: the disk is full'],
      ['ack', undefined],
    ]);
    const ids = results(worker ?? expect.fail()).map(([, , , id]) => id);
    expect([ids.length, new Set(ids).size]).to.deep.equal([2, 1]);
  });

  it('gives a message back whose hold was lost, and leaves it to whoever took over', () => {
    let first: WorkerAtPlay | undefined;
    const { handled, done } = onStage((stage) => {
      const renew = stage.store.renew.bind(stage.store);
      stage.handle = takesMs(50_000);
      first = stage.worker('one');
      const second = stage.worker('two');
      // Its renewals get nowhere, as those of a worker that is paused.
      stage.store.renew = () => throwError(() => new JournalUnavailableError('away'));
      stage.at(1, () => first?.deliver('a'));
      stage.at(35_000, () => {
        stage.store.renew = renew;
        second.deliver('a');
      });
    });
    expect(handled.map(([frame]) => frame)[0]).to.equal(1);
    expect(handled).to.have.length(2);
    expect(done, 'the first was given up').to.deep.equal([1]);
    expect(first?.settled[0]?.settlement).to.equal('returned');
  });

  it('lets the key go with a delivery that is lost, at once', () => {
    const { handled } = onStage((stage) => {
      stage.handle = takesMs(1_000);
      const first = stage.worker('one');
      const second = stage.worker('two');
      stage.at(1, () => first.deliver('a'));
      stage.at(500, () => first.broker.loseConnection('cut'));
      stage.at(501, () => second.deliver('a'));
    });
    expect(handled.map(([frame]) => frame)).to.deep.equal([1, 501]);
  });

  it('law: whatever comes how often, to whichever worker, a message is done once, and every delivery is settled', () => {
    const delivery = fc.record({
      frame: fc.integer({ min: 1, max: 4_000 }),
      id: fc.integer({ min: 0, max: 4 }),
      worker: fc.integer({ min: 0, max: 2 }),
    });
    const fault = fc.record({ message: fc.integer({ min: 0, max: 4 }), failures: fc.integer({ min: 0, max: 3 }) });
    fc.assert(
      fc.property(
        fc.array(delivery, { minLength: 1, maxLength: 25 }),
        fc.array(fault, { maxLength: 5 }),
        (deliveries, faults) => {
          const left = new Map(faults.map(({ message, failures }) => [message, failures]));
          const workers: WorkerAtPlay[] = [];
          const { done } = onStage((stage) => {
            stage.handle = (message) => {
              const failures = left.get(message.n) ?? 0;
              left.set(message.n, failures - 1);
              return failures > 0
                ? timer(100).pipe(
                    map(() => {
                      throw new TransientError('down');
                    }),
                  )
                : takesMs(400)(message);
            };
            workers.push(...['one', 'two', 'three'].map((name) => stage.worker(name)));
            for (const { frame, id, worker } of deliveries)
              stage.at(frame, () => workers[worker]?.deliver(`m${id}`, { n: id }));
          });
          expect(new Set(done).size, 'messages done twice').to.equal(done.length);
          expect(workers.flatMap(({ settled }) => settled)).to.have.length(deliveries.length);
          expect(
            workers.flatMap(({ settled }) => settled).filter(({ settlement }) => settlement === 'returned'),
          ).to.deep.equal([]);
        },
      ),
      { numRuns: 60 },
    );
  });
});
