import { expect } from 'chai';
import {
  asyncScheduler,
  BehaviorSubject,
  concat,
  EMPTY,
  from,
  ignoreElements,
  map,
  NEVER,
  type Observable,
  of,
  ReplaySubject,
  throwError,
  timer,
} from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import sinon from 'sinon';
import { z } from 'zod';
import { exchange } from '../../src/broker/exchange.ts';
import { queue } from '../../src/broker/queue.ts';
import {
  PermanentError,
  PublishNackedError,
  ResultInvalidError,
  SluiceError,
  TopologyError,
  TransientError,
  UnroutableError,
} from '../../src/errors.ts';
import { createFacts, type Fact, type Settled } from '../../src/events.ts';
import type { ApiAvailability } from '../../src/http/api-client.ts';
import { defineApi } from '../../src/http/define-api.ts';
import { createMemoryJournal } from '../../src/journal/memory-journal.ts';
import { silentLogger } from '../../src/log.ts';
import { definePipeline } from '../../src/pipeline/define-pipeline.ts';
import { isBalanced } from '../../src/pipeline/ledger.ts';
import type { Pipeline } from '../../src/pipeline/pipeline.ts';
import { runPipeline } from '../../src/pipeline/run-pipeline.ts';
import { bodyOf, ScriptedBroker } from '../support/scripted-broker.ts';

const Message = z.object({ n: z.number() });
/** What the broker writes down about a message that waited in a delay queue. */
const waited = { 'x-death': [{ queue: 'work.delay.5s', reason: 'expired', count: 1 }] };

const source = queue('work', { retry: { delays: ['5s', '1m'] } });

interface Stage {
  readonly broker: ScriptedBroker;
  readonly settled: Settled[];
  readonly facts: Fact[];
  readonly drain: () => void;
  readonly halt: (reason: string) => void;
  readonly setAvailability: (api: string, state: ApiAvailability) => void;
  readonly run: ReturnType<typeof runPipeline>;
  /** Frame at which the work completed. */
  readonly ended: () => number | undefined;
  at(frame: number, action: () => void): void;
}

/** Runs a pipeline in virtual time, and checks at the end that its books balance. */
function onStage(pipeline: Pipeline, script: (stage: Stage) => void, verify: (stage: Stage) => void): void {
  const scheduler = new TestScheduler(() => {});
  let stage: Stage | undefined;
  scheduler.run(({ flush }) => {
    const broker = new ScriptedBroker();
    const facts = createFacts();
    const availabilities = new Map<string, BehaviorSubject<ApiAvailability>>();
    const availability = (name: string): BehaviorSubject<ApiAvailability> => {
      const known = availabilities.get(name) ?? new BehaviorSubject<ApiAvailability>({ isAvailable: true });
      availabilities.set(name, known);
      return known;
    };
    const drain = new ReplaySubject<void>(1);
    const halt = new ReplaySubject<string>(1);
    const heard: Fact[] = [];
    facts.stream.subscribe((fact) => heard.push(fact));
    const bindApi = () => {
      throw new Error('no API is declared');
    };
    const run = runPipeline(pipeline, {
      broker,
      facts,
      drain,
      halt,
      journal: createMemoryJournal(),
      log: silentLogger,
      random: () => 0.5,
      topology: 'assert',
      bindApi,
      availabilityOf: ({ name }) => availability(name),
    });
    let endedAt: number | undefined;
    run.work.subscribe({ complete: () => (endedAt = asyncScheduler.now()) });
    stage = {
      broker,
      run,
      facts: heard,
      get settled() {
        return heard.filter((fact): fact is Settled => fact.type === 'settled');
      },
      drain: () => drain.next(),
      halt: (reason) => halt.next(reason),
      setAvailability: (name, state) => availability(name).next(state),
      ended: () => endedAt,
      at: (frame, action) => asyncScheduler.schedule(action, frame),
    };
    script(stage);
    flush();
  });
  if (stage === undefined) throw new Error('the script did not run');
  verify(stage);
  expect(isBalanced(stage.run.ledger()), JSON.stringify(stage.run.ledger())).to.equal(true);
}

