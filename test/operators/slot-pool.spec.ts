import { expect } from 'chai';
import fc from 'fast-check';
import { concat, defer, finalize, merge, NEVER, type Observable, of, Subject, throwError, timer } from 'rxjs';
import { BulkheadRejectedError } from '../../src/errors.ts';
import { type Bulkhead, createBulkhead } from '../../src/operators/bulkhead.ts';
import { SlotPool } from '../../src/operators/slot-pool.ts';
import { marbles } from '../../src/testing/marbles.ts';

const unbounded = Number.POSITIVE_INFINITY;

describe('a bulkhead within another', () => {
  it(
    'gives the slots of the wider one in turns to those within it, one source a turn',
    marbles(({ cold, expectObservable }) => {
      const worker = createBulkhead({ slots: 1, maxQueued: 0 });
      const stock = createBulkhead({ slots: 4, maxQueued: unbounded, within: worker });
      const payment = createBulkhead({ slots: 4, maxQueued: unbounded, within: worker });
      const [a, b, c] = [cold('-a|'), cold('-b|'), cold('-c|')];
      const [x, y] = [cold('   -x|'), cold('-y|')];
      const expected = '       -a-b-x-c-y|';
      const all = [stock.run(a), stock.run(b), stock.run(c), payment.run(x), payment.run(y)];
      expectObservable(merge(...all)).toBe(expected);
    }),
  );

  it(
    'keeps no slot of the wider one while it waits for its own',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const worker = createBulkhead({ slots: 2, maxQueued: 0 });
      const slow = createBulkhead({ slots: 1, maxQueued: 1, within: worker });
      const quick = createBulkhead({ slots: 1, maxQueued: 0, within: worker });
      const waiting = cold('-w|');
      expectObservable(slow.run(cold('------|'))).toBe('------|');
      expectObservable(slow.run(waiting)).toBe('        -------w|');
      expectObservable(quick.run(cold('-q|'))).toBe('   -q|');
      expectSubscriptions(waiting.subscriptions).toBe(['------^-!']);
    }),
  );

  it(
    'takes no slot at all when it rejects, and counts its own queue alone',
    marbles(({ cold, expectObservable }) => {
      const worker = createBulkhead({ slots: 1, maxQueued: 0 });
      const inner = createBulkhead({ slots: 1, maxQueued: 1, within: worker });
      expectObservable(worker.run(cold('--|'))).toBe('--|');
      expectObservable(inner.run(cold('-a|'))).toBe('---a|');
      expectObservable(inner.run(cold('-b|'))).toBe('-----b|');
      expectObservable(inner.run(NEVER)).toBe(
        '#',
        undefined,
        new BulkheadRejectedError('all 1 slots and 1 queue slots are taken'),
      );
      expectObservable(worker.run(NEVER), '-^').toBe(
        '-#',
        undefined,
        new BulkheadRejectedError('all 1 slots and 0 queue slots are taken'),
      );
    }),
  );

  it(
    'passes its turn on when those that waited have left, and gives the slot of an unsubscribed source to another',
    marbles(({ cold, expectObservable, expectNoTimersLeft }) => {
      const worker = createBulkhead({ slots: 1, maxQueued: 0 });
      const [one, other] = [1, 2].map(() => createBulkhead({ slots: 1, maxQueued: 1, within: worker }));
      if (one === undefined || other === undefined) throw new Error('two were made');
      expectObservable(one.run(NEVER), '^---!').toBe('-');
      expectObservable(one.run(cold('-w|')), '^-!').toBe('-');
      expectObservable(other.run(cold('-o|'))).toBe('-----o|');
      expectNoTimersLeft();
    }),
  );

  it(
    'does not count those that wait within it towards the queue of the wider one',
    marbles(({ cold, expectObservable, flush, scheduler }) => {
      const worker = createBulkhead({ slots: 1, maxQueued: 1 });
      const inner = createBulkhead({ slots: 1, maxQueued: 1, within: worker });
      const queued: number[][] = [];
      scheduler.schedule(() => queued.push([worker.queued, inner.queued]), 1);
      expectObservable(worker.run(cold('--|'))).toBe('--|');
      expectObservable(inner.run(cold('-a|'))).toBe('---a|');
      expectObservable(worker.run(cold('-b|'))).toBe('-----b|');
      flush();
      expect(queued).to.deep.equal([[1, 1]]);
    }),
  );

  it('runs 10 000 sources that end at once in constant stack', () => {
    const worker = createBulkhead({ slots: 1, maxQueued: 0 });
    const inners = Array.from({ length: 3 }, () => createBulkhead({ slots: 1, maxQueued: unbounded, within: worker }));
    const gate = new Subject<never>();
    let ended = 0;
    inners[0]?.run(gate).subscribe();
    for (let value = 0; value < 10_000; value++) inners[value % 3]?.run(of(value)).subscribe(() => ended++);
    gate.complete();
    expect(ended).to.equal(10_000);
    expect([worker, ...inners].map(({ running, queued }) => [running, queued])).to.deep.equal(Array(4).fill([0, 0]));
  });

  it('keeps every bound, the order in each queue, and ends all, however deep bulkheads stand within each other', () => {
    const job = fc.record({
      at: fc.nat({ max: 6 }),
      takesMs: fc.nat({ max: 5 }),
      fails: fc.boolean(),
      isSync: fc.boolean(),
      pool: fc.nat({ max: 4 }),
      leavesAt: fc.option(fc.nat({ max: 12 }), { nil: 999 }),
    });
    const slots = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 5, maxLength: 5 });
    fc.assert(
      fc.property(fc.array(job, { maxLength: 24 }), slots, (jobs, [a = 1, b = 1, c = 1, d = 1, e = 1]) => {
        // Two within the middle one, which is within the widest beside another.
        const widest = createBulkhead({ slots: a, maxQueued: unbounded });
        const middle = createBulkhead({ slots: b, maxQueued: unbounded, within: widest });
        const pools: Bulkhead[] = [
          widest,
          middle,
          createBulkhead({ slots: c, maxQueued: unbounded, within: middle }),
          createBulkhead({ slots: d, maxQueued: unbounded, within: middle }),
          createBulkhead({ slots: e, maxQueued: unbounded, within: widest }),
        ];
        const arrived: number[][] = pools.map(() => []);
        const started: number[][] = pools.map(() => []);
        let open = 0;
        let isWithinBounds = true;
        let hasIdleSlot = false;
        const work = (index: number, pool: number, takesMs: number, fails: boolean, isSync: boolean) =>
          defer(() => {
            started[pool]?.push(index);
            open++;
            isWithinBounds &&= open === widest.running && pools.every(({ running, slots: most }) => running <= most);
            const end = fails ? throwError(() => 'failed') : of(index);
            return (isSync ? end : concat(timer(takesMs), end)).pipe(finalize(() => open--));
          });
        marbles(({ scheduler, subscribe }) => {
          jobs.forEach(({ at, takesMs, fails, isSync, pool, leavesAt }, index) => {
            const arriving: Observable<unknown> = defer(() => {
              arrived[pool]?.push(index);
              return pools[pool]?.run(work(index, pool, takesMs, fails, isSync)) ?? NEVER;
            });
            subscribe(arriving, `${'-'.repeat(at)}^${'-'.repeat(leavesAt)}!`);
          });
          // Between frames nothing that could run is left waiting.
          for (let frame = 0.5; frame < 60; frame++) {
            scheduler.schedule(() => {
              const roomy = pools.map(({ running, slots: most }) => running < most);
              const [widestHas, middleHas, cHas, dHas, eHas] = roomy;
              const waits = pools.map(({ queued }) => queued > 0);
              hasIdleSlot ||=
                widestHas === true &&
                (waits[0] === true ||
                  (waits[4] === true && eHas === true) ||
                  (middleHas === true &&
                    (waits[1] === true ||
                      (waits[2] === true && cHas === true) ||
                      (waits[3] === true && dHas === true))));
            }, frame);
          }
        })();
        expect(isWithinBounds).to.equal(true);
        expect(hasIdleSlot).to.equal(false);
        expect([open, ...pools.flatMap(({ running, queued }) => [running, queued])]).to.deep.equal(Array(11).fill(0));
        for (const [pool, order] of started.entries())
          expect(order).to.deep.equal(arrived[pool]?.filter((index) => order.includes(index)));
      }),
      { numRuns: 100 },
    );
  });

  it('refuses a bulkhead that is none of ours', () => {
    const foreign: Bulkhead = { slots: 1, maxQueued: 0, running: 0, queued: 0, run: (source) => source };
    expect(() => createBulkhead({ slots: 1, maxQueued: 0, within: foreign })).to.throw(
      TypeError,
      'within: expected a bulkhead made by createBulkhead',
    );
  });
});

