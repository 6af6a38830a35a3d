import { expect } from 'chai';
import fc from 'fast-check';
import { concat, defer, EMPTY, finalize, map, NEVER, Observable, of, Subscription, throwError, timer } from 'rxjs';
import { BatchMismatchError, BatchRejectedError, NoValueError } from '../../src/errors.ts';
import { createBatcher } from '../../src/operators/batch.ts';
import { marbles } from '../../src/testing/marbles.ts';
import { documented } from '../support/documented.ts';

const upper = (items: readonly string[]): string[] => items.map((item) => item.toUpperCase());

describe('createBatcher', () => {
  it(
    'sends calls that come close together as one request, and gives each its part',
    documented('batch', ({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft, flush }) => {
      const sent: string[] = [];
      const answer = cold<unknown>('  --(r|)    ');
      const batcher = createBatcher({
        maxSize: 9,
        maxWait: 4,
        request: (items: readonly string[]) => {
          sent.push(items.join(''));
          return answer.pipe(map(() => upper(items)));
        },
      });
      const first = '                 ^         ';
      const second = '                --^       ';
      const expected = '              ------(A|)';
      const expectedSecond = '        ------(B|)';

      expectObservable(batcher.run('a'), first).toBe(expected);
      expectObservable(batcher.run('b'), second).toBe(expectedSecond);
      expectSubscriptions(answer.subscriptions).toBe('----^-!');
      expectNoTimersLeft();
      flush();
      expect(sent).to.deep.equal(['ab']);
    }),
  );

  it(
    'sends a full batch at once, and begins the next',
    marbles(({ expectObservable, expectNoTimersLeft, flush }) => {
      const sizes: number[] = [];
      const request = (items: readonly string[]): Observable<string[]> => timer(1).pipe(map(() => upper(items)));
      const batcher = createBatcher({ maxSize: 2, maxWait: 5, request, onBatch: (items) => sizes.push(items) });
      for (const item of 'ab') expectObservable(batcher.run(item)).toBe(`-(${item.toUpperCase()}|)`);
      expectObservable(batcher.run('c')).toBe('------(C|)');
      expectNoTimersLeft();
      flush();
      expect(sizes).to.deep.equal([2, 1]);
    }),
  );

  it(
    'gives a caller its own error, and the others their results',
    marbles(({ expectObservable }) => {
      const missing = new Error('no such item');
      const batcher = createBatcher({
        maxSize: 3,
        maxWait: 1,
        request: (items: readonly string[]) => of(items.map((item) => (item === 'b' ? missing : item))),
      });
      expectObservable(batcher.run('a')).toBe('(a|)');
      expectObservable(batcher.run('b')).toBe('#', undefined, missing);
      expectObservable(batcher.run('c')).toBe('(c|)');
    }),
  );

  it(
    'fails all with the request, and with what it throws',
    marbles(({ expectObservable }) => {
      const thrown = new TypeError('thrown');
      const failing = createBatcher({ maxSize: 2, maxWait: 1, request: () => throwError(() => 'down') });
      const throwing = createBatcher<string, string>({
        maxSize: 2,
        maxWait: 1,
        request: () => {
          throw thrown;
        },
      });
      const deaf = createBatcher<string, string>({
        maxSize: 1,
        maxWait: 1,
        request: () => EMPTY,
        onBatch: () => {
          throw thrown;
        },
      });
      for (const item of 'ab') {
        expectObservable(failing.run(item)).toBe('#', undefined, 'down');
        expectObservable(throwing.run(item)).toBe('#', undefined, thrown);
        expectObservable(deaf.run(item)).toBe('#', undefined, thrown);
      }
    }),
  );

  it(
    'fails all when there is not one result for each',
    marbles(({ expectObservable }) => {
      const answering = (answer: Observable<unknown>): Observable<unknown> =>
        createBatcher<string, unknown>({
          maxSize: 1,
          maxWait: 1,
          request: () => answer as Observable<readonly unknown[]>,
        }).run('a');
      expectObservable(answering(of([]))).toBe('#', undefined, new BatchMismatchError(1, 0));
      expectObservable(answering(of(['a', 'b']))).toBe('#', undefined, new BatchMismatchError(1, 2));
      expectObservable(answering(of({ length: 1 }))).toBe('#', undefined, new BatchMismatchError(1, undefined));
      expectObservable(answering(EMPTY)).toBe('#', undefined, new NoValueError('the batch ended without a value'));
    }),
  );

  it(
    'waits for a request that never ends, and takes its last value',
    marbles(({ expectObservable }) => {
      const batcher = createBatcher({ maxSize: 1, maxWait: 1, request: () => NEVER });
      expectObservable(batcher.run('a')).toBe('-');
      const twice = createBatcher({ maxSize: 1, maxWait: 1, request: () => of(['early'], ['a']) });
      expectObservable(twice.run('x')).toBe('(a|)');
    }),
  );

  it(
    'leaves out who has left before the batch is sent, and sends nothing when all have',
    marbles(({ expectObservable, expectNoTimersLeft, flush }) => {
      const sent: string[] = [];
      const request = (items: readonly string[]): Observable<string[]> => {
        sent.push(items.join(''));
        return of(upper(items));
      };
      const batcher = createBatcher({ maxSize: 9, maxWait: 4, request });
      expectObservable(batcher.run('a'), '^--!').toBe('     -');
      expectObservable(batcher.run('b'), '-^').toBe('      ----(B|)');
      expectObservable(batcher.run('c'), '7ms ^--!').toBe(' -');
      expectObservable(batcher.run('d'), '12ms ^').toBe('  16ms (D|)');
      expectNoTimersLeft();
      flush();
      expect(sent).to.deep.equal(['b', 'd']);
      expect(batcher.pending).to.equal(0);
    }),
  );

  it(
    'ends the request when the last of its callers has left',
    marbles(({ cold, expectObservable, expectSubscriptions, expectNoTimersLeft }) => {
      const answer = cold<string[]>('------(r|)', { r: ['A', 'B'] });
      const batcher = createBatcher({ maxSize: 2, maxWait: 9, request: () => answer });
      expectObservable(batcher.run('a'), '^-!').toBe('-');
      expectObservable(batcher.run('b'), '^--!').toBe('-');
      expectObservable(batcher.run('c'), '----^-!').toBe('-');
      expectObservable(batcher.run('d'), '----^').toBe('----------(B|)');
      expectSubscriptions(answer.subscriptions).toBe(['^--!', '----^-----!']);
      expectNoTimersLeft();
    }),
  );

  it(
    'rejects when it holds as many callers as it may',
    marbles(({ expectObservable, flush }) => {
      const request = (items: readonly string[]): Observable<string[]> => timer(3).pipe(map(() => upper(items)));
      const batcher = createBatcher({ maxSize: 1, maxWait: 0, maxPending: 2, request });
      const rejected = new BatchRejectedError('2 callers wait already');
      expectObservable(batcher.run('a')).toBe('         ---(A|)');
      expectObservable(batcher.run('b'), '-^').toBe('  ----(B|)');
      expectObservable(batcher.run('c'), '--^').toBe(' --#', undefined, rejected);
      expectObservable(batcher.run('d'), '----^').toBe('-------(D|)');
      flush();
      expect(batcher.pending).to.equal(0);
    }),
  );

  it(
    'is open for whoever asks again in answer, and has a place for it',
    marbles(({ expectObservable }) => {
      const request = (items: readonly string[]): Observable<string[]> => timer(1).pipe(map(() => upper(items)));
      const batcher = createBatcher({ maxSize: 1, maxWait: 0, maxPending: 1, request });
      expectObservable(concat(batcher.run('a'), batcher.run('b'))).toBe('-A(B|)');
      const failing = createBatcher({ maxSize: 1, maxWait: 0, maxPending: 1, request: () => throwError(() => 'down') });
      const again = new Observable((sink) => {
        failing.run('a').subscribe({ error: () => failing.run('a').subscribe(sink) });
      });
      expectObservable(again).toBe('#', undefined, 'down');
      const onAnswer = new Observable((sink) => {
        batcher.run('a').subscribe(() => batcher.run('b').subscribe(sink));
      });
      expectObservable(onAnswer, '---^').toBe('-----(B|)');
    }),
  );

  it('lets a request make a call of its own', () => {
    const seen: string[] = [];
    const batcher = createBatcher({
      maxSize: 1,
      maxWait: 0,
      request: (items: readonly string[]): Observable<string[]> =>
        items[0] === 'inner' ? of(upper(items)) : batcher.run('inner').pipe(map((result) => [`outer ${result}`])),
    });
    batcher.run('outer').subscribe((value) => seen.push(value));
    expect(seen).to.deep.equal(['outer INNER']);
  });

  it(
    'takes its item anew for each subscriber, and again',
    marbles(({ expectObservable, flush }) => {
      const sizes: number[] = [];
      const request = (items: readonly string[]): Observable<string[]> => of(upper(items));
      const batcher = createBatcher({ maxSize: 9, maxWait: 1, request, onBatch: (items) => sizes.push(items) });
      const result = batcher.run('a');
      expectObservable(result).toBe('-(A|)');
      expectObservable(result).toBe('-(A|)');
      expectObservable(concat(result, result), '--^').toBe('---A(A|)');
      flush();
      expect(sizes).to.deep.equal([2, 1, 1]);
    }),
  );

  it(
    'lets one caller end another while results are given out',
    marbles(({ flush }) => {
      const batcher = createBatcher({
        maxSize: 9,
        maxWait: 1,
        request: (items: readonly string[]) => of(upper(items)),
      });
      const seen: string[] = [];
      const others = new Subscription();
      batcher.run('a').subscribe((value) => {
        seen.push(value);
        others.unsubscribe();
      });
      others.add(batcher.run('b').subscribe((value) => seen.push(value)));
      flush();
      expect(seen).to.deep.equal(['A']);
      expect(batcher.pending).to.equal(0);
    }),
  );

  it('refuses options out of their range, by name', () => {
    const options = { maxSize: 1, maxWait: 1, request: () => EMPTY };
    expect(() => createBatcher({ ...options, maxSize: 0 })).to.throw(RangeError, 'maxSize');
    expect(() => createBatcher({ ...options, maxWait: -1 })).to.throw(RangeError, 'maxWait');
    expect(() => createBatcher({ ...options, maxPending: 0 })).to.throw(RangeError, 'maxPending');
    const misspelt = { ...options, maxpending: 5 };
    expect(() => createBatcher(misspelt)).to.throw(
      RangeError,
      'createBatcher: no option "maxpending", only maxSize, maxWait, request, maxPending, onBatch',
    );
  });

  it('answers each caller with its own part, never sends more than fits, and holds nothing in the end', () => {
    const call = fc.record({
      at: fc.nat({ max: 15 }),
      leavesAfter: fc.option(fc.nat({ max: 8 }), { nil: 99 }),
    });
    fc.assert(
      fc.property(
        fc.array(call, { maxLength: 20 }),
        fc.integer({ min: 1, max: 4 }),
        fc.nat({ max: 5 }),
        fc.nat({ max: 3 }),
        (calls, maxSize, maxWait, takesMs) => {
          let open = 0;
          let largest = 0;
          const answers: (readonly [number, string])[] = [];
          marbles(({ expectNoTimersLeft, flush, subscribe }) => {
            const batcher = createBatcher({
              maxSize,
              maxWait,
              request: (items: readonly number[]) =>
                defer(() => {
                  open++;
                  largest = Math.max(largest, items.length);
                  return timer(takesMs).pipe(
                    map(() => items.map((item) => `answer to ${item}`)),
                    finalize(() => open--),
                  );
                }),
            });
            calls.forEach(({ at, leavesAfter }, index) => {
              const result = batcher.run(index).pipe(
                map((answer) => {
                  answers.push([index, answer]);
                  return answer;
                }),
              );
              subscribe(result, `${'-'.repeat(at)}^${'-'.repeat(leavesAfter)}!`);
            });
            expectNoTimersLeft();
            flush();
            expect(batcher.pending).to.equal(0);
          })();
          expect(open).to.equal(0);
          expect(largest).to.be.at.most(maxSize);
          for (const [index, answer] of answers) expect(answer).to.equal(`answer to ${index}`);
          const patient = calls.flatMap(({ leavesAfter }, index) => (leavesAfter === 99 ? [index] : []));
          expect(answers.map(([index]) => index)).to.include.members(patient);
        },
      ),
      { numRuns: 300 },
    );
  });
});
