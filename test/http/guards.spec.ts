/** What stands between calls and their API, in virtual time: breaker, throttle, rate limit, budget, hedge, and the time that is told. */
import { expect } from 'chai';
import { asyncScheduler, concat, defer, from, NEVER, of, range, throwError, timer } from 'rxjs';
import { ignoreElements, map, mergeMap, take, tap, toArray } from 'rxjs/operators';
import type { CircuitOpenError } from '../../src/errors.ts';
import type { Fact } from '../../src/events.ts';
import type { ApiAvailability } from '../../src/http/api-client.ts';
import type { ApiOptions } from '../../src/http/define-api.ts';
import type { TransportResponse } from '../../src/http/transport.ts';
import { clientOf, scopeOf } from './call-scope.ts';
import { base, bound, codes, down, inVirtualTime, ok, status, transportOf } from './scripted-transport.ts';

const once: ApiOptions = { ...base, retry: false };
const failing = throwError(() => down);
const typesOf = (seen: readonly Fact[]) => seen.map(({ type }) => type);

describe('an API with a circuit breaker', () => {
  const breaker = { minimumCalls: 4, openFor: 100 } as const;

  it(
    'F32: opens while the API refuses, sends nothing then, and half-open lets one probe through, not all that wait',
    inVirtualTime(({ expectObservable, flush }) => {
      const { transport, requests } = transportOf(
        failing,
        failing,
        failing,
        failing,
        timer(5).pipe(map(() => ok('up'))),
      );
      const { api } = bound({ ...once, breaker }, transport);
      const down4 = range(4).pipe(mergeMap(() => api.get('/x').pipe(codes)));
      expectObservable(down4).toBe('(nnnn|)', { n: 'ERR_NETWORK' });
      expectObservable(api.get('/x').pipe(codes)).toBe('(o|)', { o: 'ERR_CIRCUIT_OPEN' });
      const three = timer(100).pipe(mergeMap(() => range(3).pipe(mergeMap(() => api.get('/x').pipe(codes)))));
      expectObservable(three).toBe('100ms (oo)-(u|)', { o: 'ERR_CIRCUIT_OPEN', u: 'up' });
      flush();
      expect(requests).to.have.length(5);
    }),
  );

  it(
    'is on by default, with half of 20 calls failing',
    inVirtualTime(({ expectObservable, flush }) => {
      const { transport, requests } = transportOf(failing);
      const { api } = bound(once, transport);
      const calls = range(25).pipe(
        mergeMap(() => api.get('/x').pipe(codes)),
        toArray(),
      );
      expectObservable(calls).toBe('(c|)', {
        c: [...Array(20).fill('ERR_NETWORK'), ...Array(5).fill('ERR_CIRCUIT_OPEN')],
      });
      flush();
      expect(requests).to.have.length(20);
    }),
  );

  it(
    'has none with breaker: false',
    inVirtualTime(({ expectObservable, flush }) => {
      const { transport, requests } = transportOf(failing);
      const { api, client } = bound({ ...once, breaker: false }, transport);
      expectObservable(
        range(50).pipe(
          mergeMap(() => api.get('/x').pipe(codes)),
          ignoreElements(),
        ),
      ).toBe('|');
      flush();
      expect(requests).to.have.length(50);
      expect(client.breaker).to.equal(undefined);
    }),
  );

  it(
    'counts calls that were cut off, since an API that hangs fails too',
    inVirtualTime(({ expectObservable, flush }) => {
      const { api, client } = bound({ ...once, timeout: 5, breaker: { consecutiveFailures: 2 } }, () => NEVER);
      const two = range(2).pipe(mergeMap(() => api.get('/x').pipe(codes)));
      expectObservable(two).toBe('-----(tt|)', { t: 'ERR_CALL_TIMEOUT' });
      flush();
      expect(client.breaker?.state).to.equal('open');
    }),
  );

  it(
    'does not count calls that never left',
    inVirtualTime(({ expectObservable, flush }) => {
      const options: ApiOptions = { ...once, timeout: 5, concurrency: 1, breaker: { consecutiveFailures: 2 } };
      const { api, client } = bound(options, () => NEVER);
      const three = range(3).pipe(mergeMap(() => api.get('/x').pipe(codes)));
      expectObservable(three).toBe('-----(ttt|)', { t: 'ERR_CALL_TIMEOUT' });
      flush();
      expect(client.breaker?.state).to.equal('closed');
    }),
  );

  it(
    'counts the success of a call whose caller takes one value and leaves',
    inVirtualTime(({ expectObservable, flush }) => {
      const answers = [...Array(4).fill(of(ok())), failing, failing, failing];
      const { api, client } = bound({ ...once, breaker: { minimumCalls: 3 } }, transportOf(...answers).transport);
      expectObservable(
        range(7).pipe(
          mergeMap(() => api.get('/x').pipe(take(1), codes)),
          ignoreElements(),
        ),
      ).toBe('|');
      flush();
      expect(client.breaker?.state).to.equal('closed');
    }),
  );

  it(
    'takes permanent statuses for the answers of a healthy API',
    inVirtualTime(({ expectObservable, flush }) => {
      const { api, client } = bound(once, transportOf(of(status(404))).transport);
      expectObservable(
        range(50).pipe(
          mergeMap(() => api.get('/x').pipe(codes)),
          ignoreElements(),
        ),
      ).toBe('|');
      flush();
      expect(client.breaker?.state).to.equal('closed');
    }),
  );

  it(
    'does not retry a call that it turned away, and says whose and until when',
    inVirtualTime(({ expectObservable, flush }) => {
      const { transport, requests } = transportOf(failing);
      const { api, seen } = bound({ ...base, breaker: { consecutiveFailures: 1, openFor: 100 } }, transport);
      const failure = tap({
        error: (error: CircuitOpenError) =>
          expect([error.message, error.retryAt]).to.deep.equal([
            'payment GET /x: the circuit is open for another 100 ms',
            100,
          ]),
      });
      expectObservable(api.get('/x').pipe(failure, codes)).toBe('(o|)', { o: 'ERR_CIRCUIT_OPEN' });
      flush();
      expect(requests).to.have.length(1);
      expect(seen.filter((fact) => fact.type === 'callEnded').map(({ outcome }) => outcome)).to.deep.equal([
        'failed',
        'rejected',
      ]);
    }),
  );

  it(
    'tells of its availability, now and at each change, and half-opens by itself while someone listens',
    inVirtualTime(({ expectObservable }) => {
      const { transport } = transportOf(failing, of(ok()));
      const { api, client, seen } = bound({ ...once, breaker: { consecutiveFailures: 1, openFor: 100 } }, transport);
      const calls = concat(timer(10), timer(110)).pipe(mergeMap(() => api.get('/x').pipe(codes)));
      expectObservable(client.availability, '^ 200ms !').toBe('a 9ms c 99ms p 9ms a', {
        a: { isAvailable: true },
        c: { isAvailable: false, reason: 'the circuit of payment is open (consecutive-failures)', retryAt: 110 },
        p: { isAvailable: true, reason: 'the circuit of payment is half-open (open-time-over)', probes: 1 },
      } satisfies Record<string, ApiAvailability>);
      expectObservable(calls).toBe('10ms n 109ms (v|)', { n: 'ERR_NETWORK', v: null });
      expectObservable(timer(150).pipe(map(() => seen.filter((fact) => fact.type === 'breakerChanged')))).toBe(
        '150ms (f|)',
        {
          f: [
            {
              type: 'breakerChanged',
              at: 10,
              api: 'payment',
              state: 'open',
              reason: 'consecutive-failures',
              retryAt: 110,
            },
            { type: 'breakerChanged', at: 110, api: 'payment', state: 'half-open', reason: 'open-time-over' },
            { type: 'breakerChanged', at: 120, api: 'payment', state: 'closed', reason: 'probes-succeeded' },
          ],
        },
      );
      // Whoever comes later is told how it is, not how it was.
      expectObservable(
        timer(50).pipe(
          mergeMap(() => client.availability),
          take(1),
        ),
      ).toBe('50ms (c|)', {
        c: { isAvailable: false, reason: 'the circuit of payment is open', retryAt: 110 },
      });
    }),
  );

  it(
    'is isolated and released by hand',
    inVirtualTime(({ expectObservable }) => {
      const { api, client } = bound(once, transportOf(of(ok())).transport);
      client.breaker?.isolate();
      expectObservable(api.get('/x').pipe(codes)).toBe('(o|)', { o: 'ERR_CIRCUIT_OPEN' });
      expectObservable(client.availability, '(^!)').toBe('u', {
        u: { isAvailable: false, reason: 'the circuit of payment is isolated', retryAt: Number.POSITIVE_INFINITY },
      });
    }),
  );
});

