import { expect } from 'chai';
import fc from 'fast-check';
import { catchError, concat, EMPTY, NEVER, Observable, range, Subject, take, tap, throwError, timer } from 'rxjs';
import { BulkheadRejectedError, PermanentError, ThrottledError, TransientError } from '../../src/errors.ts';
import {
  type ClientThrottle,
  type ClientThrottleOptions,
  clientThrottle,
  createClientThrottle,
} from '../../src/operators/client-throttle.ts';
import type { Random } from '../../src/policies/random.ts';
import { marbles } from '../../src/testing/marbles.ts';
import { documented } from '../support/documented.ts';
import { seededRandom } from '../support/seeded-random.ts';

const down = new TransientError('down');
const gone = new PermanentError('gone');
/** The formula and nothing else, over 20 ms. */
const plain: ClientThrottleOptions = { window: 20, minimumRequests: 0, maxRejectRatio: 1 };
/** Turned away at any chance at all, and at none. */
const unlucky: Random = () => 0;
const lucky: Random = () => 1 - 2 ** -53;

const drawing = (...draws: readonly number[]): Random => {
  const left = [...draws];
  return () => {
    const drawn = left.shift();
    if (drawn === undefined) throw new Error('drawn too often');
    return drawn;
  };
};
const turnedAway = (percent: string, ratio: number): ThrottledError =>
  new ThrottledError(`turned away: ${percent} % of calls are`, ratio);
const refuse = (shared: ClientThrottle, times: number): void => {
  range(0, times).subscribe(() => {
    shared.run(throwError(() => down)).subscribe({ error: () => {} });
  });
};

