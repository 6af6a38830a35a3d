import { expect } from 'chai';
import fc from 'fast-check';
import {
  catchError,
  concat,
  defer,
  finalize,
  merge,
  NEVER,
  Observable,
  of,
  range,
  Subject,
  tap,
  throwError,
  timer,
} from 'rxjs';
import { BulkheadRejectedError } from '../../src/errors.ts';
import { bulkhead, createBulkhead } from '../../src/operators/bulkhead.ts';
import { marbles } from '../../src/testing/marbles.ts';
import { documented } from '../support/documented.ts';

const oneSlot = { slots: 1, maxQueued: Number.POSITIVE_INFINITY };
const rejected = (slots: number, maxQueued: number): BulkheadRejectedError =>
  new BulkheadRejectedError(`all ${slots} slots and ${maxQueued} queue slots are taken`);

describe('bulkhead', () => {
  it(
    'runs as many at once as it has slots, the others in the order they came',
    documented('bulkhead', ({ cold, expectObservable, expectSubscriptions }) => {
      const shared = createBulkhead({ slots: 2, maxQueued: 2 });
      const a = cold('        --a|      ');
      const b = cold('        ----b|    ');
      const c = cold('        ---c|     ');
      const d = cold('        --d-|     ');
      const expected = '      --a-b-cd-|';

      expectObservable(merge(shared.run(a), shared.run(b), shared.run(c), shared.run(d))).toBe(expected);
      expectSubscriptions(a.subscriptions).toBe('^--!      ');
      expectSubscriptions(b.subscriptions).toBe('^----!    ');
      expectSubscriptions(c.subscriptions).toBe('---^---!  ');
      expectSubscriptions(d.subscriptions).toBe('-----^---!');
    }),
  );

  it(
    'rejects when all slots and queue slots are taken, and runs nothing',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const shared = createBulkhead({ slots: 1, maxQueued: 1 });
      const [a, b, c] = [cold('--|'), cold('--|'), cold('--|')];
      expectObservable(shared.run(a)).toBe('--|');
      expectObservable(shared.run(b)).toBe('----|');
      expectObservable(shared.run(c)).toBe('#', undefined, rejected(1, 1));
      expectSubscriptions(c.subscriptions).toBe([]);
    }),
  );

  it(
    'says how many run and wait',
    marbles(({ cold, flush }) => {
      const shared = createBulkhead({ slots: 2, maxQueued: 5 });
      const seen: (readonly [number, number])[] = [];
      const look = (): unknown => seen.push([shared.running, shared.queued]);
      const subscriptions = ['--|', '---|', '---|', '---|'].map((diagram) =>
        shared.run(cold(diagram)).subscribe({ complete: look }),
      );
      look();
      subscriptions.at(-1)?.unsubscribe();
      look();
      flush();
      expect(seen).to.deep.equal([
        [2, 2],
        [2, 1],
        [1, 1],
        [1, 0],
        [0, 0],
      ]);
    }),
  );

  it(
    'passes an empty source and frees its slot',
    marbles(({ cold, expectObservable }) => {
      const shared = createBulkhead(oneSlot);
      expectObservable(shared.run(cold('--|'))).toBe('--|');
      expectObservable(shared.run(cold('-a|'))).toBe('---a|');
    }),
  );

  it(
    'keeps the slot of a source that never ends',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const shared = createBulkhead(oneSlot);
      const waiting = cold('-a|');
      expectObservable(shared.run(NEVER)).toBe('-');
      expectObservable(shared.run(waiting)).toBe('-');
      expectSubscriptions(waiting.subscriptions).toBe([]);
    }),
  );

  it(
    'passes a failure unchanged and frees its slot',
    marbles(({ cold, expectObservable }) => {
      const shared = createBulkhead(oneSlot);
      expectObservable(shared.run(cold('--#', undefined, 'down'))).toBe('--#', undefined, 'down');
      expectObservable(shared.run(cold('-a|'))).toBe('---a|');
    }),
  );

  it(
    'passes what subscribing throws and frees its slot',
    marbles(({ cold, expectObservable }) => {
      const shared = createBulkhead(oneSlot);
      const throwing = new Observable(() => {
        throw new TypeError('sync');
      });
      expectObservable(shared.run(cold('-|'))).toBe('-|');
      expectObservable(shared.run(throwing)).toBe('-#', undefined, new TypeError('sync'));
      expectObservable(shared.run(cold('-a|'))).toBe('--a|');
    }),
  );

  it(
    'frees the slot of a source that is unsubscribed',
    marbles(({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const shared = createBulkhead(oneSlot);
      const [running, waiting] = [cold('-----|'), cold('-a|')];
      expectObservable(shared.run(running), '^--!').toBe('---');
      expectObservable(shared.run(waiting)).toBe('    ----a|');
      expectSubscriptions(running.subscriptions).toBe('^--!');
      expectSubscriptions(waiting.subscriptions).toBe('---^-!');
      expectNoTimersLeft();
    }),
  );

  it(
    'takes a source that is unsubscribed while it waits out of the queue',
    marbles(({ cold, expectObservable, expectSubscriptions, subscribe }) => {
      const shared = createBulkhead({ slots: 1, maxQueued: 2 });
      const [first, middle, last, late] = [cold('----|'), cold('-a|'), cold('-b|'), cold('-c|')];
      expectObservable(shared.run(first)).toBe('             ----|');
      subscribe(shared.run(middle), '^-!');
      expectObservable(shared.run(last)).toBe('              -----b|');
      expectObservable(shared.run(late), '---^').toBe('      -------c|');
      expectSubscriptions(middle.subscriptions).toBe([]);
    }),
  );

  it(
    'does not start the waiting members of a fan-out that is unsubscribed',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const shared = createBulkhead(oneSlot);
      const [running, sibling, stranger] = [cold('-----|'), cold('-a|'), cold('-b|')];
      expectObservable(merge(shared.run(running), shared.run(sibling)), '^--!').toBe('---');
      expectObservable(shared.run(stranger)).toBe('----b|');
      expectSubscriptions(sibling.subscriptions).toBe([]);
      expectSubscriptions(stranger.subscriptions).toBe('---^-!');
    }),
  );

  it(
    'does not start the waiting members of a fan-out that fails',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const shared = createBulkhead(oneSlot);
      const [failing, sibling] = [cold('--#'), cold('-a|')];
      expectObservable(merge(shared.run(failing), shared.run(sibling))).toBe('--#');
      expectSubscriptions(sibling.subscriptions).toBe([]);
    }),
  );

  it(
    'has the slot free for whoever subscribes in answer to the end',
    marbles(({ cold, expectObservable }) => {
      const shared = createBulkhead({ slots: 1, maxQueued: 0 });
      const second = shared.run(cold('-b|'));
      expectObservable(concat(shared.run(cold('-a|')), second)).toBe('-a-b|');
      expectObservable(shared.run(cold('-#')).pipe(catchError(() => second)), '-----^').toBe('-------b|');
    }),
  );

  it(
    'keeps its order when a source subscribes again in answer to its end',
    marbles(({ cold, expectObservable }) => {
      const shared = createBulkhead({ slots: 1, maxQueued: 1 });
      expectObservable(concat(shared.run(cold('-a|')), shared.run(cold('-c|')))).toBe('-a---c|');
      expectObservable(shared.run(cold('-b|'))).toBe('---b|');
    }),
  );

  it(
    'runs the same source for each of its subscribers in a slot of its own, again and again',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const shared = createBulkhead(oneSlot);
      const source = cold('-a|');
      const result = source.pipe(bulkhead(shared));
      expectObservable(result).toBe('-a|');
      expectObservable(result).toBe('---a|');
      expectObservable(concat(result, result), '------^').toBe('-------a-a|');
      expectSubscriptions(source.subscriptions).toBe(['^-!', '--^-!', '------^-!', '--------^-!']);
    }),
  );

  it('lets a value feed its own source', () => {
    const source = new Subject<number>();
    const seen: number[] = [];
    const result = createBulkhead(oneSlot)
      .run(source)
      .pipe(tap((value) => value < 3 && source.next(value + 1)));
    result.subscribe((value) => seen.push(value));
    source.next(1);
    expect(seen).to.deep.equal([3, 2, 1]);
  });

  it('runs 10 000 waiting sources that end at once, in order and in constant stack', () => {
    const shared = createBulkhead(oneSlot);
    const gate = new Subject<never>();
    const seen: number[] = [];
    const depths = new Set<number>();
    const source = (value: number): Observable<number> =>
      defer(() => {
        if (value % 2_000 === 1) depths.add((new Error('depth').stack ?? '').split('\n').length);
        return value % 3 === 0 ? throwError(() => value) : of(value);
      });
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 200;
    shared.run(gate).subscribe();
    for (let value = 1; value <= 10_000; value++) {
      shared
        .run(source(value))
        .subscribe({ next: (seenValue) => seen.push(seenValue), error: (failed) => seen.push(failed) });
    }
    expect([shared.running, shared.queued]).to.deep.equal([1, 10_000]);
    gate.complete();
    Error.stackTraceLimit = limit;
    expect(seen).to.deep.equal(Array.from({ length: 10_000 }, (_, index) => index + 1));
    expect(depths.size).to.equal(1);
    expect([shared.running, shared.queued]).to.deep.equal([0, 0]);
  });

  it('forgets 100 000 waiting sources in any order without walking the queue', () => {
    const shared = createBulkhead(oneSlot);
    shared.run(NEVER).subscribe();
    const waiting = Array.from({ length: 100_000 }, () => shared.run(NEVER).subscribe());
    for (const index of waiting.keys()) waiting[(index * 7_919) % waiting.length]?.unsubscribe();
    expect(shared.queued).to.equal(0);
  });

  it(
    'frees the slot and fails when a teardown throws, and the others go on',
    marbles(({ cold, expectObservable, flush }) => {
      const shared = createBulkhead(oneSlot);
      const failures: unknown[] = [];
      const broken = new Observable((sink) => {
        const ends = timer(2).subscribe(() => sink.complete());
        return () => {
          ends.unsubscribe();
          throw new Error('teardown');
        };
      });
      shared.run(broken).subscribe({ error: (error) => failures.push(error) });
      expectObservable(shared.run(cold('-a|'))).toBe('---a|');
      flush();
      expect(failures).to.have.length(1);
      expect(shared.running).to.equal(0);
    }),
  );

  it('has any number of slots when asked for Infinity', () => {
    const shared = createBulkhead({ slots: Number.POSITIVE_INFINITY, maxQueued: 0 });
    range(0, 1_000).subscribe(() => shared.run(NEVER).subscribe());
    expect([shared.running, shared.queued]).to.deep.equal([1_000, 0]);
  });

  it('refuses counts that are none', () => {
    expect(() => createBulkhead({ slots: 0, maxQueued: 0 })).to.throw(
      RangeError,
      'slots: expected an integer of at least 1, got 0',
    );
    expect(() => createBulkhead({ slots: 1.5, maxQueued: 0 })).to.throw(RangeError, 'slots');
    expect(() => createBulkhead({ slots: 1, maxQueued: -1 })).to.throw(
      RangeError,
      'maxQueued: expected an integer of at least 0, got -1',
    );
    expect(() => createBulkhead({ slots: 1, maxQueued: Number.NaN })).to.throw(RangeError, 'maxQueued');
  });

  it('never runs more than its slots at once, starts in order of arrival, and ends every subscription', () => {
    const job = fc.record({
      at: fc.nat({ max: 10 }),
      takesMs: fc.nat({ max: 6 }),
      fails: fc.boolean(),
      isSync: fc.boolean(),
      leavesAt: fc.option(fc.nat({ max: 20 }), { nil: 99 }),
    });
    fc.assert(
      fc.property(
        fc.array(job, { maxLength: 20 }),
        fc.integer({ min: 1, max: 3 }),
        fc.nat({ max: 4 }),
        (jobs, slots, maxQueued) => {
          const shared = createBulkhead({ slots, maxQueued });
          const arrived: number[] = [];
          const started: number[] = [];
          let open = 0;
          let most = 0;
          let mostHeld = 0;
          const work = (index: number, takesMs: number, fails: boolean, isSync: boolean): Observable<unknown> =>
            defer(() => {
              started.push(index);
              most = Math.max(most, ++open);
              const end = fails ? throwError(() => 'failed') : of(index);
              return (isSync ? end : concat(timer(takesMs), end)).pipe(finalize(() => open--));
            });
          marbles(({ subscribe }) => {
            jobs.forEach(({ at, takesMs, fails, isSync, leavesAt }, index) => {
              const arriving = defer(() => {
                arrived.push(index);
                const run = shared.run(work(index, takesMs, fails, isSync));
                const look = new Observable<never>((sink) => {
                  mostHeld = Math.max(mostHeld, shared.running + shared.queued);
                  sink.complete();
                });
                return merge(run, look);
              });
              subscribe(arriving, `${'-'.repeat(at)}^${'-'.repeat(leavesAt)}!`);
            });
          })();
          expect(most).to.be.at.most(slots);
          expect(mostHeld).to.be.at.most(slots + maxQueued);
          expect([open, shared.running, shared.queued]).to.deep.equal([0, 0, 0]);
          expect(started).to.deep.equal(arrived.filter((index) => started.includes(index)));
        },
      ),
      { numRuns: 300 },
    );
  });
});