describe('runPipeline', () => {
  const slow = (ms: number) =>
    definePipeline({
      name: 'slow',
      source,
      input: Message,
      concurrency: 2,
      handle: ({ n }) => timer(ms).pipe(map(() => n)),
      output: () => exchange('out', 'done'),
    });

  it('acks when the handle has completed and every result is confirmed, not before', () => {
    onStage(
      slow(10),
      ({ broker }) => {
        broker.confirmAfterMs = 7;
        broker.deliver({ body: { n: 1 }, properties: { messageId: 'm1' } });
      },
      ({ broker, settled }) => {
        expect(broker.published.map(({ frame, message }) => [frame, bodyOf(message)])).to.deep.equal([[10, 1]]);
        expect(broker.settlements).to.deep.equal([{ frame: 17, messageId: 'm1', how: 'ack' }]);
        expect(settled.map(({ settlement, durationMs }) => ({ settlement, durationMs }))).to.deep.equal([
          { settlement: 'ack', durationMs: 17 },
        ]);
      },
    );
  });

  it('F8, F22: names a result the same on every try, and hands correlation and trace on', () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    onStage(
      slow(1),
      ({ broker }) => {
        broker.deliver({
          body: { n: 1 },
          properties: { messageId: 'm1', correlationId: 'c1' },
          headers: { traceparent },
        });
        broker.deliver({ body: { n: 1 }, properties: { messageId: 'm1', correlationId: 'c1' } });
        broker.deliver({ body: { n: 1 }, properties: { messageId: 'm2' } });
      },
      ({ broker }) => {
        const [first, again, other] = broker.published.map(({ message }) => message);
        expect(first?.properties.messageId)
          .to.be.a('string')
          .and.equal(again?.properties.messageId)
          .and.not.equal(other?.properties.messageId);
        expect(first?.properties.correlationId).to.equal('c1');
        expect(other?.properties.correlationId).to.equal('m2');
        expect(first?.headers.traceparent).to.equal(traceparent);
        expect(again?.headers.traceparent).to.match(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
      },
    );
  });

  it('publishes nothing of a handle that fails after its first result', () => {
    const pipeline = definePipeline({
      name: 'half',
      source,
      input: Message,
      handle: () =>
        concat(
          of('early'),
          throwError(() => new PermanentError('no')),
        ),
      output: () => exchange('out', 'done'),
    });
    onStage(
      pipeline,
      ({ broker }) => broker.deliver({ body: { n: 1 }, properties: { messageId: 'm1' } }),
      ({ broker }) => expect(broker.published.map(({ message }) => message.routingKey)).to.deep.equal(['work.dead']),
    );
  });

  it('keeps at most `concurrency` handles running', () => {
    onStage(
      slow(10),
      ({ broker }) => {
        for (let n = 0; n < 5; n++) broker.deliver({ body: { n }, properties: { messageId: `m${n}` } });
      },
      ({ broker }) => expect(broker.settlements.map(({ frame }) => frame)).to.deep.equal([11, 11, 21, 21, 31]),
    );
  });

  describe('a message that fails', () => {
    const failing = (error: unknown) =>
      definePipeline({
        name: 'failing',
        source,
        input: Message,
        handle: ({ n }) => (n < 0 ? throwError(() => error) : of(n)),
      });

    it('waits in the delay queue after a transient cause: the copy is confirmed, then the original is acked', () => {
      onStage(
        failing(new TransientError('down')),
        ({ broker, at }) =>
          at(50, () =>
            broker.deliver({
              body: { n: -1 },
              properties: { messageId: 'm1', expiration: '100000', userId: 'app', priority: 3 },
              headers: { tenant: 't1', CC: ['elsewhere'] },
            }),
          ),
        ({ broker, settled }) => {
          const [copy] = broker.published.map(({ message }) => message);
          expect(copy).to.deep.include({ exchange: '', routingKey: 'work.delay.5s' });
          expect(copy?.properties).to.deep.equal({ messageId: 'm1', priority: 3, persistent: true });
          expect({ ...copy?.headers }).to.deep.equal({
            tenant: 't1',
            'x-sluice-attempt': 2,
            'x-sluice-deadline': 100_050,
            'x-sluice-first-failed-at': 50,
            'x-sluice-error-code': 'ERR_TRANSIENT',
            'x-sluice-exchange': 'orders',
            'x-sluice-routing-key': 'order.placed',
            'x-sluice-user-id': 'app',
          });
          expect(broker.settlements).to.deep.equal([{ frame: 51, messageId: 'm1', how: 'ack' }]);
          expect(settled[0]).to.deep.include({
            settlement: 'retry',
            delayMs: 5_000,
            code: 'ERR_TRANSIENT',
            stage: 'handle',
            reason: 'down',
          });
        },
      );
    });

    it('waits longer before its third try, and is dead-lettered after it', () => {
      onStage(
        failing(new TransientError('down')),
        ({ broker, at }) =>
          at(90, () => {
            broker.deliver({ body: { n: -1 }, headers: { ...waited, 'x-sluice-attempt': 2 } });
            broker.deliver({
              body: { n: -1 },
              headers: { ...waited, 'x-sluice-attempt': 3, 'x-sluice-first-failed-at': 40 },
            });
          }),
        ({ broker }) => {
          expect(broker.published.map(({ message }) => message.routingKey)).to.deep.equal([
            'work.delay.1m',
            'work.dead',
          ]);
          expect(broker.published[1]?.message.headers).to.deep.include({
            'x-sluice-error-code': 'ERR_TRANSIENT',
            'x-sluice-error-message': 'down',
            'x-sluice-stage': 'handle',
            'x-sluice-pipeline': 'failing',
            'x-sluice-attempts': 3,
            'x-sluice-first-failed-at': 40,
            'x-sluice-last-failed-at': 90,
            'x-sluice-queue': 'work',
          });
        },
      );
    });

    it('S9: names the user the broker has checked, and carries no claim of being another', () => {
      const claim = { 'x-sluice-user-id': 'admin' };
      onStage(
        failing(new TransientError('down')),
        ({ broker }) => {
          broker.deliver({ body: { n: -1 }, headers: claim });
          broker.deliver({ body: { n: -1 }, headers: claim, properties: { userId: 'app' } });
          broker.deliver({ body: { n: -1 }, headers: { ...waited, ...claim, 'x-sluice-attempt': 3 } });
          broker.deliver({ body: 'wrong', headers: claim });
        },
        ({ broker }) =>
          expect(broker.published.map(({ message }) => message.headers['x-sluice-user-id'])).to.have.members([
            undefined,
            'app',
            'admin',
            undefined,
          ]),
      );
    });

    it('waits in its turn however urgent it is, and is as urgent as before where it waits no more', () => {
      const urgent = { 'x-sluice-priority': 9 };
      onStage(
        failing(new TransientError('down')),
        ({ broker }) => {
          broker.deliver({ body: { n: -1 }, properties: { priority: 9 } });
          broker.deliver({
            body: { n: -1 },
            headers: { ...waited, ...urgent, 'x-sluice-attempt': 2 },
            properties: { priority: 4 },
          });
          broker.deliver({
            body: { n: -1 },
            headers: { ...waited, ...urgent, 'x-sluice-attempt': 3 },
            properties: { priority: 4 },
          });
          // What a publisher says in our header is not what it has.
          broker.deliver({ body: { n: -1 }, headers: urgent, properties: { priority: 2 } });
          broker.deliver({ body: 'wrong', headers: urgent });
        },
        ({ broker }) =>
          expect(
            broker.published.map(({ message }) => [
              message.routingKey,
              message.properties.priority,
              message.headers['x-sluice-priority'],
            ]),
          ).to.have.deep.members([
            ['work.delay.5s', 4, 9],
            ['work.delay.1m', 4, 9],
            ['work.dead', 9, undefined],
            ['work.delay.5s', 2, undefined],
            ['work.dead', undefined, undefined],
          ]),
      );
    });

    for (const forged of [-1, 256, 1e9, '9', 1.5, Number.NaN]) {
      it(`S9: takes the ${typeof forged} ${forged} for no priority, wherever it comes from`, () => {
        onStage(
          failing(new TransientError('down')),
          ({ broker }) => {
            const headers = { ...waited, 'x-sluice-priority': forged };
            broker.deliver({ body: { n: -1 }, headers, properties: { priority: 3 } });
            broker.deliver({ body: 'wrong', headers, properties: { priority: 3 } });
          },
          ({ broker }) => {
            const told = broker.published.map(({ message: { properties, headers: own } }) => [
              properties.priority,
              own['x-sluice-priority'],
            ]);
            expect(told).to.deep.equal([
              [3, undefined],
              [3, undefined],
            ]);
          },
        );
      });
    }

    for (const forged of [-1, 0, 3, 4, 1e9, 'abc', 1.5, Number.NaN]) {
      it(`B19: cannot skip or add tries by a forged attempt of ${forged}`, () => {
        onStage(
          failing(new TransientError('down')),
          ({ broker }) => {
            broker.deliver({ body: { n: -1 }, headers: { 'x-sluice-attempt': forged } });
            const elsewhere = [{ queue: 'other.delay.5s', reason: 'expired', count: 1 }];
            broker.deliver({ body: { n: -1 }, headers: { 'x-sluice-attempt': forged, 'x-death': elsewhere } });
          },
          ({ broker }) => {
            const queues = broker.published.map(({ message }) => message.routingKey);
            expect(queues).to.deep.equal(['work.delay.5s', 'work.delay.5s']);
          },
        );
      });
    }

    const hostile = {
      'an error whose message is an object': Object.assign(new Error('x'), { message: {} }),
      'an error whose message throws': Object.defineProperty(new Error('x'), 'message', {
        get: () => {
          throw new Error('no');
        },
      }),
      'an object without a prototype': Object.create(null),
      'an isTransient that throws': {
        get isTransient() {
          throw new Error('no');
        },
      },
      'a revoked proxy': (() => {
        const { proxy, revoke } = Proxy.revocable({}, {});
        revoke();
        return proxy;
      })(),
    };
    for (const [title, thrown] of Object.entries(hostile)) {
      it(`B41: is dead-lettered after ${title}, and hurts nobody else`, () => {
        onStage(
          failing(thrown),
          ({ broker }) => {
            for (const n of [-1, 1]) broker.deliver({ body: { n } });
          },
          ({ broker, run }) => {
            expect(run.ledger()).to.deep.include({ delivered: 2, acked: 1, deadLettered: 1, inFlight: 0 });
            expect(broker.published[0]?.message.headers['x-sluice-error-message']).to.be.a('string').that.is.not.empty;
          },
        );
      });
    }

    for (const [title, cause] of [
      ['a permanent error', new PermanentError('no')],
      ['a TypeError', new TypeError('x is undefined')],
      ['undefined', undefined],
    ] as const) {
      it(`is dead-lettered at once after ${title}, and hurts nobody else`, () => {
        onStage(
          failing(cause),
          ({ broker }) => {
            for (const n of [1, -1, 2]) broker.deliver({ body: { n }, properties: { messageId: `m${n}` } });
          },
          ({ broker, settled, run }) => {
            expect(broker.published.map(({ message }) => message.routingKey)).to.deep.equal(['work.dead']);
            expect(settled.map(({ settlement }) => settlement).sort()).to.deep.equal(['ack', 'ack', 'deadLetter']);
            expect(run.ledger()).to.deep.include({ delivered: 3, acked: 2, deadLettered: 1, inFlight: 0 });
          },
        );
      });
    }
  });

  describe('a handle that misbehaves', () => {
    const outcome = (handle: () => never) => {
      let codes: (string | undefined)[] = [];
      onStage(
        definePipeline({
          name: 'odd',
          source,
          input: Message,
          handle,
          timeout: '1s',
          output: () => exchange('out', 'k'),
        }),
        ({ broker }) => broker.deliver({ body: { n: 1 } }),
        ({ settled }) => (codes = settled.map(({ settlement, code }) => `${settlement} ${code}`)),
      );
      return codes;
    };

    it('B41: by throwing at once dead-letters its message', () => {
      expect(
        outcome(() => {
          throw new Error('bug');
        }),
      ).to.deep.equal(['deadLetter ERR_HANDLE_FAILED']);
    });
    it('by returning nothing dead-letters its message', () => {
      expect(outcome((() => undefined) as () => never)).to.deep.equal(['deadLetter ERR_HANDLE_FAILED']);
    });
    it('B41: by never ending fails at its timeout and is tried again', () => {
      expect(outcome((() => NEVER) as () => never)).to.deep.equal(['retry ERR_HANDLE_TIMEOUT']);
    });
    it('B41: by ending twice counts once', () => {
      const twice = () => ({
        subscribe: (sink: { complete(): void; error(error: unknown): void }) => {
          sink.complete();
          sink.error(new Error('late'));
          return { unsubscribe() {} };
        },
        [Symbol.observable ?? '@@observable']() {
          return this;
        },
      });
      expect(outcome(twice as unknown as () => never)).to.deep.equal(['ack undefined']);
    });
    for (const [title, value] of [
      ['NaN', { n: Number.NaN }],
      ['a BigInt', 1n],
      [
        'a circle',
        (() => {
          const circle: { self?: unknown } = {};
          circle.self = circle;
          return circle;
        })(),
      ],
      ['undefined', undefined],
      ['nested bytes', { bytes: Buffer.from('x') }],
    ] as const) {
      it(`B23: by emitting ${title} dead-letters its message with the reason`, () => {
        expect(outcome((() => of(value)) as unknown as () => never)).to.deep.equal(['deadLetter ERR_RESULT_INVALID']);
      });
    }
  });

  it('unsubscribes a handle at its timeout and aborts its signal', () => {
    const unsubscribed = sinon.spy();
    const signals: AbortSignal[] = [];
    const pipeline = definePipeline({
      name: 'stuck',
      source,
      input: Message,
      timeout: '1s',
      handle: (_, { signal }) => {
        signals.push(signal);
        return new (NEVER.constructor as typeof import('rxjs').Observable)<never>(() => unsubscribed);
      },
    });
    onStage(
      pipeline,
      ({ broker }) => broker.deliver({ body: { n: 1 } }),
      ({ settled }) => {
        sinon.assert.calledOnce(unsubscribed);
        expect(signals.map(({ aborted }) => aborted)).to.deep.equal([true]);
        expect(settled[0]).to.deep.include({ at: 1_001, settlement: 'retry', code: 'ERR_HANDLE_TIMEOUT' });
      },
    );
  });

  describe('a message nobody can read', () => {
    const handle = sinon.spy(() => EMPTY);
    const pipeline = definePipeline({
      name: 'strict',
      source,
      input: Message,
      handle,
      maxMessageBytes: 100,
      replyTo: ['amq.*', 'answers.*'],
    });
    const cases = {
      'an empty body (B1)': [{ bytes: Buffer.alloc(0) }, 'decode', 'body is empty'],
      'truncated JSON (B2)': [{ bytes: Buffer.from('{"n":') }, 'decode', 'body is not JSON'],
      'invalid UTF-8 (B3)': [{ bytes: Uint8Array.of(0x22, 0xff, 0x22) }, 'decode', 'UTF-8'],
      'a body over the limit (B5)': [{ bytes: Buffer.alloc(101, 0x20) }, 'decode', '101 bytes, allowed are 100'],
      'a wrong type (B13)': [{ body: { n: 'one' } }, 'validate', 'n: '],
      'an unknown content type': [{ body: { n: 1 }, properties: { contentType: 'image/png' } }, 'decode', 'image/png'],
      'an unknown encoding': [{ body: { n: 1 }, properties: { contentEncoding: 'br' } }, 'decode', 'br'],
      'a reply-to that is not allowed (B20)': [
        { body: { n: 1 }, properties: { replyTo: 'orders.placed' } },
        'validate',
        `reply-to "orders.placed" is not allowed here; the pipeline's replyTo allows amq.*, answers.*`,
      ],
    } as const;
    for (const [title, [message, stage, reason]] of Object.entries(cases)) {
      it(`is dead-lettered for ${title}, with its bytes and the reason, and nothing is called`, () => {
        handle.resetHistory();
        onStage(
          pipeline,
          ({ broker }) => broker.deliver(message),
          ({ broker }) => {
            sinon.assert.notCalled(handle);
            const [dead] = broker.published.map(({ message: copy }) => copy);
            expect(dead?.routingKey).to.equal('work.dead');
            expect(dead?.headers).to.deep.include({
              'x-sluice-error-code': 'ERR_PAYLOAD_INVALID',
              'x-sluice-stage': stage,
            });
            expect(dead?.headers['x-sluice-error-message']).to.include(reason);
            expect(dead?.body).to.deep.equal(
              'bytes' in message ? message.bytes : Buffer.from(JSON.stringify(message.body)),
            );
            expect(broker.settlements.map(({ how }) => how)).to.deep.equal(['ack']);
          },
        );
      });
    }
  });

  it('answers a reply-to beside the exchange, with the correlation id', () => {
    onStage(
      slow(1),
      ({ broker }) =>
        broker.deliver({ body: { n: 1 }, properties: { messageId: 'm1', correlationId: 'c1', replyTo: 'amq.gen-1' } }),
      ({ broker }) => {
        expect(
          broker.published.map(({ message: { exchange, routingKey, mandatory } }) => ({
            exchange,
            routingKey,
            mandatory,
          })),
        ).to.deep.equal([
          { exchange: 'out', routingKey: 'done', mandatory: true },
          { exchange: '', routingKey: 'amq.gen-1', mandatory: false },
        ]);
        expect(broker.published[1]?.message.properties.correlationId).to.equal('c1');
      },
    );
  });

  it('names the message it answers, and tells how it ended only to those who ask and may', () => {
    const asking = { replyTo: 'amq.gen-1', correlationId: 'c1' };
    const tell = { 'x-sluice-tell': 'outcome' };
    const ending = (end: Observable<never>) => definePipeline({ name: 'p', source, input: Message, handle: () => end });
    const answersTo = (broker: ScriptedBroker) =>
      broker.published
        .filter(({ message }) => message.exchange === '' && !message.routingKey.endsWith('.dead'))
        .map(({ message: { headers, body } }) => [
          headers['x-sluice-answers'],
          headers['x-sluice-outcome'],
          headers['x-sluice-error-code'],
          body.byteLength,
        ]);
    onStage(
      slow(1),
      ({ broker }) => broker.deliver({ body: { n: 1 }, properties: { messageId: 'm1', ...asking }, headers: tell }),
      ({ broker }) =>
        expect(answersTo(broker).map(([id, outcome]) => [id, outcome])).to.deep.equal([['m1', undefined]]),
    );
    onStage(
      ending(EMPTY),
      ({ broker }) => {
        broker.deliver({ body: { n: 1 }, properties: { messageId: 'm1', ...asking }, headers: tell });
        broker.deliver({ body: { n: 1 }, properties: { messageId: 'm2', ...asking } });
      },
      ({ broker, settled }) => {
        expect(answersTo(broker)).to.deep.equal([['m1', 'done', undefined, 0]]);
        expect(settled.map(({ settlement }) => settlement)).to.deep.equal(['ack', 'ack']);
      },
    );
    onStage(
      ending(throwError(() => new PermanentError('no'))),
      ({ broker }) => {
        broker.refuse = ({ routingKey }) => (routingKey === 'amq.gen-1' ? new ResultInvalidError('gone') : undefined);
        broker.deliver({ body: { n: 1 }, properties: { messageId: 'm1', ...asking }, headers: tell });
        broker.deliver({ body: { n: 1 }, properties: { messageId: 'm2', ...asking } });
        broker.deliver({ body: { n: 1 }, properties: { messageId: 'm3', replyTo: 'orders.placed' }, headers: tell });
      },
      ({ broker, settled }) => {
        expect(answersTo(broker)).to.deep.equal([['m1', 'dead-lettered', 'ERR_PERMANENT', 0]]);
        // Who cannot be told is no reason to keep the message.
        expect(settled.map(({ settlement }) => settlement)).to.deep.equal(['deadLetter', 'deadLetter', 'deadLetter']);
        expect(broker.settlements.map(({ how }) => how)).to.deep.equal(['ack', 'ack', 'ack']);
      },
    );
  });

  it('tells nobody of a dead letter when the message is given back in the call that stores it', () => {
    onStage(
      definePipeline({ name: 'bad', source, input: Message, handle: () => throwError(() => new PermanentError('no')) }),
      ({ broker, halt }) => {
        broker.confirmAfterMs = 0;
        broker.refuse = () => {
          halt('over');
          return undefined;
        };
        const headers = { 'x-sluice-tell': 'outcome' };
        broker.deliver({ body: { n: 1 }, properties: { replyTo: 'amq.gen-1', correlationId: 'c1' }, headers });
      },
      ({ broker, settled }) => {
        expect(broker.published.map(({ message }) => message.routingKey)).to.deep.equal(['work.dead']);
        expect(settled.map(({ settlement, reason }) => [settlement, reason])).to.deep.equal([['returned', 'over']]);
      },
    );
  });

  describe('a publish that fails', () => {
    it('F19: is made again after a nack, with the same message id, and the message acked after the last confirm', () => {
      onStage(
        slow(1),
        ({ broker }) => {
          broker.refuse = () => (broker.published.length < 3 ? new PublishNackedError('full') : undefined);
          broker.deliver({ body: { n: 1 } });
        },
        ({ broker, settled }) => {
          expect(broker.published).to.have.length(3);
          expect(new Set(broker.published.map(({ message }) => message.properties.messageId)).size).to.equal(1);
          expect(settled.map(({ settlement }) => settlement)).to.deep.equal(['ack']);
        },
      );
    });

    it('F20: fails its message when nothing is bound, though the broker confirmed', () => {
      onStage(
        slow(1),
        ({ broker }) => {
          broker.refuse = ({ exchange, routingKey }) =>
            exchange === '' ? undefined : new UnroutableError(exchange, routingKey);
          broker.deliver({ body: { n: 1 } });
        },
        ({ broker, settled }) => {
          expect(broker.published.map(({ message }) => message.routingKey)).to.deep.equal(['done', 'work.delay.5s']);
          expect(settled[0]).to.deep.include({
            settlement: 'retry',
            stage: 'publish',
            code: 'ERR_UNROUTABLE',
            reason: 'exchange "out" has no queue bound for routing key "done"',
          });
        },
      );
    });

    it('answers nobody: who asked hears once the results are confirmed, of a try that published them all', () => {
      onStage(
        slow(1),
        ({ broker, at }) => {
          const isTriedAgain = () => broker.published.some(({ message }) => message.routingKey === 'work.delay.5s');
          broker.refuse = ({ exchange, routingKey }) =>
            exchange === '' || isTriedAgain() ? undefined : new UnroutableError(exchange, routingKey);
          const asking = { replyTo: 'amq.gen-1', correlationId: 'c1' };
          broker.deliver({ body: { n: 1 }, properties: { messageId: 'm1', ...asking } });
          at(1_000, () => broker.deliver({ body: { n: 1 }, properties: { messageId: 'm2', ...asking } }));
        },
        ({ broker, settled }) => {
          const sent = broker.published.map(({ frame, message }) => [frame, message.routingKey]);
          expect(sent).to.deep.equal([
            [1, 'done'],
            [2, 'work.delay.5s'],
            [1_001, 'done'],
            [1_002, 'amq.gen-1'],
          ]);
          expect(settled.map(({ at: settledAt, settlement }) => [settledAt, settlement])).to.deep.equal([
            [3, 'retry'],
            [1_003, 'ack'],
          ]);
        },
      );
    });

    it('F19: of a dead letter leaves the message unsettled and is made again until it is confirmed', () => {
      onStage(
        definePipeline({
          name: 'bad',
          source,
          input: Message,
          handle: () => throwError(() => new PermanentError('no')),
        }),
        ({ broker }) => {
          broker.refuse = () => (broker.published.length < 12 ? new UnroutableError('', 'work.dead') : undefined);
          broker.deliver({ body: { n: 1 } });
        },
        ({ broker, facts, settled }) => {
          const delayed = facts.filter(({ type }) => type === 'settlementDelayed');
          expect(delayed).to.have.length(11);
          expect(delayed[0]).to.deep.include({
            settlement: 'deadLetter',
            code: 'ERR_UNROUTABLE',
            reason: 'queue "work.dead" does not exist',
          });
          expect(broker.settlements).to.have.length(1);
          expect(settled.map(({ settlement }) => settlement)).to.deep.equal(['deadLetter']);
        },
      );
    });
  });

  describe('a message that expires', () => {
    const expiring = (expiration: string, timestamp?: number) => ({
      body: { n: 1 },
      properties: { messageId: 'm1', expiration, ...(timestamp === undefined ? {} : { timestamp }) },
    });
    const outcome = (message: Parameters<ScriptedBroker['deliver']>[0], pipeline = slow(100)) => {
      let settled: unknown;
      onStage(
        pipeline,
        ({ broker, at }) => at(10_000, () => broker.deliver(message)),
        (stage) => {
          const { at, settlement, stage: failedAt, code } = stage.settled[0] ?? expect.fail('nothing settled');
          settled = { at, settlement, stage: failedAt, code };
        },
      );
      return settled;
    };

    it('is handled while there is time', () => {
      expect(outcome(expiring('500'))).to.deep.include({ settlement: 'ack' });
    });

    it('is dead-lettered unprocessed when it comes back too late, and its dead letter can be given back', () => {
      const late = { body: { n: 1 }, headers: { 'x-sluice-deadline': 9_000 } };
      expect(outcome(late)).to.deep.equal({
        at: 10_001,
        settlement: 'deadLetter',
        stage: 'slot',
        code: 'ERR_DEADLINE_EXCEEDED',
      });
      onStage(
        slow(1),
        ({ broker, at }) => at(10_000, () => broker.deliver(late)),
        ({ broker }) => expect(broker.published[0]?.message.headers['x-sluice-deadline']).to.equal(undefined),
      );
    });

    it('B21: does not believe the clock of its publisher, nor an expiration of nothing', () => {
      expect(outcome(expiring('500', 9))).to.deep.include({ settlement: 'ack' });
      expect(outcome(expiring('0'))).to.deep.include({ settlement: 'ack' });
    });

    it('is given up at its deadline, before the timeout of the pipeline', () => {
      const given = { at: 10_051, settlement: 'deadLetter', stage: 'handle', code: 'ERR_DEADLINE_EXCEEDED' };
      expect(outcome(expiring('50'))).to.deep.equal(given);
    });

    it('keeps its deadline over its tries, and is not tried again when the next would be too late', () => {
      const failing = definePipeline({
        name: 'failing',
        source,
        input: Message,
        handle: () => throwError(() => new TransientError('down')),
      });
      onStage(
        failing,
        ({ broker, at }) => at(10_000, () => broker.deliver(expiring('60000'))),
        ({ broker }) => {
          expect(broker.published[0]?.message.headers).to.deep.include({ 'x-sluice-deadline': 70_000 });
        },
      );
      expect(outcome(expiring('5000'), failing)).to.deep.include({ settlement: 'deadLetter', code: 'ERR_TRANSIENT' });
    });
  });

  describe('while an API that is needed cannot be called', () => {
    const payment = defineApi('payment', { baseUrl: 'http://localhost:1' });
    const email = defineApi('email', { baseUrl: 'http://localhost:2' });
    const parts = { name: 'needy', source, input: Message, apis: { payment, email }, concurrency: 4 };
    const pipeline = definePipeline({ ...parts, needs: ['payment'], handle: () => timer(10).pipe(ignoreElements()) });
    const open = { isAvailable: false, reason: `payment's breaker is open` };
    const deliverAll = ({ broker }: Stage, ids: readonly string[]) => {
      for (const messageId of ids) broker.deliver({ body: { n: 1 }, properties: { messageId } });
    };
    const settledAt = ({ broker }: Stage) =>
      broker.settlements.map(({ frame, how, messageId }) => `${frame} ${how} ${messageId}`);

    it('takes no messages, says why, and goes on when it can be called again', () => {
      onStage(
        pipeline,
        (stage) => {
          stage.at(5, () => stage.setAvailability('payment', open));
          stage.at(6, () => {
            expect(stage.broker.isConsumed).to.equal(false);
            expect(stage.run.intake()).to.deep.equal({ isConsuming: false, reason: open.reason });
          });
          stage.at(50, () => stage.setAvailability('payment', { isAvailable: true }));
          stage.at(51, () => deliverAll(stage, ['later']));
        },
        (stage) => {
          expect(stage.broker.isConsumed).to.equal(true);
          expect(settledAt(stage)).to.deep.equal(['61 ack later']);
        },
      );
    });

    it('finishes what runs and holds what has not started', () => {
      onStage(
        pipeline,
        (stage) => {
          deliverAll(stage, ['a', 'b', 'c', 'd', 'e', 'f']);
          stage.at(5, () => stage.setAvailability('payment', open));
          stage.at(100, () => stage.setAvailability('payment', { isAvailable: true }));
        },
        (stage) =>
          expect(settledAt(stage).map((text) => text.split(' ')[2])).to.deep.equal(['a', 'b', 'c', 'd', 'e', 'f']),
      );
    });

    it('lets as many messages through as the half-open breaker has probes', () => {
      onStage(
        pipeline,
        (stage) => {
          stage.at(1, () => stage.setAvailability('payment', { isAvailable: true, probes: 1 }));
          stage.at(10, () => deliverAll(stage, ['a', 'b', 'c']));
        },
        (stage) => {
          const frames = stage.broker.settlements.map(({ frame }) => frame);
          expect(frames).to.have.length(3);
          expect((frames[1] ?? 0) - (frames[0] ?? 0)).to.be.at.least(10);
          expect((frames[2] ?? 0) - (frames[1] ?? 0)).to.be.at.least(10);
        },
      );
    });

    it('goes on without an API it does not need', () => {
      onStage(
        pipeline,
        (stage) => {
          stage.setAvailability('email', { isAvailable: false, reason: 'open' });
          deliverAll(stage, ['a']);
        },
        (stage) => expect(settledAt(stage)).to.deep.equal(['10 ack a']),
      );
    });

    it('gives back what waits when the worker drains', () => {
      onStage(
        pipeline,
        (stage) => {
          deliverAll(stage, ['a', 'b', 'c', 'd', 'e']);
          stage.at(5, () => stage.setAvailability('payment', open));
          stage.at(50, stage.drain);
        },
        (stage) => {
          expect(stage.run.ledger()).to.deep.include({ acked: 4, returned: 1, inFlight: 0 });
          expect(stage.ended()).to.be.a('number');
        },
      );
    });

    it('refuses a need that is none of its apis', () => {
      const make = () => definePipeline({ ...parts, needs: ['shipping' as 'email'], handle: () => EMPTY });
      expect(make).to.throw(`pipeline "needy": needs: "shipping" is none of the pipeline's apis: payment, email`);
    });
  });

  it('B18: adds no more than 64 kB of headers to a dead letter, however much there is to tell', () => {
    class Talkative extends SluiceError {
      readonly code = 'ERR_HANDLE_FAILED';
      override readonly details = '€'.repeat(1_000_000);
    }
    const given = { large: 'x'.repeat(60_000), 'x-death': Array.from({ length: 100 }, (_, n) => ({ queue: `q${n}` })) };
    onStage(
      definePipeline({
        name: 'bad',
        source,
        input: Message,
        handle: () => throwError(() => new Talkative('€'.repeat(1_000_000))),
      }),
      ({ broker }) => broker.deliver({ body: { n: 1 }, properties: { messageId: 'm1' }, headers: given }),
      ({ broker, settled }) => {
        const { large, ...added } = broker.published[0]?.message.headers ?? {};
        expect(large).to.equal(given.large);
        expect(added).to.not.have.property('x-death');
        expect(Buffer.byteLength(JSON.stringify(added))).to.be.within(10_000, 64_000);
        expect(settled.map(({ settlement }) => settlement)).to.deep.equal(['deadLetter']);
      },
    );
  });

  it('B18: stores a copy AMQP cannot carry as its body and our own headers, and says why', () => {
    onStage(
      definePipeline({ name: 'bad', source, input: Message, handle: () => throwError(() => new PermanentError('no')) }),
      ({ broker }) => {
        broker.refuse = ({ headers }) => ('large' in headers ? new ResultInvalidError('headers too large') : undefined);
        broker.deliver({
          body: { n: 1 },
          properties: { messageId: 'm'.repeat(300), correlationId: 'c1', timestamp: 2 ** 60 },
          headers: { large: 'x' },
        });
      },
      ({ broker, settled }) => {
        const copy = broker.published[1]?.message ?? expect.fail('no second copy');
        expect(copy.properties).to.deep.equal({ correlationId: 'c1', persistent: true });
        expect(copy.headers).to.deep.include({
          'x-sluice-error-message': 'no',
          'x-sluice-stripped': 'headers too large',
        });
        expect(copy.headers).to.not.have.property('large');
        expect(Buffer.from(copy.body).toString()).to.equal('{"n":1}');
        expect(settled.map(({ settlement }) => settlement)).to.deep.equal(['deadLetter']);
      },
    );
  });

  const missingOut = new TopologyError('exchange "out" does not exist', { missingExchange: 'out' });

  it('declares an exchange its pipeline did not name, once, and publishes again', () => {
    onStage(
      slow(1),
      ({ broker }) => {
        broker.refuse = ({ exchange: name }) =>
          name === 'out' && broker.established.length === 0 ? missingOut : undefined;
        broker.deliver({ body: { n: 1 } });
      },
      ({ broker, settled }) => {
        expect(broker.established.map(({ exchanges }) => exchanges)).to.deep.equal([[{ name: 'out', type: 'topic' }]]);
        expect(settled.map(({ settlement }) => settlement)).to.deep.equal(['ack']);
      },
    );
  });

  it('makes a dead letter that says where its type goes of a message whose result has one', () => {
    const given = exchange as (...values: readonly unknown[]) => ReturnType<typeof exchange>;
    onStage(
      definePipeline({
        name: 'earlier',
        source,
        input: Message,
        handle: ({ n }) => [n],
        output: () => given('out', 'done', { type: 'direct' }),
      }),
      ({ broker }) => {
        broker.deliver({ body: { n: 1 } });
      },
      ({ settled }) => {
        expect(settled.map(({ settlement }) => settlement)).to.deep.equal(['deadLetter']);
        expect(settled[0]?.reason).to.contain('publishes: [{ exchange: "out", type: "direct" }]');
      },
    );
  });

  it('declares none that it may not write to, which would tell of another permission, or of none', () => {
    onStage(
      slow(1),
      ({ broker }) => {
        broker.refuse = ({ exchange: name }) => (name === 'out' ? new TopologyError('it may not write') : undefined);
        broker.deliver({ body: { n: 1 } });
      },
      ({ broker, settled }) => {
        expect(broker.established).to.deep.equal([]);
        expect(settled.map(({ settlement, reason }) => [settlement, reason])).to.deep.equal([
          ['deadLetter', 'it may not write'],
        ]);
      },
    );
  });

  it('declares it with the type that its pipeline says', () => {
    onStage(
      definePipeline({
        name: 'direct',
        source,
        input: Message,
        publishes: [{ exchange: 'out', type: 'direct' }],
        handle: ({ n }) => [n],
        output: () => exchange('out', 'done'),
      }),
      ({ broker }) => {
        broker.refuse = () => (broker.established.length === 0 ? missingOut : undefined);
        broker.deliver({ body: { n: 1 } });
      },
      ({ broker, settled }) => {
        expect(broker.established.map(({ exchanges }) => exchanges)).to.deep.equal([[{ name: 'out', type: 'direct' }]]);
        expect(settled.map(({ settlement }) => settlement)).to.deep.equal(['ack']);
      },
    );
  });

  it('declares it once for all results that are refused meanwhile, and none is a dead letter for that', () => {
    onStage(
      slow(1),
      ({ broker }) => {
        broker.refuse = ({ exchange: name }) =>
          name === 'out' && broker.established.length === 0 ? missingOut : undefined;
        for (const n of [1, 2, 3]) broker.deliver({ body: { n }, properties: { messageId: `m${n}` } });
      },
      ({ broker, settled }) => {
        expect(broker.established).to.have.length(1);
        expect(settled.map(({ settlement }) => settlement)).to.deep.equal(['ack', 'ack', 'ack']);
      },
    );
  });

  it('B41: gets through a handle that emits 200 000 results', () => {
    const pipeline = definePipeline({
      name: 'many',
      source,
      input: Message,
      handle: () => Array.from({ length: 200_000 }, (_, n) => n),
      output: () => exchange('out', 'k'),
    });
    onStage(
      pipeline,
      ({ broker }) => {
        broker.confirmAfterMs = 0;
        broker.deliver({ body: { n: 1 } });
      },
      ({ broker, settled }) => {
        expect(broker.published).to.have.length(200_000);
        expect(settled.map(({ settlement }) => settlement)).to.deep.equal(['ack']);
      },
    );
  });

  describe('draining', () => {
    it('F28: finishes what runs, gives back what has not started, and completes', () => {
      onStage(
        slow(10),
        ({ broker, at, drain }) => {
          for (let n = 0; n < 5; n++) broker.deliver({ body: { n }, properties: { messageId: `m${n}` } });
          at(5, drain);
          at(6, () => broker.deliver({ body: { n: 9 }, properties: { messageId: 'after' } }));
        },
        ({ broker, ended, run }) => {
          expect(broker.settlements.map(({ how, messageId }) => `${how} ${messageId}`).sort()).to.deep.equal([
            'ack m0',
            'ack m1',
            'requeue m2',
            'requeue m3',
            'requeue m4',
          ]);
          expect(ended()).to.equal(11);
          expect(run.ledger()).to.deep.include({ delivered: 5, acked: 2, returned: 3, inFlight: 0 });
        },
      );
    });

    it('aborts and gives back what still runs when it is halted', () => {
      onStage(
        slow(10_000),
        ({ broker, at, drain, halt }) => {
          for (let n = 0; n < 3; n++) broker.deliver({ body: { n }, properties: { messageId: `m${n}` } });
          at(5, drain);
          at(100, () => halt('the grace period is over'));
        },
        ({ broker, settled, ended }) => {
          expect(broker.published).to.deep.equal([]);
          expect(broker.settlements.map(({ frame, how }) => `${frame} ${how}`)).to.deep.equal([
            '100 requeue',
            '100 requeue',
            '100 requeue',
          ]);
          expect(settled.map(({ reason }) => reason)).to.include('the grace period is over');
          expect(ended()).to.equal(100);
        },
      );
    });

    it('gives back a message whose results are not confirmed when it is halted', () => {
      onStage(
        slow(1),
        ({ broker, at, drain, halt }) => {
          broker.confirmAfterMs = 10_000;
          broker.deliver({ body: { n: 1 }, properties: { messageId: 'm1' } });
          at(5, drain);
          at(100, () => halt('over'));
        },
        ({ broker }) => expect(broker.settlements).to.deep.equal([{ frame: 100, messageId: 'm1', how: 'requeue' }]),
      );
    });
  });

  it('stops working on messages whose connection is lost, and counts their settlements as late', () => {
    onStage(
      slow(10),
      ({ broker, at }) => {
        for (let n = 0; n < 3; n++) broker.deliver({ body: { n } });
        at(5, () => broker.loseConnection('connection lost'));
      },
      ({ broker, settled, run }) => {
        expect(broker.published).to.deep.equal([]);
        expect(broker.settlements).to.deep.equal([]);
        expect(settled.map(({ settlement, late, reason }) => ({ settlement, late, reason }))).to.deep.equal(
          Array(3).fill({ settlement: 'returned', late: true, reason: 'connection lost' }),
        );
        expect(run.ledger()).to.deep.include({ delivered: 3, returned: 3, inFlight: 0 });
      },
    );
  });

  it('gets through 2000 messages that waited for a slot and whose handles are synchronous', () => {
    let calls = 0;
    const pipeline = definePipeline({
      name: 'sync',
      source,
      input: Message,
      concurrency: 1,
      handle: ({ n }) => {
        calls++;
        return n === 0 ? timer(100) : of(n);
      },
    });
    onStage(
      pipeline,
      ({ broker }) => {
        for (let n = 0; n < 2_001; n++) broker.deliver({ body: { n } });
      },
      ({ broker, run }) => {
        expect(calls).to.equal(2_001);
        expect(broker.settlements).to.have.length(2_001);
        expect(run.ledger()).to.deep.include({ delivered: 2_001, acked: 2_001 });
      },
    );
  });

  describe('order', () => {
    const Step = z.object({ key: z.string(), ms: z.number() });
    const ordered = (order: 'none' | 'arrival' | 'by key') =>
      definePipeline({
        name: 'ordered',
        source,
        input: Step,
        concurrency: 10,
        order: order === 'by key' ? { by: ({ key }) => key } : order,
        handle: ({ ms }) => timer(ms).pipe(ignoreElements()),
      });
    const done = (order: Parameters<typeof ordered>[0]) => {
      let ids: (string | undefined)[] = [];
      onStage(
        ordered(order),
        ({ broker }) => {
          for (const [messageId, key, ms] of [
            ['a1', 'a', 30],
            ['a2', 'a', 1],
            ['b1', 'b', 20],
            ['b2', 'b', 1],
            ['c1', 'c', 5],
          ] as const)
            broker.deliver({ body: { key, ms }, properties: { messageId } });
        },
        ({ broker }) => (ids = broker.settlements.map(({ messageId }) => messageId)),
      );
      return ids;
    };

    it('none: as they finish', () => expect(done('none')).to.deep.equal(['a2', 'b2', 'c1', 'b1', 'a1']));
    it('arrival: one after the other', () => expect(done('arrival')).to.deep.equal(['a1', 'a2', 'b1', 'b2', 'c1']));
    for (const order of ['arrival', { by: () => 'one' }] as const) {
      it(`${typeof order === 'string' ? order : 'by key'}: results leave in order, also where one has to be published again`, () => {
        const pipeline = definePipeline({
          name: 'ordered',
          source,
          input: Message,
          order,
          handle: ({ n }) => of(n),
          output: () => exchange('out', 'k'),
        });
        onStage(
          pipeline,
          ({ broker }) => {
            broker.refuse = () => (broker.published.length === 1 ? new PublishNackedError('full') : undefined);
            for (let n = 1; n <= 3; n++) broker.deliver({ body: { n } });
          },
          ({ broker }) => expect(broker.published.map(({ message }) => bodyOf(message))).to.deep.equal([1, 1, 2, 3]),
        );
      });
    }

    it('by key: one after the other for each key, keys side by side', () =>
      expect(done('by key')).to.deep.equal(['c1', 'b1', 'b2', 'a1', 'a2']));
  });

  it('takes what a handle returns as Observable, Promise or iterable', async () => {
    const pipeline = definePipeline({
      name: 'iterable',
      source,
      input: Message,
      handle: () => [1, 2, 3],
      output: (n) => exchange('out', `n.${n}`),
    });
    onStage(
      pipeline,
      ({ broker }) => broker.deliver({ body: { n: 1 } }),
      ({ broker }) =>
        expect(broker.published.map(({ message }) => message.routingKey)).to.deep.equal(['n.1', 'n.2', 'n.3']),
    );
    expect(await from(Promise.resolve(1)).toPromise()).to.equal(1);
  });
});
