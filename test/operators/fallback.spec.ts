import { expect } from 'chai';
import fc from 'fast-check';
import { concat, defer, finalize, NEVER, Observable, of, Subject, take, throwError, timer } from 'rxjs';
import { PermanentError, TransientError } from '../../src/errors.ts';
import { fallbackTo } from '../../src/operators/fallback.ts';
import { marbles } from '../../src/testing/marbles.ts';
import { documented } from '../support/documented.ts';

const down = new TransientError('down');
const refused = new PermanentError('refused');
const always = { when: () => true };

describe('fallbackTo', () => {
  it(
    'mirrors the source; when it fails, goes on with the fallback instead',
    documented('fallback', ({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('   --#       ', undefined, down);
      const fallback = cold('   --x|    ');
      const expected = '      ----x|    ';

      expectObservable(source.pipe(fallbackTo(() => fallback))).toBe(expected);
      expectSubscriptions(source.subscriptions).toBe('  ^-!   ');
      expectSubscriptions(fallback.subscriptions).toBe('--^--!');
    }),
  );

  it(
    'emits a value that is no function, whatever it is',
    marbles(({ cold, expectObservable }) => {
      const values = { x: undefined, y: [1, 2], z: { price: 1 } };
      const source = cold('-#', undefined, down);
      expectObservable(source.pipe(fallbackTo(values.x))).toBe('-(x|)', values);
      expectObservable(source.pipe(fallbackTo(values.y))).toBe('-(y|)', values);
      expectObservable(source.pipe(fallbackTo(values.z))).toBe('-(z|)', values);
    }),
  );

  it(
    'hands the cause to the factory and to the listener',
    marbles(({ cold, expectObservable, flush }) => {
      const heard: unknown[] = [];
      const result = cold('-#', undefined, down).pipe(
        fallbackTo((cause) => [cause], { onFallback: (cause) => heard.push(cause) }),
      );
      expectObservable(result).toBe('-(d|)', { d: down });
      flush();
      expect(heard).to.deep.equal([down]);
    }),
  );

  it(
    'passes permanent causes and mistakes unchanged, unless told otherwise',
    marbles(({ cold, expectObservable }) => {
      const mistake = new TypeError('mistake');
      for (const cause of [refused, mistake, 'text']) {
        const source = cold('-#', undefined, cause);
        expectObservable(source.pipe(fallbackTo('x'))).toBe('-#', undefined, cause);
        expectObservable(source.pipe(fallbackTo('x', { when: (seen) => seen === cause }))).toBe('-(x|)');
      }
      expectObservable(cold('-#', undefined, down).pipe(fallbackTo('x', { when: () => false }))).toBe(
        '-#',
        undefined,
        down,
      );
    }),
  );

  it(
    'passes empty, endless and unfailing sources, and the values before a failure',
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('--|').pipe(fallbackTo('x'))).toBe('--|');
      expectObservable(NEVER.pipe(fallbackTo('x'))).toBe('-');
      expectObservable(cold('-a-b|').pipe(fallbackTo('x'))).toBe('-a-b|');
      expectObservable(cold('-a-#', undefined, down).pipe(fallbackTo('x'))).toBe('-a-(x|)');
    }),
  );

  it(
    'fails with the fallback, and with what an option throws',
    marbles(({ cold, expectObservable }) => {
      const source = cold('-#', undefined, down);
      const thrown = new TypeError('thrown');
      const throwing = (): never => {
        throw thrown;
      };
      expectObservable(source.pipe(fallbackTo(() => throwError(() => 'also down')))).toBe('-#', undefined, 'also down');
      expectObservable(source.pipe(fallbackTo(throwing))).toBe('-#', undefined, thrown);
      expectObservable(source.pipe(fallbackTo('x', { when: throwing }))).toBe('-#', undefined, thrown);
      expectObservable(source.pipe(fallbackTo('x', { onFallback: throwing }))).toBe('-#', undefined, thrown);
    }),
  );

  it(
    'unsubscribes whichever runs',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('--#', undefined, down);
      const fallback = cold('-----x|');
      const result = source.pipe(fallbackTo(() => fallback));
      expectObservable(result, '^!').toBe('-');
      expectObservable(result, '^---!').toBe('----');
      expectSubscriptions(source.subscriptions).toBe(['^!', '^-!']);
      expectSubscriptions(fallback.subscriptions).toBe('--^-!');
    }),
  );

  it('has torn the failed source down before the fallback begins', () => {
    const seen: string[] = [];
    const failing = new Observable<never>((sink) => {
      sink.error(down);
      return () => seen.push('freed');
    });
    failing.pipe(fallbackTo(() => of('x').pipe(finalize(() => seen.push('done'))))).subscribe(() => seen.push('x'));
    expect(seen).to.deep.equal(['freed', 'x', 'done']);
  });

  it('lets a value of the source or of the fallback feed the source', () => {
    const seen: unknown[] = [];
    const source = new Subject<number>();
    source.pipe(fallbackTo(() => of(9), always)).subscribe((value) => {
      seen.push(value);
      if (value === 1) source.next(2);
      if (value === 2) source.error(down);
      if (value === 9) source.next(3);
    });
    source.next(1);
    expect(seen).to.deep.equal([1, 2, 9]);
    expect(source.observed).to.equal(false);
  });

  it(
    'stands in for what subscribing throws',
    marbles(({ expectObservable }) => {
      const throwing = new Observable<string>(() => {
        throw down;
      });
      expectObservable(throwing.pipe(fallbackTo('x'))).toBe('(x|)');
      expectObservable(throwing.pipe(fallbackTo(() => throwing))).toBe('#', undefined, down);
    }),
  );

  it('subscribes to the fallback once for a failure it is for, else never, and ends every subscription', () => {
    const end = fc.constantFrom('completes', 'fails', 'is refused', 'never ends');
    fc.assert(
      fc.property(
        end,
        end,
        fc.nat({ max: 5 }),
        fc.nat({ max: 5 }),
        fc.nat({ max: 15 }),
        (first, second, m, n, leavesAt) => {
          let open = 0;
          const started: string[] = [];
          const stream = (name: string, how: string, takesMs: number): Observable<unknown> =>
            defer(() => {
              started.push(name);
              open++;
              if (how === 'never ends') return NEVER;
              const wait = timer(takesMs);
              return how === 'completes'
                ? wait
                : concat(
                    wait,
                    throwError(() => (how === 'fails' ? down : refused)),
                  );
            }).pipe(finalize(() => open--));
          marbles(({ expectNoTimersLeft, subscribe }) => {
            const result = stream('source', first, m).pipe(fallbackTo(() => stream('fallback', second, n)));
            subscribe(result, `^ ${leavesAt}ms !`);
            expectNoTimersLeft();
          })();
          expect(open).to.equal(0);
          const falls = first === 'fails' && m <= leavesAt;
          expect(started).to.deep.equal(falls ? ['source', 'fallback'] : ['source']);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('lets a fallback be the same stream again', () => {
    const seen: unknown[] = [];
    let failures = 0;
    const failing: Observable<number> = new Observable((sink) => (++failures < 3 ? sink.error(down) : sink.next(7)));
    const again: Observable<number> = failing.pipe(fallbackTo(() => again));
    again.pipe(take(1)).subscribe((value) => seen.push(value));
    expect(seen).to.deep.equal([7]);
  });

  it(
    'falls back for each subscriber, again and again',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-#');
      const result = source.pipe(fallbackTo('x', always));
      expectObservable(result).toBe('-(x|)');
      expectObservable(result).toBe('-(x|)');
      expectObservable(concat(result, result)).toBe('-x(x|)');
      expectSubscriptions(source.subscriptions).toBe(['^!', '^!', '^!', '-^!']);
    }),
  );
});
