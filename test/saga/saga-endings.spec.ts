/**
 * Every way in which the message of a saga can end while the saga has not: its journal says so, its dead letter carries it, and it goes on when it is
 * given back. In virtual time.
 */
import { expect } from 'chai';
import { concat, defer, ignoreElements, map, mergeMap, NEVER, type Observable, of, throwError, timer } from 'rxjs';
import { z } from 'zod';
import { CallTimeoutError, JournalUnavailableError, PermanentError, TransientError } from '../../src/errors.ts';
import { createJournal } from '../../src/journal/create-journal.ts';
import type { JournalStore } from '../../src/journal/journal-store.ts';
import { MemoryStore } from '../../src/journal/memory-store.ts';

import type { OutgoingMessage } from '../../src/message/outgoing.ts';
import { saga } from '../../src/saga/saga.ts';
import { forwarded } from '../contract/journal-cases.ts';
import { type SagaPipelineWorld, withSagaPipeline } from './saga-pipeline.ts';

const Order = z.object({ id: z.string() });

/** What each move does the first, second … time; the last of them ever after. Default: it takes a second. */
type Script = Readonly<Record<string, readonly Observable<unknown>[]>>;

const hangs = NEVER;
const soon = timer(1_000);
const refused = throwError(() => new PermanentError('refused'));
const timesOut = timer(1_000).pipe(
  map(() => {
    throw new CallTimeoutError({ api: 'bank', operation: 'POST /charge' }, 1_000);
  }),
);
const down = throwError(() => new TransientError('down'));

/** stock and charge can be undone, the pivot comes before the parcel. */
function orderSaga(made: string[], script: Script = {}, finish: () => string = () => 'placed') {
  const counts: Record<string, number> = {};
  const move = (name: string): Observable<unknown> =>
    defer(() => {
      made.push(name);
      const nth = (counts[name] ?? 0) + 1;
      counts[name] = nth;
      const moves = script[name] ?? [soon];
      return (moves[nth - 1] ?? moves.at(-1) ?? soon).pipe(map(() => name));
    });
  return saga({ name: 'order', input: Order, apis: {}, id: ({ id }) => id })
    .step(
      'stock',
      () => move('deduct'),
      () => move('restore'),
    )
    .step(
      'charge',
      () => move('charge'),
      () => move('refund'),
    )
    .step('seal', () => move('seal'))
    .pivot()
    .step('parcel', () => move('parcel'))
    .returns(finish)
    .whenCompensated(({ failure }) => `undone after ${failure.code}`);
}

const message = { body: { id: 'o-1' }, properties: { messageId: 'm-1' } };
/** As it comes back from a delay queue for its second try. */
const secondTry = (headers: Record<string, number> = {}) => ({
  ...message,
  headers: { 'x-sluice-attempt': 2, 'x-death': [{ queue: 'work.delay.1000' }], ...headers },
});

const TWO_TRIES = { delays: ['1s' as const] };

interface Outcome {
  readonly made: readonly string[];
  readonly journal: readonly string[];
  readonly settled: readonly string[];
  /** When, in milliseconds. */
  readonly settledAt: readonly number[];
  readonly letters: readonly OutgoingMessage[];
  readonly copies: readonly OutgoingMessage[];
  readonly stuck: number;
}

interface Case {
  readonly script?: Script;
  readonly finish?: () => string;
  /** Default: the saga of above, by `script` and `finish`. */
  readonly handle?: ReturnType<typeof orderSaga>;
  readonly retry?: false | typeof TWO_TRIES;
  readonly timeout?: `${number}s`;
  readonly store?: JournalStore;
  readonly play: (world: SagaPipelineWorld) => void;
}

