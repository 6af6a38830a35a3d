/** Calls in virtual time, over a transport of diagrams. */
import { expect } from 'chai';
import { asyncScheduler, EMPTY, NEVER, Observable, of, throwError, timer } from 'rxjs';
import { catchError, map, mergeMap, tap, toArray } from 'rxjs/operators';
import { TestScheduler } from 'rxjs/testing';
import { isTransient, type RetryExhaustedError, type SluiceError } from '../../src/errors.ts';
import { type Content, createFacts, type Facts } from '../../src/events.ts';
import type { ApiOptions } from '../../src/http/define-api.ts';
import type { TransportResponse } from '../../src/http/transport.ts';
import { clientOf, scopeOf, TRACE } from './call-scope.ts';
import { base, bound, codes, down, inVirtualTime, ok, status, transportOf } from './scripted-transport.ts';

/** 10 ms, 20 ms, 40 ms … */
const steady: ApiOptions = { ...base, retry: { maxAttempts: 3, backoff: { initial: 10, max: 1000, jitter: 'none' } } };

describe('a call', () => {
  describe('and its deadline', () => {
    it(
      'ends a silent attempt after the timeout and aborts it',
      inVirtualTime(({ cold, expectObservable, expectSubscriptions }) => {
        const silent = cold<TransportResponse>('-');
        const { api } = bound({ ...base, timeout: 5, retry: false }, transportOf(silent).transport);
        expectObservable(api.get('/x').pipe(codes)).toBe('-----(c|)', { c: 'ERR_CALL_TIMEOUT' });
        expectSubscriptions(silent.subscriptions).toBe('^----!');
      }),
    );

    it(
      'takes an answer that comes in the last frame before it',
      inVirtualTime(({ cold, expectObservable }) => {
        const { api } = bound(
          { ...base, timeout: 5, retry: false },
          transportOf(cold('----(r|)', { r: ok(1) })).transport,
        );
        expectObservable(api.get('/x')).toBe('----(v|)', { v: 1 });
      }),
    );

    it(
      'counts the wait for a slot',
      inVirtualTime(({ cold, expectObservable, expectSubscriptions }) => {
        const first = cold<TransportResponse>('-');
        const second = cold<TransportResponse>('-');
        const { api } = bound(
          { ...base, timeout: 10, concurrency: 1, retry: false },
          transportOf(first, second).transport,
        );
        expectObservable(api.get('/x').pipe(codes)).toBe('10ms (c|)', { c: 'ERR_CALL_TIMEOUT' });
        expectObservable(
          timer(4).pipe(
            mergeMap(() => api.get('/x')),
            codes,
          ),
        ).toBe('14ms (c|)', { c: 'ERR_CALL_TIMEOUT' });
        expectSubscriptions(second.subscriptions).toBe('10ms ^---!');
      }),
    );

    it(
      'is the timeout of each attempt, anew',
      inVirtualTime(({ cold, expectObservable }) => {
        const { transport, requests } = transportOf(cold('-'), cold('----(r|)', { r: ok(2) }));
        const { api } = bound({ ...steady, timeout: 5 }, transport);
        expectObservable(api.get('/x').pipe(tap(() => expect(requests).to.have.length(2)))).toBe('19ms (v|)', { v: 2 });
      }),
    );

    it(
      'is cut by within and by the deadline of the message, whichever comes first',
      inVirtualTime(({ expectObservable }) => {
        const { api } = bound({ ...base, retry: false }, transportOf(NEVER).transport, { deadlineAt: 30 });
        expectObservable(api.get('/x', { within: 20 }).pipe(codes)).toBe('20ms (c|)', { c: 'ERR_CALL_TIMEOUT' });
        expectObservable(api.get('/x', { within: '1m' }).pipe(codes)).toBe('30ms (c|)', { c: 'ERR_CALL_TIMEOUT' });
      }),
    );

    it(
      'sends nothing when the message has no time left',
      inVirtualTime(({ expectObservable, flush }) => {
        const { transport, requests } = transportOf(of(ok()));
        const { api, seen } = bound(base, transport, { deadlineAt: 0 });
        expectObservable(api.get('/x').pipe(codes)).toBe('(c|)', { c: 'ERR_CALL_TIMEOUT' });
        flush();
        expect(requests).to.deep.equal([]);
        expect(seen).to.deep.equal([]);
      }),
    );
  });

  describe('and its retries', () => {
    it(
      'tries transient failures again after growing pauses',
      inVirtualTime(({ cold, expectObservable, flush }) => {
        const { transport, requests } = transportOf(
          cold('#', undefined, down),
          cold('-(r|)', { r: status(503) }),
          cold('-(r|)', { r: ok('third') }),
        );
        const { api } = bound(steady, transport);
        expectObservable(api.post('/x', { a: 1 })).toBe('32ms (v|)', { v: 'third' });
        flush();
        expect(requests).to.have.length(3);
        expect(new Set(requests.map(({ headers }) => headers['idempotency-key']))).to.have.length(1);
        expect(new Set(requests.map(({ body }) => body))).to.have.length(1);
      }),
    );

    it(
      'gives up after the last attempt, as transient as its cause',
      inVirtualTime(({ expectObservable }) => {
        const { api } = bound(steady, transportOf(throwError(() => down)).transport);
        const facts = catchError((error: RetryExhaustedError) =>
          of([error.code, error.attempts, isTransient(error), (error.cause as SluiceError).code]),
        );
        expectObservable(api.get('/x').pipe(facts)).toBe('30ms (f|)', {
          f: ['ERR_RETRY_EXHAUSTED', 3, true, 'ERR_NETWORK'],
        });
      }),
    );

    for (const [what, answer] of [
      ['a permanent status', of(status(422))],
      ['an invalid answer', of({ ...ok(), body: Buffer.from('{') })],
      ['what an interceptor threw', throwError(() => new TypeError('mistake'))],
    ] as const) {
      it(
        `does not try again: ${what}`,
        inVirtualTime(({ expectObservable, flush }) => {
          const { transport, requests } = transportOf(answer);
          expectObservable(
            bound(steady, transport)
              .api.get('/x')
              .pipe(
                map(() => 'answered'),
                catchError(() => of('failed')),
              ),
          ).toBe('(f|)', { f: 'failed' });
          flush();
          expect(requests).to.have.length(1);
        }),
      );
    }

    it(
      'gives up at once when the next pause does not fit',
      inVirtualTime(({ cold, expectObservable }) => {
        const { api } = bound(
          { ...base, retry: { maxAttempts: 9, backoff: { initial: 20, jitter: 'none' } } },
          transportOf(cold('--#', undefined, down)).transport,
        );
        expectObservable(api.get('/x', { within: 22 }).pipe(codes)).toBe('--(c|)', { c: 'ERR_RETRY_EXHAUSTED' });
      }),
    );

    for (const [asked, pauseMs] of [
      ['1', 1000],
      ['Thu, 01 Jan 1970 00:00:02 GMT', 2000],
      ['0', 10],
      ['99999999999', 3000],
      ['-5', 10],
      ['1e3', 10],
      ['later', 10],
      ['Thu, 01 Jan 1969 00:00:00 GMT', 10],
    ] as const) {
      it(
        `B35, F35: pauses ${pauseMs} ms before a retry when asked for Retry-After: ${asked}`,
        inVirtualTime(({ expectObservable }) => {
          const { transport } = transportOf(of(status(429, { 'retry-after': asked })), of(ok(1)));
          const { api } = bound(
            { ...base, retry: { backoff: { initial: 10, jitter: 'none' }, maxRetryAfter: '3s' } },
            transport,
          );
          expectObservable(api.get('/x')).toBe(`${pauseMs}ms (v|)`, { v: 1 });
        }),
      );
    }

    it(
      'obeys Retry-After up to the longest backoff unless told otherwise',
      inVirtualTime(({ expectObservable }) => {
        const { api } = bound(steady, transportOf(of(status(503, { 'retry-after': '3600' })), of(ok(1))).transport);
        expectObservable(api.get('/x')).toBe('1000ms (v|)', { v: 1 });
      }),
    );

    it(
      'never tries again with retry: false',
      inVirtualTime(({ expectObservable }) => {
        const { api } = bound({ ...base, retry: false }, transportOf(throwError(() => down)).transport);
        expectObservable(api.get('/x').pipe(codes)).toBe('(c|)', { c: 'ERR_NETWORK' });
      }),
    );
  });

  describe('and its slot', () => {
    it(
      'waits for one, in order of arrival, over all messages',
      inVirtualTime(({ cold, expectObservable }) => {
        const client = clientOf({ ...base, concurrency: 2 }, transportOf(cold('--(r|)', { r: ok() })).transport);
        const calls = of('a', 'b', 'c', 'd', 'e').pipe(
          mergeMap((messageId) =>
            client
              .bind(scopeOf({ messageId }))
              .get('/x')
              .pipe(map(() => `${messageId} at ${asyncScheduler.now()}`)),
          ),
          toArray(),
        );
        expectObservable(calls).toBe('------(v|)', { v: ['a at 2', 'b at 2', 'c at 4', 'd at 4', 'e at 6'] });
      }),
    );

    it(
      'is turned away when the queue is full, by name and without a request',
      inVirtualTime(({ expectObservable, flush }) => {
        const { transport, requests } = transportOf(NEVER);
        const { api, seen } = bound({ ...base, concurrency: 1, maxQueued: 1, retry: false }, transport);
        expectObservable(api.get('/x'), '^ 5ms !').toBe('-');
        expectObservable(api.get('/x'), '^ 5ms !').toBe('-');
        expectObservable(api.get('/x').pipe(catchError((error: SluiceError) => of([error.code, error.message])))).toBe(
          '(c|)',
          {
            c: ['ERR_BULKHEAD_REJECTED', 'payment GET /x: all 1 slots and 1 queue slots are taken'],
          },
        );
        flush();
        expect(requests).to.have.length(1);
        expect(seen.filter((fact) => fact.type === 'callEnded').map(({ outcome }) => outcome)).to.deep.equal([
          'rejected',
          'aborted',
          'aborted',
        ]);
      }),
    );

    it(
      'frees it on answer, failure, timeout and unsubscription',
      inVirtualTime(({ cold, expectObservable }) => {
        const { transport } = transportOf(
          of(ok()),
          throwError(() => down),
          cold('-'),
          cold('-'),
          of(ok('last')),
        );
        const { api } = bound({ ...base, concurrency: 1, timeout: 5, retry: false }, transport);
        expectObservable(api.get('/x').pipe(codes)).toBe('(v|)', { v: null });
        expectObservable(api.get('/x').pipe(codes)).toBe('(c|)', { c: 'ERR_NETWORK' });
        expectObservable(api.get('/x').pipe(codes)).toBe('-----(c|)', { c: 'ERR_CALL_TIMEOUT' });
        expectObservable(timer(5).pipe(mergeMap(() => api.get('/x'))), '^------!').toBe('-');
        expectObservable(timer(8).pipe(mergeMap(() => api.get('/x')))).toBe('--------(v|)', { v: 'last' });
      }),
    );
  });

  describe('when it is unsubscribed', () => {
    it('aborts the request and leaves no timer', () => {
      const scheduler = new TestScheduler(() => {});
      scheduler.run(({ cold, flush }) => {
        const silent = cold<TransportResponse>('-');
        const { api, seen } = bound({ ...base, timeout: '1h' }, transportOf(silent).transport);
        const subscription = api.get('/x').subscribe();
        subscription.unsubscribe();
        flush();
        expect(silent.subscriptions).to.have.length(1);
        expect(scheduler.now(), 'no timer was left to run').to.equal(0);
        expect(seen.map((fact) => (fact.type === 'callEnded' ? fact.outcome : fact.type))).to.deep.equal([
          'callStarted',
          'aborted',
        ]);
      });
    });

    it('leaves no timer after an answer, a failure, in a pause and in the queue', () => {
      const scheduler = new TestScheduler(() => {});
      scheduler.run(({ flush }) => {
        const options: ApiOptions = {
          ...base,
          timeout: '1h',
          concurrency: 1,
          retry: { backoff: { initial: '1h', max: '1h', jitter: 'none' } },
        };
        bound(options, transportOf(of(ok())).transport)
          .api.get('/x')
          .subscribe();
        bound(options, transportOf(of(status(400))).transport)
          .api.get('/x')
          .subscribe({ error: () => {} });
        bound(options, transportOf(throwError(() => down)).transport)
          .api.get('/x')
          .subscribe()
          .unsubscribe();
        const { api } = bound(options, transportOf(NEVER).transport);
        const subscriptions = [api.get('/x').subscribe(), api.get('/x').subscribe()];
        for (const subscription of subscriptions.reverse()) subscription.unsubscribe();
        flush();
        expect(scheduler.now()).to.equal(0);
      });
    });
  });

  describe('and a transport that breaks its promise', () => {
    for (const [what, transport] of [
      [
        'throws',
        () => {
          throw new TypeError('broken');
        },
      ],
      [
        'throws when subscribed to',
        () =>
          new Observable<TransportResponse>(() => {
            throw new TypeError('broken');
          }),
      ],
      ['ends without a response', () => EMPTY],
    ] as const) {
      it(`fails, frees its slot and leaves no timer: it ${what}`, () => {
        const scheduler = new TestScheduler(() => {});
        scheduler.run(({ flush }) => {
          const { api, seen } = bound({ ...base, concurrency: 1, maxQueued: 1 }, transport);
          for (let call = 0; call < 3; call++) {
            let failure: unknown;
            api.get('/x').subscribe({
              error: (error: unknown) => {
                failure = error;
              },
            });
            expect(failure).to.be.instanceOf(TypeError);
          }
          flush();
          expect(scheduler.now()).to.equal(0);
          expect(seen.map(({ type }) => type)).to.deep.equal(Array(3).fill(['callStarted', 'callEnded']).flat());
        });
      });
    }
  });

  it(
    'reports each attempt, its end and each retry',
    inVirtualTime(({ cold, expectObservable, flush }) => {
      const { transport } = transportOf(cold('-(r|)', { r: status(503) }), cold('--(r|)', { r: ok() }));
      const { api, seen } = bound(steady, transport);
      expectObservable(api.post('/charge/{id}', { secret: 'x' }, { path: { id: 7 } })).toBe('13ms (v|)', { v: null });
      flush();
      const [{ callId } = { callId: 0 }] = seen.filter((fact) => fact.type === 'callStarted');
      const about = {
        pipeline: 'orders',
        messageId: 'm1',
        correlationId: 'c1',
        traceId: TRACE.slice(3, 35),
        messageAttempt: 1,
        deliveryTag: 1,
        api: 'payment',
        operation: 'POST /charge/{id}',
        callId,
      };
      expect(seen).to.deep.equal([
        { type: 'callStarted', ...about, at: 0, attempt: 1 },
        {
          type: 'callEnded',
          ...about,
          at: 1,
          attempt: 1,
          outcome: 'failed',
          code: 'ERR_HTTP_STATUS',
          status: 503,
          durationMs: 1,
        },
        {
          type: 'callRetried',
          ...about,
          at: 1,
          attempt: 1,
          nextDelayMs: 10,
          code: 'ERR_HTTP_STATUS',
          reason: 'payment POST /charge/{id}: answered 503',
        },
        { type: 'callStarted', ...about, at: 11, attempt: 2 },
        { type: 'callEnded', ...about, at: 13, attempt: 2, outcome: 'ok', status: 200, durationMs: 2 },
      ]);
    }),
  );

  it(
    'tells what was answered, whatever its status, apart from the facts',
    inVirtualTime(({ cold, flush }) => {
      const facts = createFacts();
      const contents: Content[] = [];
      facts.contents.stream.subscribe((content) => contents.push(content));
      const { transport } = transportOf(
        cold('-(r|)', { r: status(503, { 'x-why': 'tired' }) }),
        cold('-(r|)', { r: ok(7) }),
      );
      clientOf(steady, transport, facts).bind(scopeOf()).get('/x').subscribe();
      flush();
      const answers = contents.map((content) => content.type === 'answer' && [content.attempt, content.status]);
      expect(answers).to.deep.equal([
        [1, 503],
        [2, 200],
      ]);
      expect(contents.map(({ headers, body }) => [headers, String(body)])).to.deep.equal([
        [{ 'x-why': 'tired' }, ''],
        [{ 'content-type': 'application/json' }, '7'],
      ]);
    }),
  );

  it(
    'builds no fact and no content that nobody hears',
    inVirtualTime(({ expectObservable }) => {
      const report = () => expect.fail('reported');
      const facts: Facts = { ...createFacts(), report, contents: { ...createFacts().contents, report } };
      const api = clientOf(steady, transportOf(throwError(() => down)).transport, facts).bind(scopeOf());
      expectObservable(api.get('/x').pipe(codes, toArray())).toBe('30ms (c|)', { c: ['ERR_RETRY_EXHAUSTED'] });
    }),
  );
});