describe('SlotPool', () => {
  it(
    'starts what waits when it gets more slots',
    marbles(({ cold, expectObservable, scheduler }) => {
      const pool = new SlotPool(1, unbounded, undefined);
      scheduler.schedule(() => {
        pool.slots = 3;
      }, 2);
      expectObservable(pool.run(cold('-----|'))).toBe('-----|');
      expectObservable(pool.run(cold('-b|'))).toBe('---b|');
      expectObservable(pool.run(cold('-c|'))).toBe('---c|');
      expectObservable(pool.run(cold('-d|'))).toBe('-----d|');
    }),
  );

  it(
    'stops nothing when it gets fewer slots, and starts the next when enough have ended',
    marbles(({ cold, expectObservable, scheduler }) => {
      const pool = new SlotPool(3, 1, undefined);
      scheduler.schedule(() => {
        pool.slots = 1;
      }, 1);
      expectObservable(pool.run(cold('--|'))).toBe('--|');
      expectObservable(pool.run(cold('---|'))).toBe('---|');
      expectObservable(pool.run(cold('----|'))).toBe('----|');
      expectObservable(pool.run(cold('-d|')), '-^').toBe('-----d|');
      expectObservable(pool.run(cold('-e|')), '-^').toBe(
        '-#',
        undefined,
        new BulkheadRejectedError('all 1 slots and 1 queue slots are taken'),
      );
    }),
  );

  it(
    'takes no turn it has no slot for any more',
    marbles(({ cold, expectObservable, scheduler }) => {
      const worker = new SlotPool(2, unbounded, undefined);
      const pool = new SlotPool(2, unbounded, worker);
      scheduler.schedule(() => {
        pool.slots = 1;
      }, 1);
      expectObservable(worker.run(cold('---|'))).toBe('---|');
      expectObservable(pool.run(cold('-----|'))).toBe('-----|');
      expectObservable(pool.run(cold('-b|'))).toBe('   ------b|');
    }),
  );
});