function outcomeOf({ script, finish, handle: given, play, ...options }: Case): Outcome {
  const made: string[] = [];
  let outcome: Outcome | undefined;
  const handle = given ?? orderSaga(made, script, finish);
  withSagaPipeline({ input: Order, handle, ...options }, (world) => {
    play(world);
    world.at(3_000_000, () => {
      const { heard, broker, journal } = world;
      const sent = broker.published.map(({ message: copy }) => copy);
      outcome = {
        made,
        journal: journal('order', 'o-1'),
        settled: heard.flatMap((fact) =>
          fact.type === 'settled' ? [`${fact.settlement} ${fact.code ?? ''}`.trim()] : [],
        ),
        settledAt: heard.flatMap((fact) => (fact.type === 'settled' ? [fact.at] : [])),
        letters: sent.filter(({ routingKey }) => routingKey === 'work.dead'),
        copies: sent.filter(({ routingKey }) => routingKey !== 'work.dead'),
        stuck: heard.filter((fact) => fact.type === 'sagaMoved' && fact.move === 'stuck').length,
      };
      world.drain();
    });
  });
  return outcome ?? expect.fail('it did not end');
}

/** Its one dead letter tells the journal to its last line. */
function expectStuckLetter({ letters, settled, stuck, journal }: Outcome, code: string, step: string): void {
  expect(settled).to.deep.equal([`deadLetter ${code}`]);
  expect(stuck).to.equal(1);
  expect(journal.at(-1)).to.equal(`stuck ${step}`.trim());
  const [letter] = letters;
  expect(letter?.headers).to.deep.include({ 'x-sluice-error-code': code });
  expect(String(letter?.headers['x-sluice-error-details'])).to.match(/: begun[\s\S]*stuck at/);
}

