import { expectTypeOf } from 'expect-type';
import { type Observable, of, type Subject } from 'rxjs';
import { bulkhead, createBulkhead } from '../../src/operators/bulkhead.ts';
import { gather } from '../../src/operators/gather.ts';
import { gatherSettled, type Settled } from '../../src/operators/gather-settled.ts';
import { inSlots } from '../../src/operators/in-slots.ts';
import { joinByKey } from '../../src/operators/join-by-key.ts';
import { mergeMapByKey } from '../../src/operators/merge-map-by-key.ts';
import { optional } from '../../src/operators/optional.ts';
import { retryWithBackoff } from '../../src/operators/retry-with-backoff.ts';
import { constantBackoff, decorrelatedBackoff, exponentialBackoff } from '../../src/policies/backoff.ts';
import type { MarbleKit } from '../../src/testing/stream-kit.ts';

interface Quote {
  readonly price: number;
}

declare const quote: Observable<Quote>;
declare const name: Promise<string>;
declare const flags: boolean[];
declare const unknown: Observable<unknown>;
declare const numbers: Subject<number>;
declare const cold: MarbleKit['cold'];
declare const hot: MarbleKit['hot'];

// Checked by the compiler; the functions are never called.
describe('the types of operators', () => {
  it('infer the object of a gather from its branches', () => {
    const gathered = () => gather({ quote, name, flags, unknown }, { within: '800ms' });
    expectTypeOf(gathered).returns.toEqualTypeOf<
      Observable<{ readonly quote: Quote; readonly name: string; readonly flags: boolean; readonly unknown: unknown }>
    >();
    // @ts-expect-error a branch is something RxJS can subscribe to
    void (() => gather({ quote: 5 }));
    // @ts-expect-error a duration has a unit RxJS timers know
    void (() => gather({ quote }, { within: '5 parsecs' }));
  });

  it('infer what a gathered record of calls holds', () => {
    const gathered = () => gather(Object.fromEntries([['a', quote]]));
    expectTypeOf(gathered).returns.toEqualTypeOf<Observable<{ readonly [name: string]: Quote }>>();
  });

  it('infer the outcomes of a settled gather, told apart by status', () => {
    const settled = () => gatherSettled({ quote, name }, { within: 800, atLeast: 1 });
    expectTypeOf(settled).returns.toEqualTypeOf<
      Observable<{ readonly quote: Settled<Quote>; readonly name: Settled<string> }>
    >();

    const told = (outcome: Settled<Quote>): number | Error => {
      // @ts-expect-error a value only when fulfilled
      void outcome.value;
      return outcome.status === 'fulfilled' ? outcome.value.price : outcome.reason;
    };
    expectTypeOf(told).returns.toEqualTypeOf<number | Error>();
  });

  it('carry values through retry and bulkhead unchanged', () => {
    const shared = createBulkhead({ slots: 1, maxQueued: 1 });
    expectTypeOf(() =>
      quote.pipe(bulkhead(shared), retryWithBackoff({ maxAttempts: 2, backoff: constantBackoff(1) })),
    ).returns.toEqualTypeOf<Observable<Quote>>();
    expectTypeOf(() => shared.run(quote)).returns.toEqualTypeOf<Observable<Quote>>();
    const meddle = (): void => {
      // @ts-expect-error the counts belong to the bulkhead
      shared.running = 0;
    };
    void meddle;
  });

  it('take each kind of backoff where a retry wants one', () => {
    const rules = [
      constantBackoff(1),
      exponentialBackoff({ initialMs: 1, maxMs: 2, jitter: 'full' }, Math.random),
      decorrelatedBackoff({ initialMs: 1, maxMs: 2 }, Math.random),
    ];
    for (const backoff of rules) void retryWithBackoff({ maxAttempts: 1, backoff });
    // @ts-expect-error decorrelated is a rule of its own, not a jitter of the exponential one
    void (() => exponentialBackoff({ initialMs: 1, maxMs: 2, jitter: 'decorrelated' }, Math.random));
  });

  it('infer the values of a diagram from what it is given alone, whatever takes it', () => {
    const options = {
      leftKey: (value: string) => value,
      rightKey: (value: string) => value.toLowerCase(),
      within: '1s',
      onUnmatched: () => {},
    } as const;
    const joined = () => joinByKey(cold('-a|'), hot('-A|'), options);
    expectTypeOf(joined).returns.toEqualTypeOf<Observable<readonly [string, string]>>();
    const counted = () =>
      joinByKey(cold('-a|', { a: 1 }), hot<number>('-b|'), { ...options, leftKey: String, rightKey: String });
    expectTypeOf(counted).returns.toEqualTypeOf<Observable<readonly [number, number]>>();
    const gathered = () => gather({ a: cold('--a|'), b: optional(cold('b|'), 'f') });
    expectTypeOf(gathered).returns.toEqualTypeOf<Observable<{ readonly a: string; readonly b: string }>>();
    expectTypeOf(() => cold('-#', undefined, new Error('no'))).returns.toExtend<Observable<string>>();
  });

  it('infer keys, values and results of merging', () => {
    expectTypeOf(() => numbers.pipe(inSlots((value) => of(String(value)), 4))).returns.toEqualTypeOf<
      Observable<string>
    >();
    expectTypeOf(() =>
      numbers.pipe(
        mergeMapByKey(
          (value) => value % 2 === 0,
          () => name,
          { concurrency: 4 },
        ),
      ),
    ).returns.toEqualTypeOf<Observable<string>>();
  });
});
