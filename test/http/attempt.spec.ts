/** What an attempt takes from its guards and gives back to them, however it ends. */
import { expect } from 'chai';
import fc from 'fast-check';
import { map, mergeMap, NEVER, Observable, of, Subscriber, throwError, timer } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { createFacts, type Fact } from '../../src/events.ts';
import type { ApiOptions } from '../../src/http/define-api.ts';
import type { TransportResponse } from '../../src/http/transport.ts';
import { clientOf, scopeOf } from './call-scope.ts';
import { base, bound, codes, down, inVirtualTime, ok, status, transportOf } from './scripted-transport.ts';

const once: ApiOptions = { ...base, retry: false };
const oneSlot: ApiOptions = { ...once, concurrency: 1, maxQueued: 1 };
const quiet = { error: () => {} };

const raise = (error: Error): never => {
  throw error;
};

/** A caller who unsubscribes as soon as a fact passes the test. */
function leavingAt(source: Observable<unknown>, facts: Observable<Fact>, isTime: (fact: Fact) => boolean): void {
  const caller = new Subscriber<unknown>();
  const listening = facts.subscribe((fact) => isTime(fact) && caller.unsubscribe());
  source.subscribe(caller);
  listening.unsubscribe();
}

describe('an attempt', () => {
  it(
    'sends nothing and keeps nothing when whoever hears of its start ends it',
    inVirtualTime(({ expectObservable }) => {
      const facts = createFacts();
      const { transport, requests } = transportOf(of(ok('next')));
      const api = clientOf(oneSlot, transport, facts).bind(scopeOf());
      const seen: Fact[] = [];
      leavingAt(api.get('/x'), facts.stream, (fact) => {
        seen.push(fact);
        return fact.type === 'callStarted';
      });
      expect(requests).to.have.length(0);
      expect(seen).to.have.length(2);
      // The end is heard inside of the start.
      for (const fact of seen) expect(fact).to.include({ attempt: 1, api: 'payment' });
      expectObservable(api.get('/x')).toBe('(n|)', { n: 'next' });
    }),
  );

  it(
    'gives its probe back when whoever hears of the half-open circuit ends it, or when it is unsubscribed',
    inVirtualTime(({ expectObservable }) => {
      const facts = createFacts();
      const { transport } = transportOf(
        throwError(() => down),
        NEVER,
        of(ok('up')),
      );
      const breaker = { minimumCalls: 1, probes: 1, openFor: 10 } as const;
      const api = clientOf({ ...once, breaker }, transport, facts).bind(scopeOf());
      api.get('/x').subscribe(quiet);
      const later = timer(10).pipe(
        mergeMap(() => {
          leavingAt(api.get('/x'), facts.stream, (fact) => fact.type === 'breakerChanged');
          api.get('/x').subscribe(quiet).unsubscribe();
          return api.get('/x').pipe(codes);
        }),
      );
      expectObservable(later).toBe('10ms (u|)', { u: 'up' });
    }),
  );

  for (const [how, answer] of [
    ['an answer', ok('a')],
    ['a failure', status(500)],
  ] as const) {
    it(
      `has its slot free for whoever calls in answer to ${how}, though the queue is full`,
      inVirtualTime(({ flush }) => {
        const { transport, requests } = transportOf(timer(1).pipe(map(() => answer)));
        const { api } = bound(oneSlot, transport);
        const ends: unknown[] = [];
        const callAgain = (): void => {
          api
            .get('/again')
            .pipe(codes)
            .subscribe((end) => ends.push(end));
        };
        api.get('/first').subscribe({ next: callAgain, error: callAgain });
        api.get('/waits').subscribe(quiet);
        flush();
        expect(requests.map(({ path }) => path)).to.deep.equal(['/v1/first', '/v1/waits', '/v1/again']);
        expect(ends).to.deep.equal([how === 'an answer' ? 'a' : 'ERR_HTTP_STATUS']);
      }),
    );
  }

  it(
    'starts none of a fan-out that is unsubscribed, and whoever else waits from a timer',
    inVirtualTime(({ flush }) => {
      const { transport, requests } = transportOf(NEVER);
      const { api } = bound({ ...once, concurrency: 1, timeout: '1h' }, transport);
      const fanOut = [1, 2, 3].map((id) => api.get('/x/{id}', { path: { id } }).subscribe());
      api.get('/other').subscribe(quiet);
      for (const call of fanOut) call.unsubscribe();
      expect(requests.map(({ path }) => path)).to.deep.equal(['/v1/x/1']);
      flush();
      expect(requests.map(({ path }) => path)).to.deep.equal(['/v1/x/1', '/v1/other']);
    }),
  );

  it(
    'fails with what the teardown of its request throws, and leaves its slot all the same',
    inVirtualTime(({ flush }) => {
      const thrown = new Error('teardown');
      const { transport } = transportOf(
        new Observable<TransportResponse>((sink) => {
          sink.add(() => {
            throw thrown;
          });
          sink.next(ok());
          timer(1).subscribe(() => sink.complete());
        }),
        of(ok()),
      );
      const { api, seen } = bound({ ...once, concurrency: 1, maxQueued: 1 }, transport);
      const ends: unknown[] = [];
      for (let call = 0; call < 2; call++)
        api.get('/x').subscribe({ error: (error: unknown) => ends.push(error), complete: () => ends.push('complete') });
      flush();
      expect(ends).to.have.length(2);
      expect(ends[0]).to.have.property('errors').that.deep.equals([thrown]);
      expect(ends[1]).to.equal('complete');
      expect(seen.filter(({ type }) => type === 'callEnded')).to.have.length(2);
    }),
  );

  it(
    'fails when its transport throws as its turn comes, and harms nobody else',
    inVirtualTime(({ expectObservable }) => {
      const answers = [
        () => timer(1).pipe(map(() => ok('a'))),
        () => raise(new TypeError('broken')),
        () => of(ok('c')),
      ];
      const { api } = bound({ ...once, concurrency: 1 }, () => answers.shift()?.() ?? NEVER);
      expectObservable(api.get('/x')).toBe('-(a|)', { a: 'a' });
      expectObservable(api.get('/x')).toBe('-#', {}, new TypeError('broken'));
      expectObservable(api.get('/x')).toBe('-(c|)', { c: 'c' });
    }),
  );

  for (const [what, answer, leavesMs, limit, at] of [
    ['an answer that comes too late', timer(5_500).pipe(map(() => ok())), 60_000, 18, 5_500],
    ['a failure', timer(7).pipe(map(() => status(503))), 60_000, 18, 7],
    ['being cut off', NEVER, 60_000, 18, 6_000],
    ['being unsubscribed', NEVER, 5_500, 18, 5_500],
  ] as const) {
    it(
      `counts towards adaptive slots, from its slot to ${what}`,
      inVirtualTime(({ flush }) => {
        const concurrency = { adaptive: 'aimd', initial: 20 } as const;
        const { api, seen } = bound({ ...once, concurrency, timeout: '6s' }, transportOf(answer).transport);
        const call = api.get('/x').subscribe(quiet);
        timer(leavesMs).subscribe(() => call.unsubscribe());
        flush();
        const changes = seen.flatMap((fact) => (fact.type === 'limitChanged' ? [[fact.limit, fact.at]] : []));
        expect(changes).to.deep.equal([[limit, at]]);
      }),
    );
  }

  it('gives everything back: whatever becomes of calls, no more run than have slots, each ends once, and all slots are free then', () => {
    const answers = {
      value: (ms: number) => timer(ms).pipe(map(() => ok())),
      refusal: (ms: number) => timer(ms).pipe(map(() => status(503))),
      nothing: (ms: number) => timer(ms).pipe(mergeMap(() => throwError(() => down))),
      silence: () => NEVER,
    };
    const call = fc.record({
      startMs: fc.nat(40),
      answer: fc.constantFrom<(keyof typeof answers)[]>('value', 'refusal', 'nothing', 'silence'),
      takesMs: fc.nat(30),
      leavesMs: fc.option(fc.nat(40)),
    });
    const guards = fc.record({
      concurrency: fc.constantFrom<NonNullable<ApiOptions['concurrency']>[]>(1, 2, {
        adaptive: 'gradient',
        min: 2,
        max: 2,
      }),
      maxQueued: fc.integer({ min: 1, max: 3 }),
      breaker: fc.constantFrom<NonNullable<ApiOptions['breaker']>[]>(false, { minimumCalls: 3, openFor: 5 }),
      throttle: fc.boolean(),
      rateLimit: fc.option(fc.constant({ requests: 4, per: 20 }), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(call, { minLength: 1, maxLength: 12 }), guards, (calls, { rateLimit, ...options }) => {
        const scheduler = new TestScheduler(() => {});
        scheduler.run(({ flush }) => {
          let running = 0;
          let most = 0;
          const transport = ({ path }: { readonly path: string }): Observable<TransportResponse> => {
            const { answer, takesMs } = calls[Number(path.split('/').at(-1))] ?? { answer: 'silence', takesMs: 0 };
            return new Observable((sink) => {
              most = Math.max(most, ++running);
              sink.add(() => running--);
              return answers[answer](takesMs).subscribe(sink);
            });
          };
          const limited = rateLimit === undefined ? options : { ...options, rateLimit };
          const { api, seen } = bound({ ...once, timeout: 25, ...limited }, transport);
          for (const [id, { startMs, leavesMs }] of calls.entries()) {
            timer(startMs).subscribe(() => {
              const subscription = api.get('/x/{id}', { path: { id } }).subscribe(quiet);
              if (leavesMs !== null) timer(leavesMs).subscribe(() => subscription.unsubscribe());
            });
          }
          flush();
          const slots = typeof options.concurrency === 'number' ? options.concurrency : 2;
          expect(most, 'at once').to.be.at.most(slots);
          expect(running, 'left behind').to.equal(0);
          const of = (type: Fact['type']): number => seen.filter((fact) => fact.type === type).length;
          expect(of('callEnded')).to.equal(calls.length).and.to.equal(of('callStarted'));
          if (options.breaker === false && !options.throttle && rateLimit === undefined) {
            most = 0;
            for (let call = 0; call < slots; call++) api.get('/x/{id}', { path: { id: 'after' } }).subscribe(quiet);
            expect(most, 'free slots').to.equal(slots);
          }
          // No timer of a call that is over is left: the last thing to happen is a call's own.
          expect(scheduler.now()).to.be.at.most(40 + 40 + 25);
        });
      }),
      { numRuns: 150 },
    );
  });
});