describe('an API with its own word on failures', () => {
  it(
    'retries what it calls transient and gives up what it calls permanent, and the breaker counts by it',
    inVirtualTime(({ expectObservable, flush }) => {
      const { transport, requests } = transportOf(of(status(404)), of(ok()), of(status(500)));
      const classify: ApiOptions['classify'] = (error) => {
        if (!('status' in error)) return undefined;
        return error.status === 404 ? 'transient' : 'permanent';
      };
      const retry = { backoff: { initial: 10, jitter: 'none' } } as const;
      const { api, client } = bound({ ...base, classify, retry, breaker: { consecutiveFailures: 2 } }, transport);
      expectObservable(api.get('/x')).toBe('10ms (v|)', { v: null });
      const isTransient = timer(20).pipe(
        mergeMap(() => range(3)),
        mergeMap(() => api.get('/x').pipe(codes)),
      );
      expectObservable(isTransient).toBe('20ms (sss|)', { s: 'ERR_HTTP_STATUS' });
      flush();
      expect(requests).to.have.length(5);
      expect(client.breaker?.state).to.equal('closed');
    }),
  );

  it(
    'is asked about timeouts too, once for each failure, and fails the call when it throws',
    inVirtualTime(({ expectObservable, flush }) => {
      const asked: string[] = [];
      const classify: ApiOptions['classify'] = ({ code }) => {
        asked.push(code);
        return code === 'ERR_CALL_TIMEOUT' ? 'permanent' : expect.fail('my mistake');
      };
      const { transport } = transportOf(NEVER, failing);
      const { api } = bound({ ...base, classify, timeout: 5 }, transport);
      expectObservable(api.get('/x').pipe(codes)).toBe('-----(t|)', { t: 'ERR_CALL_TIMEOUT' });
      const thrown = timer(9).pipe(
        mergeMap(() => api.get('/x').pipe(codes)),
        map((error) => (error as Error).message),
      );
      expectObservable(thrown).toBe('9ms (m|)', { m: 'my mistake' });
      flush();
      expect(asked).to.deep.equal(['ERR_CALL_TIMEOUT', 'ERR_NETWORK']);
    }),
  );
});