describe('a saga whose message ends before it does', () => {
  describe('by the timeout of its handle', () => {
    it('is stuck where no try is left, says so everywhere, and goes on when its letter is given back', () => {
      const store = new MemoryStore();
      const script = { charge: [hangs, soon] };
      const play = ({ broker }: SagaPipelineWorld): void => broker.deliver(message);
      const outcome = outcomeOf({ script, store, timeout: '10s', play });
      expectStuckLetter(outcome, 'ERR_SAGA_CUT_OFF', 'charge');
      expect(outcome.letters[0]?.headers['x-sluice-error-message']).to.equal(
        'saga "order" o-1 is stuck: its message was given up at step "charge": the handle did not finish within 10000 ms',
      );
      expect(outcome.letters[0]?.headers['x-sluice-error-cause']).to.equal('ERR_HANDLE_TIMEOUT');
      const again = outcomeOf({ store, timeout: '10s', play });
      expect(again.settled).to.deep.equal(['ack']);
      expect(again.made).to.deep.equal(['charge', 'seal', 'parcel']);
    });

    describe('with steps beside each other', () => {
      const begun = saga({ name: 'order', input: Order, apis: {}, id: ({ id }) => id }).step('stock', () => soon);

      for (const [title, steps, words, record] of [
        [
          'was skipped',
          begun.all((together) =>
            together.step('charge', () => hangs).step('wrap', { run: () => soon, when: () => false }),
          ),
          'step "charge"',
          'charge',
        ],
        ['is done', begun.all({ charge: () => hangs, wrap: () => soon }), 'step "charge"', 'charge'],
        ['hangs too', begun.all({ wrap: () => hangs, charge: () => hangs }), 'steps "wrap", "charge"', 'wrap, charge'],
      ] as const) {
        it(`is stuck at what is begun and not done, where the other ${title}`, () => {
          const outcome = outcomeOf({
            handle: steps.returns(() => 'placed'),
            timeout: '10s',
            play: ({ broker }) => broker.deliver(message),
          });
          expectStuckLetter(outcome, 'ERR_SAGA_CUT_OFF', record);
          const { headers } = outcome.letters[0] ?? expect.fail();
          expect(headers['x-sluice-error-message']).to.include(`its message was given up at ${words}: the handle did`);
          expect(headers['x-sluice-error-details']).to.include(`stuck at ${record}: ERR_SAGA_CUT_OFF`);
        });
      }
    });

    describe('in the moment in which it writes down what nobody hears any more', () => {
      /** Stored at once, and told 20 ms later. */
      const toldLate = (): JournalStore => {
        const inner = new MemoryStore();
        return {
          ...forwarded(inner),
          append: (...args) => concat(inner.append(...args), timer(20).pipe(ignoreElements())),
        };
      };
      const play = ({ broker }: SagaPipelineWorld): void => broker.deliver(message);

      it('that it turns back, no undoing of it has failed that was not begun, and it is undone when it is given back', () => {
        const store = toldLate();
        const outcome = outcomeOf({ store, script: { charge: [refused] }, timeout: '1.09s', play });
        expectStuckLetter(outcome, 'ERR_SAGA_CUT_OFF', 'charge');
        expect(outcome.journal.slice(-2)).to.deep.equal(['stepFailed charge', 'stuck charge']);
        expect(outcome.letters[0]?.headers['x-sluice-error-message']).to.include(
          'was given up on the way back, after step "charge" failed: the handle did',
        );
        const again = outcomeOf({ store, timeout: '10s', play });
        expect([again.settled, again.made]).to.deep.equal([['ack'], ['restore']]);
      });

      it('that it is stuck, is as loud as any', () => {
        const script = { charge: [timesOut] };
        const outcome = outcomeOf({ store: toldLate(), script, timeout: '2.09s', play });
        expectStuckLetter(outcome, 'ERR_SAGA_CUT_OFF', 'charge');
        expect(outcome.journal.slice(-2)).to.deep.equal(['stuck charge', 'stuck charge']);
        const details = String(outcome.letters[0]?.headers['x-sluice-error-details']);
        expect(details).to.match(/stuck at charge: ERR_SAGA_IN_DOUBT .*\n.*stuck at charge: ERR_SAGA_CUT_OFF/);
      });

      it('that it is stuck on the way back, is so too, and its undoing does not begin anew', () => {
        const script = { charge: [refused], restore: [timer(1_000).pipe(mergeMap(() => refused))] };
        const outcome = outcomeOf({ store: toldLate(), script, timeout: '2.15s', play });
        expectStuckLetter(outcome, 'ERR_SAGA_CUT_OFF', 'stock');
        expect(outcome.journal.slice(-2)).to.deep.equal(['stuck stock', 'stuck stock']);
        expect(outcome.letters[0]?.headers['x-sluice-error-message']).to.include(
          'was given up on the way back, after step "stock" could not be undone: the handle did',
        );
      });
    });

    it('says nothing while there are tries left', () => {
      const play = ({ broker }: SagaPipelineWorld): void => broker.deliver(message);
      const outcome = outcomeOf({ script: { charge: [hangs] }, retry: TWO_TRIES, timeout: '10s', play });
      expect(outcome.settled).to.deep.equal(['retry ERR_HANDLE_TIMEOUT']);
      expect(outcome.journal.at(-1)).to.equal('stepIntended charge');
    });

    it('says nothing where it was never begun: there is no journal', () => {
      const store = new MemoryStore();
      store.acquire({ space: 'saga', name: 'order', id: 'o-1' }, { owner: 'another', leaseMs: 9_000_000 }).subscribe();
      const play = ({ broker }: SagaPipelineWorld): void => broker.deliver(message);
      const outcome = outcomeOf({ store, timeout: '10s', play });
      expect(outcome.settled).to.deep.equal(['deadLetter ERR_HANDLE_TIMEOUT']);
      expect(outcome.journal).to.deep.equal([]);
    });

    it('counts as a try of the compensation it cut off, which is made again though the message has none left', () => {
      const outcome = outcomeOf({
        script: { charge: [refused], restore: [hangs, soon] },
        retry: TWO_TRIES,
        timeout: '10s',
        play: ({ broker, at }) => {
          broker.deliver(secondTry());
          at(60_000, () => broker.deliver(secondTry()));
        },
      });
      expect(outcome.settled).to.deep.equal(['retry ERR_COMPENSATION_DELAYED', 'ack']);
      expect(outcome.made).to.deep.equal(['deduct', 'charge', 'restore', 'restore']);
      expect(outcome.journal.slice(-5)).to.deep.equal([
        'compensationIntended stock',
        'compensationFailed stock',
        'compensationIntended stock',
        'compensationDone stock',
        'undone',
      ]);
    });

    it('is stuck when the compensation has no try left either', () => {
      const outcome = outcomeOf({
        script: { charge: [refused], restore: [hangs] },
        timeout: '10s',
        play: ({ broker }) => broker.deliver(message),
      });
      expectStuckLetter(outcome, 'ERR_COMPENSATION_FAILED', 'stock');
    });
  });

  describe('by a message that is too late', () => {
    const expiringAt = (atMs: number) => ({ ...message, headers: { 'x-sluice-deadline': atMs } });

    it('is not begun', () => {
      const outcome = outcomeOf({ play: ({ broker, at }) => at(5_000, () => broker.deliver(expiringAt(4_000))) });
      expect(outcome.settled).to.deep.equal(['deadLetter ERR_DEADLINE_EXCEEDED']);
      expect(outcome.made).to.deep.equal([]);
      expect(outcome.journal).to.deep.equal([]);
    });

    it('begins no further step, and is undone', () => {
      const outcome = outcomeOf({ play: ({ broker }) => broker.deliver(expiringAt(500)) });
      expect(outcome.made).to.deep.equal(['deduct', 'restore']);
      expect(outcome.settled).to.deep.equal(['ack']);
      expect(outcome.journal).to.include('stepFailed charge');
      expect(outcome.journal.at(-1)).to.equal('undone');
    });

    it('is undone to the end, however long that takes', () => {
      const outcome = outcomeOf({
        script: { restore: [down, down, soon] },
        retry: { delays: ['1s', '1s', '1s'] } as unknown as typeof TWO_TRIES,
        play: ({ broker, at }) => {
          broker.deliver(expiringAt(500));
          at(60_000, () => broker.deliver(secondTry({ 'x-sluice-deadline': 500 })));
          at(120_000, () => broker.deliver(secondTry({ 'x-sluice-deadline': 500 })));
        },
      });
      expect(outcome.settled).to.deep.equal([
        'retry ERR_COMPENSATION_DELAYED',
        'retry ERR_COMPENSATION_DELAYED',
        'ack',
      ]);
      expect(outcome.copies.map(({ headers }) => headers['x-sluice-deadline'])).to.deep.equal([500, 500]);
      expect(outcome.made).to.deep.equal(['deduct', 'restore', 'restore', 'restore']);
      expect(outcome.journal.at(-1)).to.equal('undone');
    });

    it('repeats a step in doubt to learn what became of it, and then turns back', () => {
      const outcome = outcomeOf({
        script: { charge: [hangs, soon] },
        retry: TWO_TRIES,
        timeout: '10s',
        play: ({ broker, at }) => {
          broker.deliver(expiringAt(5_000));
          at(60_000, () => broker.deliver(secondTry({ 'x-sluice-deadline': 5_000 })));
        },
      });
      expect(outcome.settled).to.deep.equal(['retry ERR_HANDLE_TIMEOUT', 'ack']);
      expect(outcome.made).to.deep.equal(['deduct', 'charge', 'charge', 'refund', 'restore']);
    });

    it('is stuck where a step stays in doubt, tries left or not', () => {
      const outcome = outcomeOf({
        script: { charge: [timesOut] },
        retry: TWO_TRIES,
        play: ({ broker }) => broker.deliver(expiringAt(1_500)),
      });
      expectStuckLetter(outcome, 'ERR_SAGA_IN_DOUBT', 'charge');
      expect(outcome.made).to.deep.equal(['deduct', 'charge']);
    });

    it('goes on after its point of no return', () => {
      const outcome = outcomeOf({ play: ({ broker }) => broker.deliver(expiringAt(3_500)) });
      expect(outcome.made).to.deep.equal(['deduct', 'charge', 'seal', 'parcel']);
      expect(outcome.journal.at(-1)).to.equal('completed');
    });

    it('goes on after its point of no return on all the tries it has', () => {
      const late = { 'x-sluice-deadline': 3_500 };
      const outcome = outcomeOf({
        script: { parcel: [down, down, soon] },
        retry: { delays: ['1s', '1s'] } as unknown as typeof TWO_TRIES,
        play: ({ broker, at }) => {
          broker.deliver(expiringAt(3_500));
          at(60_000, () => broker.deliver(secondTry(late)));
          at(120_000, () => broker.deliver(secondTry({ ...late, 'x-sluice-attempt': 3 })));
        },
      });
      expect(outcome.settled).to.deep.equal(['retry ERR_TRANSIENT', 'retry ERR_TRANSIENT', 'ack']);
      expect(outcome.made).to.deep.equal(['deduct', 'charge', 'seal', 'parcel', 'parcel', 'parcel']);
      expect(outcome.journal.at(-1)).to.equal('completed');
    });

    it('lies in its queue without an expiration before it begins: the broker cannot throw away what was begun', () => {
      const outcome = outcomeOf({
        play: ({ broker }) => broker.deliver({ ...message, properties: { messageId: 'm-1', expiration: '60000' } }),
      });
      expect(outcome.made).to.deep.equal([]);
      expect(outcome.settled).to.deep.equal(['retry']);
      const [copy] = outcome.copies;
      expect(copy).to.deep.include({ exchange: '', routingKey: 'work' });
      expect(copy?.properties.expiration).to.equal(undefined);
      expect(copy?.headers['x-sluice-deadline']).to.equal(60_000);
    });
  });

  describe('by the delivery limit of its queue', () => {
    const lastTime = { ...message, headers: { 'x-delivery-count': 100 } };

    it('is stuck at the last time it is handed over: the broker would tell nobody', () => {
      const store = new MemoryStore();
      outcomeOf({ store, script: { charge: [hangs] }, timeout: '600s', play: begunAndLeft });
      const outcome = outcomeOf({ store, play: ({ broker }) => broker.deliver(lastTime) });
      expectStuckLetter(outcome, 'ERR_SAGA_CUT_OFF', 'charge');
      expect(outcome.letters[0]?.headers['x-sluice-error-cause']).to.equal('ERR_DELIVERY_LIMIT');
      expect(outcome.made).to.deep.equal([]);
    });

    it('is stuck at the step that was being undone', () => {
      const store = new MemoryStore();
      const script = { charge: [refused], restore: [hangs] };
      outcomeOf({ store, script, timeout: '600s', play: begunAndLeft });
      const outcome = outcomeOf({ store, play: ({ broker }) => broker.deliver(lastTime) });
      expectStuckLetter(outcome, 'ERR_SAGA_CUT_OFF', 'stock');
      expect(outcome.letters[0]?.headers['x-sluice-error-message']).to.include(
        'was given up on the way back, as step "stock" was being undone',
      );
    });

    it('is not begun then', () => {
      const outcome = outcomeOf({ play: ({ broker }) => broker.deliver(lastTime) });
      expect(outcome.settled).to.deep.equal(['deadLetter ERR_DELIVERY_LIMIT']);
      expect(outcome.journal).to.deep.equal([]);
    });
  });

  it('is stuck when its author’s own words fail', () => {
    const outcome = outcomeOf({
      finish: () => {
        throw new TypeError('x is undefined');
      },
      play: ({ broker }) => broker.deliver(message),
    });
    expectStuckLetter(outcome, 'ERR_SAGA_CUT_OFF', 'parcel');
    expect(outcome.letters[0]?.headers['x-sluice-error-message']).to.equal(
      'saga "order" o-1 is stuck: its message was given up after step "parcel": x is undefined',
    );
  });

  describe('has said its last word', () => {
    const finish = (): string => {
      throw new TypeError('x is undefined');
    };
    const play = ({ broker }: SagaPipelineWorld): void => broker.deliver(message);

    // The dead letter itself takes a millisecond.
    it('at once, where the journal is let go as its failure is heard', () => {
      expect(outcomeOf({ finish, play }).settledAt).to.deep.equal([4_001]);
      expect(outcomeOf({ script: { charge: [hangs] }, timeout: '10s', play }).settledAt).to.deep.equal([10_001]);
    });

    it('at once, where it fails before anything has taken time', () => {
      const at = of('at once');
      const script = { deduct: [at], charge: [at], seal: [at], parcel: [at] };
      expect(outcomeOf({ script, finish, play }).settledAt).to.deep.equal([1]);
    });

    it('soon, where the store takes its time to let go', () => {
      const inner = new MemoryStore();
      const store: JournalStore = {
        ...forwarded(inner),
        release: (...args) => timer(3).pipe(mergeMap(() => inner.release(...args))),
      };
      const outcome = outcomeOf({ store, finish, play });
      expectStuckLetter(outcome, 'ERR_SAGA_CUT_OFF', 'parcel');
      expect(outcome.settledAt).to.deep.equal([4_006]);
    });
  });

  it('says nothing where another owner runs it: that one has the last word', () => {
    const store = new MemoryStore();
    outcomeOf({ store, script: { charge: [hangs] }, timeout: '600s', play: begunAndLeft });
    const outcome = outcomeOf({
      store,
      timeout: '10s',
      play: ({ broker }) => {
        const other = createJournal(store, { owner: 'another' });
        const held = other.open({ space: 'saga', name: 'order', id: 'o-1' }).subscribe();
        broker.deliver(message);
        timer(2_000_000).subscribe(() => held.unsubscribe());
      },
    });
    expect(outcome.settled).to.deep.equal(['deadLetter ERR_HANDLE_TIMEOUT']);
    expect(outcome.journal.at(-1)).to.equal('stepIntended charge');
  });

  describe('while the journal is away', () => {
    const flaky = () => {
      const inner = new MemoryStore();
      const fate = { isAway: false };
      const through = <T>(command: () => Observable<T>): Observable<T> =>
        defer(() => (fate.isAway ? throwError(() => new JournalUnavailableError('away')) : command()));
      const store: JournalStore = {
        ...forwarded(inner),
        acquire: (...args) => through(() => inner.acquire(...args)),
        append: (...args) => through(() => inner.append(...args)),
        renew: (...args) => through(() => inner.renew(...args)),
        release: (...args) => through(() => inner.release(...args)),
        ping: () => through(() => inner.ping()),
      };
      return { store, fate };
    };

    it('is not dead-lettered before it can be written down: it waits, and goes on', () => {
      const { store, fate } = flaky();
      const outcome = outcomeOf({
        store,
        script: { charge: [hangs, soon] },
        timeout: '10s',
        play: ({ broker, at }) => {
          broker.deliver(message);
          at(5_000, () => {
            fate.isAway = true;
          });
          at(100_000, () => {
            fate.isAway = false;
          });
        },
      });
      expect(outcome.settled).to.deep.equal(['ack']);
      expect(outcome.letters).to.deep.equal([]);
    });

    it('goes back to the broker when the worker drains, on its last try too', () => {
      const { store, fate } = flaky();
      const outcome = outcomeOf({
        store,
        play: ({ broker, at, drain }) => {
          broker.deliver(message);
          at(500, () => {
            fate.isAway = true;
            drain();
          });
          at(5_000, () => {
            fate.isAway = false;
          });
        },
      });
      expect(outcome.settled).to.deep.equal(['returned']);
    });
  });
});

/** Its first step is done, its second begun, when the worker is gone. */
function begunAndLeft({ broker, at }: SagaPipelineWorld): void {
  broker.deliver(message);
  at(5_000, () => broker.loseConnection('the worker is gone'));
}
