import { expect } from 'chai';
import fc from 'fast-check';
import { asyncScheduler, Observable, Subscription, timer } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import sinon from 'sinon';
import { TimeLimits } from '../../src/operators/time-limits.ts';
import { marbles } from '../../src/testing/marbles.ts';

/** Emits when it is cut off, and ends. */
const underLimit = (limits: TimeLimits, value: string, limitMs: number): Observable<string> =>
  new Observable((sink) => {
    const cutOff = (): void => {
      sink.next(value);
      sink.complete();
    };
    return limits.start({ cutOff }, limitMs, asyncScheduler.now());
  });

/** How often a timer is set while `run` goes on. */
function timersSetIn(run: () => void): number {
  const schedule = asyncScheduler.schedule;
  let count = 0;
  asyncScheduler.schedule = function counted(this: typeof asyncScheduler, ...args: Parameters<typeof schedule>) {
    count++;
    return schedule.apply(this, args);
  } as typeof schedule;
  try {
    run();
  } finally {
    asyncScheduler.schedule = schedule;
  }
  return count;
}

describe('TimeLimits', () => {
  it(
    'cuts each off when its own time is over, whatever others have',
    marbles(({ cold, expectObservable, expectNoTimersLeft }) => {
      const limits = new TimeLimits();
      const starts = cold('a-b--c|');
      const cut = new Observable<string>((sink) => {
        const lengths: Readonly<Record<string, number>> = { a: 6, b: 2, c: 3 };
        sink.add(
          starts.subscribe((name) =>
            sink.add(underLimit(limits, name, lengths[name] ?? 0).subscribe((end) => sink.next(end))),
          ),
        );
      });

      expectObservable(cut, '^--------------!').toBe('----b-a-c');
      expectNoTimersLeft();
    }),
  );

  it(
    'cuts all of one length and millisecond off in the order they began, and no one that has ended',
    marbles(({ expectObservable, expectNoTimersLeft }) => {
      const limits = new TimeLimits();
      const cut = new Observable<string>((sink) => {
        for (const name of ['a', 'b', 'c'])
          sink.add(underLimit(limits, name, 5).subscribe({ next: (end) => sink.next(end) }));
        const ended = underLimit(limits, 'x', 5).subscribe((end) => sink.next(end));
        sink.add(timer(3).subscribe(() => ended.unsubscribe()));
      });

      expectObservable(cut, '^---------!').toBe('-----(abc)');
      expectNoTimersLeft();
    }),
  );

  it(
    'takes what comes exactly at the limit for in time, also of those that joined later',
    marbles(({ expectObservable }) => {
      const limits = new TimeLimits();
      const outcomes = new Observable<string>((sink) => {
        for (const name of ['a', 'b']) {
          let isOver = false;
          const end = (outcome: string): void => {
            if (!isOver) sink.next(name + outcome);
            isOver = true;
          };
          timer(4).subscribe(() => end('!'));
          sink.add(limits.start({ cutOff: () => end('?') }, 4, asyncScheduler.now()));
        }
      });

      expectObservable(outcomes, '^-------!').toBe('----(AB)', { A: 'a!', B: 'b!' });
    }),
  );

  it(
    'leaves no timer behind when the last has ended',
    marbles(({ expectObservable, expectNoTimersLeft }) => {
      const limits = new TimeLimits();
      const both = new Observable<never>((sink) => {
        sink.add(underLimit(limits, 'a', 50).subscribe());
        sink.add(underLimit(limits, 'b', 50).subscribe());
      });

      expectObservable(both, '^-!').toBe('---');
      expectNoTimersLeft();
    }),
  );

  it('sets one timer for all that begin within 16 ms, and another once none of them runs', () => {
    const limits = new TimeLimits();
    const started: { unsubscribe(): void }[] = [];
    const startAt = (...moments: readonly number[]): void => {
      for (const nowMs of moments) started.push(limits.start({ cutOff: () => {} }, 60_000, nowMs));
    };

    const forMany = timersSetIn(() => startAt(1_000, 1_000, 1_007, 1_015));
    const forLater = timersSetIn(() => startAt(1_016));
    const forClocksThatAreSet = timersSetIn(() => startAt(1_010, 900_000, 1_010));
    for (const limit of started) limit.unsubscribe();
    const forOneMore = timersSetIn(() => limits.start({ cutOff: () => {} }, 60_000, 1_010).unsubscribe());

    expect([forMany, forLater, forClocksThatAreSet, forOneMore]).to.deep.equal([1, 1, 3, 1]);
  });

  it('cuts each off exactly at the end of its own time, whatever shares its timer and has ended before', () => {
    const work = fc.record({
      startsAt: fc.nat({ max: 40 }),
      limitMs: fc.constantFrom(3, 20),
      takesMs: fc.nat({ max: 40 }),
    });
    fc.assert(
      fc.property(fc.array(work, { maxLength: 20 }), (works) => {
        const cut: (readonly [index: number, at: number])[] = [];
        marbles(({ flush }) => {
          const limits = new TimeLimits();
          for (const [index, { startsAt, limitMs, takesMs }] of works.entries()) {
            timer(startsAt).subscribe(() => {
              const limit = new Subscription();
              timer(takesMs).subscribe(() => limit.unsubscribe());
              const cutOff = (): unknown => cut.push([index, asyncScheduler.now()]);
              limit.add(limits.start({ cutOff }, limitMs, asyncScheduler.now()));
            });
          }
          flush();
        })();
        const expected = works.flatMap(({ startsAt, limitMs, takesMs }, index) =>
          takesMs > limitMs ? [[index, startsAt + limitMs] as const] : [],
        );
        expect(new Map(cut)).to.deep.equal(new Map(expected));
        expect(cut).to.have.length(expected.length);
      }),
      { numRuns: 300 },
    );
  });

  it('ends the others when one throws as it is cut off', () => {
    new TestScheduler(() => {}).run(({ flush }) => {
      const limits = new TimeLimits();
      const ended: string[] = [];
      const throwing = (): void => {
        throw new Error('thrown by a');
      };
      for (const cutOff of [throwing, () => ended.push('b'), throwing, () => ended.push('d')])
        limits.start({ cutOff }, 2, asyncScheduler.now());

      expect(flush).to.throw('thrown by a');
      expect(ended).to.deep.equal(['b', 'd']);
    });
  });

  it('ends those that began later when one throws as it is cut off', () => {
    const clock = sinon.useFakeTimers();
    try {
      const limits = new TimeLimits();
      const ended: string[] = [];
      const throwing = (): never => {
        throw new Error('thrown by a');
      };
      limits.start({ cutOff: throwing }, 20, asyncScheduler.now());
      clock.tick(3);
      limits.start({ cutOff: () => ended.push('b') }, 20, asyncScheduler.now());
      expect(() => clock.tick(17)).to.throw('thrown by a');
      clock.tick(2);
      expect(ended).to.deep.equal([]);
      clock.tick(1);
      expect(ended).to.deep.equal(['b']);
    } finally {
      clock.restore();
    }
  });
});