describe('an API with a client throttle', () => {
  it(
    'turns calls away while the API accepts none, without a request and without a retry',
    inVirtualTime(({ expectObservable, flush }) => {
      const { transport, requests } = transportOf(failing);
      const { api } = bound({ ...base, retry: { maxAttempts: 1 }, breaker: false, throttle: true }, transport);
      const calls = range(15).pipe(
        mergeMap(() => api.get('/x').pipe(codes)),
        toArray(),
      );
      // The chance is drawn as 0 in these specs: whatever may be turned away is.
      expectObservable(calls).toBe('(c|)', {
        c: [...Array(10).fill('ERR_NETWORK'), ...Array(5).fill('ERR_THROTTLED')],
      });
      flush();
      expect(requests).to.have.length(10);
    }),
  );

  it(
    'lets more through with a larger k',
    inVirtualTime(({ expectObservable, flush }) => {
      const answers = Array.from({ length: 40 }, (_, index) => (index % 4 === 0 ? of(ok()) : failing));
      const sent = (k: number) => {
        const { transport, requests } = transportOf(...answers);
        const { api } = bound({ ...once, breaker: false, throttle: { k } }, transport);
        expectObservable(
          range(40).pipe(
            mergeMap(() => api.get('/x').pipe(codes)),
            ignoreElements(),
          ),
        ).toBe('|');
        return requests;
      };
      const [few, many] = [sent(1), sent(8)];
      flush();
      expect(few.length).to.be.lessThan(40);
      expect(many).to.have.length(40);
    }),
  );
});

