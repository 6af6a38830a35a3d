import { expect } from 'chai';
import { map, of, timer } from 'rxjs';
import { definePipeline, queue } from 'sluice';
import { ack, advancing, httpError, marbles, message, retry, returned } from 'sluice/testing';
import { createMemoryJournal } from '../../../src/journal/memory-journal.ts';
import { BoundedScheduler } from '../../../src/testing/pipelines/bounded-scheduler.ts';
import { Rehearsal } from '../../../src/testing/pipelines/rehearsal.ts';
import { a, b, failureOf, type Kit, passes, paying, printedBy, Work, working } from './working.ts';

describe('marbles of a pipeline: what is always checked', () => {
  it('is that nothing is in flight', () => {
    const printed = printedBy(
      working(() => of(1)),
      ({ deliver, broker }) => {
        broker.block();
        deliver('a-b', { a, b });
      },
    );
    expect(printed).to.contain(
      '2 messages are still in flight at 2 ms, and nothing is due any more: a (since 0 ms), b (since 2 ms)',
    );
  });

  describe('of a broker that is left unreachable', () => {
    const away = ({ deliver, at, broker, expectSettled }: Kit): void => {
      deliver('       a', { a });
      at('            --x', { x: () => broker.setReachable(false) });
      expectSettled(' --R', { R: returned(a) });
    };
    const slow = working(() => timer(5).pipe(map(() => 1)));

    it('is nothing: it is dialled no more, and time has an end', passes(slow, away));
    it(
      'is nothing, by the clock',
      advancing(slow, async ({ deliver, broker, advance, expectSettled }) => {
        deliver('      a', { a });
        expectSettled('--R', { R: returned(a) });
        await advance('2ms');
        broker.setReachable(false);
      }),
    );
    it(
      'is nothing that keeps it from coming back later in the test',
      passes(slow, (kit) => {
        const { at, broker, flush, scheduler, expectConsuming } = kit;
        away(kit);
        flush();
        expect(scheduler.now()).to.be.below(200);
        const now = scheduler.now();
        at(`${now + 10}ms x`, { x: () => broker.setReachable(true) });
        expectConsuming(`t-f ${now + 107}ms t`);
      }),
    );
    it('is told to a test that fails, of a worker that was never connected', () => {
      const printed = printedBy(slow, ({ deliver, broker, expectSettled }) => {
        broker.setReachable(false);
        deliver('      a', { a });
        expectSettled('-----A', { A: ack(a) });
      });
      expect(printed).to.contain('hint: the broker is unreachable at the end of the test');
    });
    it('is told to a test that fails: what it expects may wait for it', () => {
      const printed = printedBy(slow, (kit) => {
        away(kit);
        kit.expectSettled('--R 104ms A', { R: returned(a), A: ack(a) });
      });
      expect(printed.split('\n').at(-1)).to.equal(
        'hint: the broker is unreachable at the end of the test; what waits for it is done after setReachable(true), which takes up to 100 ms more',
      );
    });
  });

  it('is that no timer is left', () => {
    const printed = printedBy(
      working(() => {
        timer(20_000).subscribe();
        return of(1);
      }),
      ({ deliver }) => deliver('-a', { a }),
    );
    expect(printed).to.equal('a timer was left: nothing happened after 1 ms, but something was still due at 20001 ms');
  });

  describe('is not that the broker has nothing to do', () => {
    const leaving = (leftMs: number) =>
      working(({ n }, { apis: { pay: api } }) => {
        timer(leftMs).subscribe();
        return api.post('/pay', { n });
      });
    const stopping = ({ deliver, api, at, worker, expectSettled }: Kit): void => {
      deliver('     a', { a });
      api.pay.on('POST /pay', '#', {}, httpError(503));
      at('         -x', { x: () => worker.stop() });
      expectSettled('R', { R: retry(a, '5s') });
    };

    it('when a message waits there for its next try, and the worker has stopped', passes(paying, stopping));
    it(
      'when a message waits there for its next try, by the clock',
      advancing<'pay'>(paying, async ({ deliver, api, worker, advance, expectSettled }) => {
        deliver('a', { a });
        api.pay.on('POST /pay', '#', {}, httpError(503));
        expectSettled('R', { R: retry(a, '5s') });
        await advance('2ms');
        worker.stop();
      }),
    );
    it(
      'when a message expires there that nobody takes',
      passes(paying, ({ deliver, at, worker, expectSettled }) => {
        at('     x', { x: () => worker.stop() });
        deliver('-a', { a: message(a, { expiration: '10ms' }) });
        expectSettled('');
      }),
    );

    for (const [leftMs, when] of [
      [3_000, 'before'],
      [8_000, 'after'],
    ] as const)
      it(`and a timer that was left is found, which is due ${when} that message`, () => {
        expect(printedBy(leaving(leftMs), stopping)).to.equal(
          `a timer was left: nothing happened after 1 ms, but something was still due at ${leftMs} ms`,
        );
      });
  });

  it('is that time has an end', () => {
    const beating = working(() => {
      timer(0, 3_600_000).subscribe();
      return of(1);
    });
    expect(failureOf(beating, ({ deliver }) => deliver('a', { a })).message).to.equal(
      'virtual time went past 86400000 ms, and something is still due at 90000000 ms; the option within moves the bound',
    );
    expect(failureOf(beating, ({ deliver }) => deliver('a', { a }), { within: '2s' }).message).to.contain(
      'past 2000 ms',
    );
  });

  it('is that time goes on', () => {
    const spinning = working(() => {
      timer(0, 0).subscribe();
      return of(1);
    });
    expect(failureOf(spinning, ({ deliver }) => deliver('-a', { a })).message).to.equal(
      'virtual time stands still at 1 ms: something schedules itself again and again',
    );
  });

  describe('is that the worker started', () => {
    const taking = (name: string, source: ReturnType<typeof queue>) =>
      definePipeline({ name, source, input: Work, handle: () => of(1) });
    const bound = (name: string, type: 'topic' | 'fanout', topology: 'assert' | 'check') =>
      taking(name, queue(name, { bindings: [{ exchange: 'in', key: 'a', type }], topology }));

    for (const [what, pipelines, expected] of [
      [
        'declares what the broker refuses',
        [bound('one', 'topic', 'assert'), bound('other', 'fanout', 'check')],
        /^the worker could not start: exchange "in": .*'topic'.*\n\nthe settlements differ from their diagram/,
      ],
      [
        'has two pipelines that declare a queue otherwise',
        [taking('one', queue('work')), taking('other', queue('work', { deliveryLimit: 5 }))],
        /^the worker could not start: what the pipelines "one", "other" declare does not go together: queue "work": it exists with another x-delivery-limit/,
      ],
    ] as const) {
      it(`and is told first, of one that ${what}`, () => {
        const test = marbles(pipelines, ({ deliver, expectSettled }) => {
          deliver('      a', { a });
          expectSettled('A', { A: ack(a) });
        });
        expect(test).to.throw(Error, expected);
      });

      it(`by the clock too, of one that ${what}`, async () => {
        const test = advancing(pipelines, async ({ deliver, advance, expectSettled }) => {
          deliver('      a', { a });
          expectSettled('A', { A: ack(a) });
          await advance('1s');
        });
        const failure = await test().catch((error: unknown) => error);
        expect(failure).to.be.instanceOf(Error).with.property('message').that.matches(expected);
      });
    }

    it('and that it goes on', () => {
      const scheduler = new BoundedScheduler(86_400_000);
      const failure = scheduler.run(() => {
        const rehearsal = new Rehearsal({
          pipelines: [paying],
          journal: () => createMemoryJournal(),
          random: () => 0.5,
        });
        expect(rehearsal.failure).to.equal(undefined);
        rehearsal.at(1, () => rehearsal.worker.fail(new Error('broken')));
        scheduler.runToEnd();
        return rehearsal.failure;
      });
      expect(failure).to.equal('the worker could not go on: broken');
    });
  });
});