describe('clientThrottle', () => {
  it(
    'mirrors the source and counts whether it was accepted; or fails at once, by chance, without subscribing to it',
    documented('client-throttle', ({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const shared = createClientThrottle(plain, drawing(0.4, 0.7));
      const refused = cold('-#          ', undefined, down);
      const healthy = cold('-a|         ');
      const first = '       -#          ';
      const rejected = '    --#         ';
      const accepted = '    ----a|      ';

      // One request, none accepted: half are turned away, and 0.4 is one of them. Two requests: 2 of 3 are, and 0.7 is not.
      expectObservable(refused.pipe(clientThrottle(shared)), '^').toBe(first, undefined, down);
      expectObservable(healthy.pipe(clientThrottle(shared)), '--^').toBe(rejected, undefined, turnedAway('50.0', 0.5));
      expectObservable(healthy.pipe(clientThrottle(shared)), '---^').toBe(accepted);
      expectSubscriptions(refused.subscriptions).toBe('^!          ');
      expectSubscriptions(healthy.subscriptions).toBe('---^-!      ');
      expectNoTimersLeft();
    }),
  );

  it('turns away the draws below its share, which grows with each', () => {
    const shared = createClientThrottle(plain, drawing(0.49, 0.6, 0.75));
    const outcomes: unknown[] = [];
    refuse(shared, 1);
    for (let call = 0; call < 3; call++)
      shared.run(EMPTY).subscribe({
        error: (error: ThrottledError) => outcomes.push(error.rejectRatio),
        complete: () => outcomes.push('through'),
      });
    expect(outcomes).to.deep.equal([1 / 2, 2 / 3, 'through']);
  });

  it(
    'lets all through again when the window has forgotten the refusals',
    marbles(({ cold, expectObservable }) => {
      const shared = createClientThrottle(plain, unlucky);
      refuse(shared, 1);
      expectObservable(shared.run(cold('|')), '19ms ^').toBe('19ms #', undefined, turnedAway('50.0', 0.5));
      expectObservable(shared.run(cold('|')), '39ms ^').toBe('39ms |');
    }),
  );

  it(
    'says which share it turns away, and reports each call it does',
    marbles(({ cold, expectObservable, flush }) => {
      const reported: number[] = [];
      const shared = createClientThrottle({ ...plain, onReject: (ratio) => reported.push(ratio) }, unlucky);
      expect(shared.rejectRatio).to.equal(0);
      refuse(shared, 1);
      expect(shared.rejectRatio).to.equal(0.5);
      expectObservable(shared.run(cold('-|'))).toBe('#', undefined, turnedAway('50.0', 0.5));
      flush();
      expect(shared.rejectRatio).to.equal(2 / 3);
      expect(reported).to.deep.equal([0.5]);
    }),
  );

  it(
    'passes an empty source, and counts it as accepted',
    marbles(({ cold, expectObservable, flush }) => {
      const shared = createClientThrottle(plain, lucky);
      refuse(shared, 1);
      expectObservable(shared.run(cold('--|'))).toBe('--|');
      flush();
      expect(shared.rejectRatio).to.equal(0);
    }),
  );

  it(
    'passes a source that never ends, which is not counted',
    marbles(({ cold, expectObservable, expectSubscriptions, flush }) => {
      const shared = createClientThrottle(plain, unlucky);
      const source = cold('-a--');
      expectObservable(shared.run(source)).toBe('-a--');
      expectObservable(shared.run(source)).toBe('-a--');
      expectSubscriptions(source.subscriptions).toBe(['^---', '^---']);
      flush();
      expect(shared.rejectRatio).to.equal(0);
    }),
  );

  it(
    'passes a failure unchanged, and takes a permanent one for an answer',
    marbles(({ cold, expectObservable, flush }) => {
      const shared = createClientThrottle(plain, lucky);
      expectObservable(shared.run(cold('-a-#', undefined, down))).toBe('-a-#', undefined, down);
      expectObservable(shared.run(cold('-#', undefined, gone))).toBe('-#', undefined, gone);
      flush();
      expect(shared.rejectRatio).to.equal(0);
      refuse(shared, 1);
      expect(shared.rejectRatio).to.equal(1 / 4);
    }),
  );

  it('takes for a refusal what it is told to', () => {
    const shared = createClientThrottle({ ...plain, isRefusal: (cause) => cause === gone }, lucky);
    for (const cause of [gone, down]) shared.run(throwError(() => cause)).subscribe({ error: () => {} });
    expect(shared.rejectRatio).to.equal(0);
    shared.run(throwError(() => gone)).subscribe({ error: () => {} });
    expect(shared.rejectRatio).to.equal(1 / 4);
  });

  it('does not count what was turned away further in: nothing ran', () => {
    const shared = createClientThrottle(plain, unlucky);
    const full = new BulkheadRejectedError('full');
    shared.run(throwError(() => full)).subscribe({ error: () => {} });
    expect(shared.rejectRatio).to.equal(0);
  });

  it(
    'does not count a call that is unsubscribed from',
    marbles(({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft, flush }) => {
      const shared = createClientThrottle(plain, lucky);
      refuse(shared, 1);
      const source = cold('-a--|');
      expectObservable(shared.run(source), '^--!').toBe('-a-');
      expectObservable(shared.run(source).pipe(take(1))).toBe('-(a|)');
      expectSubscriptions(source.subscriptions).toBe(['^--!', '^!']);
      expectNoTimersLeft();
      flush();
      expect(shared.rejectRatio).to.equal(0.5);
    }),
  );

  it(
    'has counted the end of a call when it is passed on',
    marbles(({ cold, expectObservable }) => {
      const shared = createClientThrottle(plain, unlucky);
      const call = shared.run(cold('-#', undefined, down));
      expectObservable(call.pipe(catchError(() => call))).toBe('-#', undefined, turnedAway('50.0', 0.5));
    }),
  );

  for (const option of ['isRefusal', 'onReject'] as const) {
    it(
      `fails with what ${option} throws`,
      marbles(({ cold, expectObservable }) => {
        const thrown = new TypeError(option);
        const throwing = {
          ...plain,
          [option]: () => {
            throw thrown;
          },
        };
        const shared = createClientThrottle(throwing, unlucky);
        if (option === 'onReject') refuse(shared, 1);
        expectObservable(shared.run(cold('#', undefined, down))).toBe('#', undefined, thrown);
      }),
    );
  }

  it(
    'passes what subscribing throws as the failure of the call',
    marbles(({ expectObservable }) => {
      const throwing = new Observable(() => {
        throw new TypeError('sync');
      });
      expectObservable(createClientThrottle(plain, lucky).run(throwing)).toBe('#', undefined, new TypeError('sync'));
    }),
  );

  it(
    'fails with what a teardown throws, and has counted the call',
    marbles(({ flush }) => {
      const shared = createClientThrottle(plain, lucky);
      refuse(shared, 1);
      const broken = new Observable((sink) => {
        const ends = timer(1).subscribe(() => sink.complete());
        return () => {
          ends.unsubscribe();
          throw new Error('teardown');
        };
      });
      const failures: unknown[] = [];
      shared.run(broken).subscribe({ error: (error) => failures.push(error) });
      flush();
      expect(failures[0]).to.have.property('name', 'UnsubscriptionError');
      expect(shared.rejectRatio).to.equal(0);
    }),
  );

  it(
    'serves two subscribers at once, and each again',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-a|');
      const result = source.pipe(clientThrottle(createClientThrottle(plain, unlucky)));
      expectObservable(result).toBe('-a|');
      expectObservable(concat(result, result), '-^').toBe('--a-a|');
      expectSubscriptions(source.subscriptions).toBe(['^-!', '-^-!', '---^-!']);
    }),
  );

  it('lets a value feed its own source', () => {
    const source = new Subject<number>();
    const seen: number[] = [];
    createClientThrottle({}, unlucky)
      .run(source)
      .pipe(tap((value) => value < 3 && source.next(value + 1)))
      .subscribe((value) => seen.push(value));
    source.next(1);
    expect(seen).to.deep.equal([3, 2, 1]);
  });

  it('draws nothing while all that was called was accepted', () => {
    const shared = createClientThrottle(plain, drawing());
    range(0, 100).subscribe(() => {
      shared.run(EMPTY).subscribe();
    });
    shared.run(NEVER).subscribe();
    expect(shared.rejectRatio).to.equal(0);
  });

  it('turns nothing away before ten calls by default, and never more than nine of ten', () => {
    const shared = createClientThrottle({}, lucky);
    refuse(shared, 9);
    expect(shared.rejectRatio).to.equal(0);
    refuse(shared, 1);
    expect(shared.rejectRatio).to.equal(0.9);
    refuse(shared, 1_000);
    expect(shared.rejectRatio).to.equal(0.9);
  });

  for (const [options, message] of [
    [{ window: 0 }, 'window: expected at least 1 ms, got 0 ms'],
    [{ multiplier: 0.9 }, 'multiplier: expected a number of at least 1, got 0.9'],
    [{ multiplier: Number.POSITIVE_INFINITY }, 'multiplier: expected a number of at least 1, got Infinity'],
    [{ minimumRequests: -1 }, 'minimumRequests: expected an integer of at least 0, got -1'],
    [{ maxRejectRatio: 0 }, 'maxRejectRatio: expected a number above 0, at most 1, got 0'],
    [{ maxRejectRatio: 90 }, 'maxRejectRatio: expected a number above 0, at most 1, got 90'],
  ] as const) {
    it(`refuses ${JSON.stringify(options)}`, () => {
      expect(() => createClientThrottle(options, lucky)).to.throw(RangeError, message);
    });
  }

  it('ends every subscription, and turns away only what it says it does', () => {
    const job = fc.record({
      at: fc.nat({ max: 40 }),
      takesMs: fc.nat({ max: 6 }),
      fails: fc.boolean(),
      leavesAt: fc.nat({ max: 20 }),
    });
    fc.assert(
      fc.property(fc.array(job, { maxLength: 40 }), fc.nat(), (jobs, seed) => {
        let [open, subscribed, rejected] = [0, 0, 0];
        const shared = createClientThrottle({ ...plain, onReject: () => rejected++ }, seededRandom(seed));
        const work = (takesMs: number, fails: boolean): Observable<unknown> =>
          new Observable((sink) => {
            open++;
            subscribed++;
            concat(timer(takesMs), fails ? throwError(() => down) : EMPTY).subscribe(sink);
            return () => open--;
          });
        marbles(({ expectNoTimersLeft, subscribe }) => {
          for (const { at, takesMs, fails, leavesAt } of jobs)
            subscribe(shared.run(work(takesMs, fails)), `${'-'.repeat(at)}^${'-'.repeat(leavesAt)}!`);
          expectNoTimersLeft();
        })();
        expect(open).to.equal(0);
        expect(subscribed + rejected).to.equal(jobs.length);
      }),
    );
  });
});