describe('an API with a rate limit', () => {
  const rateLimit = { requests: 2, per: 10 };

  it(
    'starts so many calls in each period, and tells how long each waited',
    inVirtualTime(({ expectObservable, flush }) => {
      const { transport } = transportOf(of(ok()));
      const { api, seen } = bound({ ...once, rateLimit }, transport);
      const calls = range(5).pipe(
        mergeMap(() => api.get('/x').pipe(map(() => asyncScheduler.now()))),
        toArray(),
      );
      expectObservable(calls).toBe('20ms (t|)', { t: [0, 0, 10, 10, 20] });
      flush();
      const waits = seen.flatMap((fact) => (fact.type === 'rateLimitWaited' ? [fact] : []));
      expect(waits.map(({ waitedMs }) => waitedMs)).to.deep.equal([10, 10, 20]);
      expect(waits[0]).to.include({ api: 'payment', operation: 'GET /x', messageId: 'm1', attempt: 1, at: 10 });
    }),
  );

  it(
    'is paid by every attempt, retries too',
    inVirtualTime(({ expectObservable }) => {
      const { transport, requests } = transportOf(failing, failing, of(ok('third')));
      const retry = { backoff: { initial: 1, max: 1, jitter: 'none' } } as const;
      const { api } = bound({ ...base, rateLimit, retry }, transport);
      expectObservable(api.get('/x').pipe(tap(() => expect(requests).to.have.length(3)))).toBe('10ms (v|)', {
        v: 'third',
      });
    }),
  );

  it(
    'is not paid by a call that the breaker turns away',
    inVirtualTime(({ expectObservable, flush }) => {
      const { transport, requests } = transportOf(failing, of(ok()));
      const breaker = { consecutiveFailures: 1, openFor: 5 };
      const { api } = bound({ ...once, rateLimit, breaker }, transport);
      const five = range(5).pipe(
        mergeMap(() => api.get('/x').pipe(codes)),
        ignoreElements(),
      );
      expectObservable(five).toBe('|');
      expectObservable(timer(6).pipe(mergeMap(() => api.get('/x')))).toBe('6ms (v|)', { v: null });
      flush();
      expect(requests).to.have.length(2);
    }),
  );

  for (const headers of [
    { 'retry-after': '2' },
    { 'retry-after': 'Thu, 01 Jan 1970 00:00:02 GMT' },
    { ratelimit: '"default";r=0;t=2' },
    { 'ratelimit-remaining': '0', 'ratelimit-reset': '2' },
  ]) {
    it(
      `F35: holds back every call of the API after 429 with ${JSON.stringify(headers)}, and none of another`,
      inVirtualTime(({ expectObservable }) => {
        const { transport } = transportOf(of(status(429, headers)), of(ok('first')));
        const { api } = bound({ ...once, rateLimit: { requests: 100, per: '1s' } }, transport);
        expectObservable(api.get('/x').pipe(codes)).toBe('(s|)', { s: 'ERR_HTTP_STATUS' });
        expectObservable(timer(5).pipe(mergeMap(() => api.get('/other')))).toBe('2000ms (v|)', { v: 'first' });
        const { api: another } = bound(
          { ...once, rateLimit: { requests: 100, per: '1s' } },
          transportOf(of(ok('free'))).transport,
        );
        expectObservable(timer(5).pipe(mergeMap(() => another.get('/x')))).toBe('5ms (v|)', { v: 'free' });
      }),
    );
  }

  for (const [asked, heldMs] of [
    ['99999999999', 3_000],
    ['1000000000000', 3_000],
    ['Fri, 31 Dec 9999 23:59:59 GMT', 3_000],
    ['-5', 0],
    ['1e12', 0],
    ['Infinity', 0],
    ['later', 0],
  ] as const) {
    it(
      `B35: caps or ignores Retry-After: ${asked}`,
      inVirtualTime(({ expectObservable }) => {
        const { transport } = transportOf(of(status(429, { 'retry-after': asked })), of(ok('next')));
        const retry = { maxAttempts: 1, maxRetryAfter: '3s' } as const;
        const { api } = bound({ ...base, retry, rateLimit: { requests: 100, per: '1s' } }, transport);
        expectObservable(concat(api.get('/x').pipe(codes, ignoreElements()), api.get('/x'))).toBe(
          heldMs === 0 ? '(v|)' : `${heldMs}ms (v|)`,
          { v: 'next' },
        );
      }),
    );
  }

  it(
    'is turned away when too many wait',
    inVirtualTime(({ expectObservable }) => {
      const { api } = bound(
        { ...once, rateLimit: { requests: 1, per: '1s' }, maxQueued: 1 },
        transportOf(of(ok())).transport,
      );
      const three = range(3).pipe(mergeMap(() => api.get('/x').pipe(codes)));
      expectObservable(three).toBe('(or) 996ms (o|)', { o: null, r: 'ERR_RATE_LIMIT_REJECTED' });
    }),
  );

  it(
    'and the timeout count the wait, and leave no timer when the call is given up',
    inVirtualTime(({ expectObservable }) => {
      const { api } = bound(
        { ...once, timeout: 20, rateLimit: { requests: 1, per: '1h' } },
        transportOf(of(ok())).transport,
      );
      expectObservable(api.get('/x')).toBe('(v|)', { v: null });
      expectObservable(api.get('/x').pipe(codes)).toBe('20ms (t|)', { t: 'ERR_CALL_TIMEOUT' });
    }),
  );
});

