import { AssertionError } from 'node:assert';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import { asyncScheduler, from, mergeMap, of, tap, timer } from 'rxjs';
import { RetryExhaustedError, TransientError } from '../../src/errors.ts';
import { MarbleSyntaxError } from '../../src/testing/marble-parser.ts';
import { type MarbleKit, marbles } from '../../src/testing/marbles.ts';

/** What a failing marble test prints. */
function failureOf(test: (kit: MarbleKit) => void): AssertionError {
  try {
    marbles(test)();
  } catch (error) {
    if (error instanceof AssertionError) return error;
    throw error;
  }
  throw new Error('the marble test passes');
}

const printedBy = (test: (kit: MarbleKit) => void): string => failureOf(test).message;
const text = (...lines: string[]): string => lines.join('\n');

describe('marbles', () => {
  it(
    'passes when streams and subscriptions are as drawn',
    marbles(({ cold, hot, time, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const source = cold('--a-(bc|)', { a: 1, b: { deep: [2] }, c: 3 });
      const later = hot('-^--d--|');
      expectObservable(source).toBe('--a-(bc|)', { a: 1, b: { deep: [2] }, c: 3 });
      expectObservable(source, '-^--!').toBe('---a', { a: 1 });
      expectObservable(later, '^---!').toBe('---d');
      expectObservable(timer(time('---|'))).toEqual(cold('---(a|)', { a: 0 }));
      expectSubscriptions(source.subscriptions).toBe(['^---!', '-^--!']);
      expectSubscriptions(later.subscriptions).toBe('^---!');
      expectNoTimersLeft();
    }),
  );

  it(
    'subscribes from when to when it is told, for laws that are checked otherwise',
    marbles(({ cold, hot, subscribe, expectSubscriptions, flush }) => {
      const seen: string[] = [];
      const source = cold('--a-#');
      const other = hot('  -x-y-z');
      const note = tap((value: string) => seen.push(value));
      subscribe(source.pipe(note));
      subscribe(other.pipe(note), '--^-!');
      expectSubscriptions(source.subscriptions).toBe('^---!');
      expectSubscriptions(other.subscriptions).toBe('--^-!');
      flush();
      expect(seen, 'a failure that nobody asked about fails no test').to.deep.equal(['a', 'y']);
    }),
  );

  it(
    'has no timers left while what it only subscribes to has not ended',
    marbles(({ subscribe, expectNoTimersLeft }) => {
      subscribe(timer(5_000));
      expectNoTimersLeft();
    }),
  );

  it('refuses a diagram of when to subscribe that it cannot read', () =>
    expect(marbles(({ cold, subscribe }) => subscribe(cold('a'), '-a!'))).to.throw(
      MarbleSyntaxError,
      /^subscribe: a subscription is drawn with/,
    ));

  it(
    'runs the clock of RxJS virtually',
    marbles(({ scheduler, flush }) => {
      const seen: number[] = [];
      timer(86_400_000).subscribe(() => seen.push(asyncScheduler.now(), scheduler.now()));
      flush();
      expect(seen).to.deep.equal([86_400_000, 86_400_000]);
    }),
  );

  for (const [title, stream] of [
    ['an operator', (kit: MarbleKit) => kit.cold('a|').pipe(mergeMap(async (x) => x))],
    ['a stream', () => from(Promise.resolve('a'))],
  ] as const) {
    it(`says of a failure that ${title} waits for a promise`, () => {
      const printed = printedBy((kit) => kit.expectObservable(stream(kit)).toBe('a|'));
      expect(printed).to.match(
        /first difference, at 0 ms\n\nhint: something waits for a promise, and virtual time does not/,
      );
    });
  }

  it('says nothing of promises where nobody waits for one', () =>
    expect(printedBy(({ cold, expectObservable }) => expectObservable(cold('a')).toBe('b'))).not.to.contain('hint'));

  it('lets a promise of a test settle once it is over', async () => {
    let settled: Promise<number> | undefined;
    marbles(() => {
      settled = Promise.resolve(1).then((one) => one + 1);
    })();
    expect(await settled).to.equal(2);
  });

  it('prints expected over actual, aligned in time, with a legend', () => {
    const printed = printedBy(({ cold, expectObservable }) => {
      const source = cold('            -a-(bc|)', { a: 1, b: { id: 2 }, c: 'x' });
      expectObservable(source).toBe('  --a----(bd|)', { a: 1, b: { id: 3 }, d: 4 });
    });
    expect(printed).to.equal(
      text(
        'the stream differs from its diagram',
        '  expected: --a-    ---(bd|)',
        '  actual:   -a-(Ax|)',
        '             ^ first difference, at 1 ms',
        '  a = 1',
        '  b = { id: 3 }',
        '  d = 4',
        '  A = { id: 2 }',
      ),
    );
  });

  it('prints both errors with code, fields and cause', () => {
    const printed = printedBy(({ cold, expectObservable }) => {
      const source = cold(
        '           -#',
        undefined,
        new RetryExhaustedError(3, { cause: new TransientError('reset') }),
      );
      expectObservable(source).toBe(' -#', undefined, new RetryExhaustedError(2, { cause: 'reset' }));
    });
    expect(printed).to.equal(
      text(
        'the stream differs from its diagram',
        '  expected: -#',
        '  actual:   -#',
        '             ^ first difference, at 1 ms',
        `  # expected = RetryExhaustedError [ERR_RETRY_EXHAUSTED]: "gave up after 2 attempts: reset" { isTransient: false, attempts: 2, cause: 'reset' }`,
        `  # actual   = RetryExhaustedError [ERR_RETRY_EXHAUSTED]: "gave up after 3 attempts: reset" { isTransient: true, attempts: 3, cause: TransientError [ERR_TRANSIENT]: "reset" { isTransient: true } }`,
      ),
    );
  });

  it('writes a long silence as a time', () => {
    const printed = printedBy(({ cold, expectObservable }) => {
      expectObservable(cold('a 2s b 699ms c|')).toBe('a 2s b 700ms c|');
    });
    expect(printed).to.equal(
      text(
        'the stream differs from its diagram',
        '  expected: a 2000ms b 699ms -c|',
        '  actual:   a 2000ms b 699ms c|',
        '                             ^ first difference, at 2701 ms',
      ),
    );
  });

  it('prints subscriptions that differ, one over the other', () => {
    const printed = printedBy(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('--|');
      expectObservable(source).toBe('--|');
      expectObservable(source, '-^--!').toBe('---|');
      expectSubscriptions(source.subscriptions).toBe(['^-!', '-^!', '---^']);
    });
    expect(printed).to.equal(
      text(
        'the subscriptions differ from their diagrams',
        '    expected: ^-!',
        '    actual:   ^-!',
        '  > expected: -^!',
        '  > actual:   -^-!',
        '  > expected: ---^',
        '  > actual:   (none)',
      ),
    );
  });

  it('prints what it draws as diagrams that parse to the same', () => {
    const printed = printedBy(({ cold, expectObservable }) => expectObservable(cold('-(ab)-c 50ms (de|)')).toBe('-'));
    const [, , drawn = ''] = printed.split('\n');
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('-(ab)-c 50ms (de|)')).toBe(drawn.replace('  actual:', ''));
    })();
  });

  it('begins the stack of a failure at the diagram', () => {
    const { stack = '' } = failureOf(({ cold, expectObservable }) => expectObservable(cold('-a')).toBe('--a'));
    const [first] = stack.split('\n').filter((line) => line.startsWith('    at '));
    expect(first).to.contain('marbles.spec.ts');
  });

  it('reports all differences of a test at once', () => {
    const printed = printedBy(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-a');
      expectObservable(source).toBe('-b');
      expectSubscriptions(source.subscriptions).toBe([]);
    });
    expect(printed).to.contain('the stream differs').and.to.contain('the subscriptions differ');
  });

  for (const [title, actual, expected] of [
    [
      'cause',
      new RetryExhaustedError(2, { cause: 'a' }),
      Object.assign(new RetryExhaustedError(2, { cause: 'a' }), { cause: 'b' }),
    ],
    [
      'field',
      new RetryExhaustedError(2, { cause: 'a' }),
      Object.assign(new RetryExhaustedError(2, { cause: 'a' }), { attempts: 9 }),
    ],
    ['code', Object.assign(new Error('a'), { code: 'ERR_A' }), Object.assign(new Error('a'), { code: 'ERR_B' })],
    ['class', new TypeError('a'), new RangeError('a')],
    ['name', new Error('a'), Object.assign(new Error('a'), { name: 'OtherError' })],
    ['message', new Error('a'), new Error('b')],
  ] as const) {
    it(`tells errors apart by their ${title}, thrown or inside a value`, () => {
      printedBy(({ cold, expectObservable }) =>
        expectObservable(cold('#', undefined, actual)).toBe('#', undefined, expected),
      );
      printedBy(({ cold, expectObservable }) =>
        expectObservable(cold('a', { a: { reason: actual } })).toBe('a', { a: { reason: expected } }),
      );
      printedBy(({ cold, expectObservable }) =>
        expectObservable(cold('a', { a: new Error('x', { cause: actual }) })).toBe('a', {
          a: new Error('x', { cause: expected }),
        }),
      );
    });
  }

  it('compares values that contain themselves', () => {
    const ring = (value: number): object => {
      const made: Record<string, unknown> = { value };
      return Object.assign(made, { self: made });
    };
    marbles(({ cold, expectObservable }) => expectObservable(cold('a', { a: ring(1) })).toBe('a', { a: ring(1) }))();
    expect(
      printedBy(({ cold, expectObservable }) => expectObservable(cold('a', { a: ring(1) })).toBe('a', { a: ring(2) })),
    ).to.contain('[Circular');
  });

  it('compares maps, dates and buffers by what they hold', () => {
    marbles(({ cold, expectObservable }) =>
      expectObservable(cold('a', { a: [new Map([[1, 2]]), new Date(3), Buffer.from('x')] })).toBe('a', {
        a: [new Map([[1, 2]]), new Date(3), Buffer.from('x')],
      }),
    )();
    printedBy(({ cold, expectObservable }) =>
      expectObservable(cold('a', { a: new Date(3) })).toBe('a', { a: new Date(4) }),
    );
    printedBy(({ cold, expectObservable }) =>
      expectObservable(cold('a', { a: new Map([[1, 2]]) })).toBe('a', { a: new Map([[1, 3]]) }),
    );
  });

  it('finds a timer that was left behind', () => {
    const printed = printedBy(({ cold, expectObservable, expectNoTimersLeft }) => {
      expectObservable(cold('-a-|')).toBe('-a-|');
      timer(5_000).subscribe();
      expectNoTimersLeft();
    });
    expect(printed).to.equal('a timer was left: the last stream ended at 3 ms, but something was still due at 5000 ms');
  });

  it('refuses an async test', () => {
    expect(marbles(async () => {})).to.throw(TypeError, 'async');
  });

  it('refuses a test that is async by a promise of another realm', () => {
    const waiting: () => unknown = () => runInNewContext('(async () => {})()');
    expect(marbles(waiting as () => void)).to.throw(TypeError, 'async');
  });

  it('finds an expectation that expects nothing', () => {
    const printed = printedBy(({ cold, expectObservable, expectSubscriptions }) => {
      expectObservable(of(1));
      expectSubscriptions(cold('-a|').subscriptions);
    });
    expect(printed).to.equal(
      'expectObservable(…) expects nothing yet: add .toBe(diagram) or .toEqual(stream)\n\n' +
        'expectSubscriptions(…) expects nothing yet: add .toBe(diagrams)',
    );
  });

  it('refuses what is expected when the test is over', () => {
    let late = (): void => undefined;
    marbles(({ expectObservable }) => {
      late = () => expectObservable(of(1)).toBe('-');
    })();
    expect(() => late()).to.throw(TypeError, 'the test is over, and what it expects now would be checked by nobody');
  });

  it('passes on what the test throws', () => {
    expect(
      marbles(() => {
        throw new Error('mine');
      }),
    ).to.throw('mine');
    marbles(({ expectObservable }) => expectObservable(of(1)).toBe('(a|)', { a: 1 }))();
  });
});