describe('an API with a retry budget', () => {
  it(
    'F34: sends at most (1 + budget) times the calls, and the free ones, when half of them fail with 5xx',
    inVirtualTime(({ flush }) => {
      let sent = 0;
      const transport = () => defer(() => (++sent % 2 === 0 ? of(ok()) : of(status(500))));
      const { api } = bound({ ...base, breaker: false }, transport);
      const calls = 1_000;
      const all = range(calls).pipe(mergeMap((index) => timer(index).pipe(mergeMap(() => api.get('/x').pipe(codes)))));
      let ended = 0;
      all.subscribe(() => ended++);
      flush();
      expect(sent)
        .to.be.greaterThan(calls * 1.1)
        .and.at.most(calls * 1.2 + 10);
    }),
  );

  it(
    'passes the failure at once when it is spent, as transient as its cause',
    inVirtualTime(({ expectObservable, flush }) => {
      const { transport, requests } = transportOf(failing);
      const retry = { maxAttempts: 2, budget: 0.1, backoff: { initial: 10, jitter: 'none' } } as const;
      const { api } = bound({ ...base, breaker: false, retry }, transport);
      expectObservable(
        range(50).pipe(
          mergeMap(() => api.get('/x').pipe(codes)),
          ignoreElements(),
        ),
      ).toBe('10ms |');
      flush();
      // 10 are free, and each tenth call pays for one.
      expect(requests).to.have.length(50 + 15);
    }),
  );

  it(
    'has no bound with budget: false',
    inVirtualTime(({ expectObservable, flush }) => {
      const { transport, requests } = transportOf(failing);
      const retry = { maxAttempts: 2, budget: false, backoff: { initial: 10, jitter: 'none' } } as const;
      const { api } = bound({ ...base, breaker: false, retry }, transport);
      expectObservable(
        range(50).pipe(
          mergeMap(() => api.get('/x').pipe(codes)),
          ignoreElements(),
        ),
      ).toBe('10ms |');
      flush();
      expect(requests).to.have.length(100);
    }),
  );
});

describe('an API with a hedge', () => {
  const hedge = { after: 10 };
  const slow = timer(50).pipe(map(() => ok('slow')));
  const quick = timer(5).pipe(map(() => ok('quick')));

  it(
    'starts a second try of a slow GET, takes the first answer and aborts the other',
    inVirtualTime(({ cold, expectObservable, expectSubscriptions, flush }) => {
      const first = cold<TransportResponse>('50ms (s|)', { s: ok('slow') });
      const { transport, requests } = transportOf(first, quick);
      const { api, seen } = bound({ ...base, hedge }, transport);
      expectObservable(api.get('/x')).toBe('15ms (q|)', { q: 'quick' });
      expectSubscriptions(first.subscriptions).toBe('^ 14ms !');
      flush();
      expect(requests).to.have.length(2);
      expect(typesOf(seen)).to.deep.equal(['callStarted', 'callStarted', 'callEnded', 'callEnded']);
    }),
  );

  it(
    'runs beside calls marked idempotent and no other that changes something, under one idempotency key',
    inVirtualTime(({ expectObservable, flush }) => {
      const marked = transportOf(slow, quick);
      expectObservable(bound({ ...base, hedge }, marked.transport).api.post('/x', 1, { idempotent: true })).toBe(
        '15ms (q|)',
        { q: 'quick' },
      );
      const plain = transportOf(slow, quick);
      expectObservable(bound({ ...base, hedge }, plain.transport).api.post('/x', 1)).toBe('50ms (s|)', { s: 'slow' });
      flush();
      expect(new Set(marked.requests.map(({ headers }) => headers['idempotency-key']))).to.have.length(1);
      expect(plain.requests).to.have.length(1);
    }),
  );

  it(
    'takes from the retry budget, and leaves the call alone when that is spent',
    inVirtualTime(({ expectObservable, flush }) => {
      const { transport, requests } = transportOf(slow);
      const { api } = bound({ ...base, hedge, retry: { budget: 0.0001 } }, transport);
      expectObservable(
        range(30).pipe(
          mergeMap(() => api.get('/x')),
          ignoreElements(),
        ),
      ).toBe('50ms |');
      flush();
      expect(requests).to.have.length(40);
    }),
  );

  it(
    'pays the rate limit and takes a slot',
    inVirtualTime(({ expectObservable, flush }) => {
      const { transport, requests } = transportOf(slow, quick);
      const { api } = bound({ ...base, hedge, rateLimit: { requests: 1, per: 20 } }, transport);
      expectObservable(api.get('/x')).toBe('25ms (q|)', { q: 'quick' });
      const single = transportOf(slow, quick);
      expectObservable(bound({ ...base, hedge, concurrency: 1 }, single.transport).api.get('/x')).toBe('50ms (s|)', {
        s: 'slow',
      });
      flush();
      expect(requests).to.have.length(2);
      expect(single.requests).to.have.length(1);
    }),
  );
});

describe('an API with adaptive concurrency', () => {
  it(
    'lets fewer calls run after failures, and tells its limit',
    inVirtualTime(({ expectObservable, flush }) => {
      const { transport, requests } = transportOf(timer(10).pipe(map(() => status(503))));
      const concurrency = { adaptive: 'aimd', initial: 8, min: 2, max: 8 } as const;
      const { api, seen } = bound({ ...once, breaker: false, concurrency }, transport);
      const calls = range(100).pipe(
        mergeMap(() => api.get('/x').pipe(codes)),
        ignoreElements(),
      );
      expectObservable(calls, '^ 100ms !').toBe('-');
      expectObservable(timer(9).pipe(map(() => requests.length))).toBe('9ms (n|)', { n: 8 });
      flush();
      const limits = seen.flatMap((fact) => (fact.type === 'limitChanged' ? [fact.limit] : []));
      expect(limits.at(-1)).to.equal(2);
      expect(requests).to.have.length.lessThan(60);
    }),
  );
});

describe('the time a call has left', () => {
  it(
    'is told with each attempt: its timeout, less what it waited, or the deadline of the message',
    inVirtualTime(({ expectObservable, flush }) => {
      const { transport, requests } = transportOf(timer(30).pipe(map(() => ok())));
      const client = clientOf({ ...once, timeout: 100, concurrency: 1 }, transport);
      const [free, short] = [client.bind(scopeOf()), client.bind(scopeOf({ messageId: 'm2', deadlineAt: 80 }))];
      expectObservable(
        from([free, short]).pipe(
          mergeMap((api) => api.get('/x')),
          ignoreElements(),
        ),
      ).toBe('60ms |');
      expectObservable(
        timer(100).pipe(
          mergeMap(() => free.get('/x', { within: 40 })),
          ignoreElements(),
        ),
      ).toBe('130ms |');
      flush();
      expect(requests.map(({ timeoutMs }) => timeoutMs)).to.deep.equal([100, 50, 40]);
    }),
  );
});
