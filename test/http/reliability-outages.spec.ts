/**
 * The rows F32 to F38 of the reliability table at a real server: an API that is away, hangs, fails, asks for patience, loses answers. What the clock
 * decides, to the millisecond and over an hour, stands in guards, call and breaker-pause, in virtual time.
 */
import type { LookupFunction } from 'node:net';
import { expect } from 'chai';
import { asyncScheduler, defer, filter, firstValueFrom, from, map, mergeMap, toArray } from 'rxjs';
import sinon from 'sinon';
import { CircuitOpenError, codeOf, GatherFailedError } from '../../src/errors.ts';
import { createFacts, type Fact } from '../../src/events.ts';
import { type ApiClient, createApiClient } from '../../src/http/api-client.ts';
import { type ApiOptions, defineApi } from '../../src/http/define-api.ts';
import { gather } from '../../src/operators/gather.ts';
import { gatherQuorum } from '../../src/operators/gather-quorum.ts';
import { gatherSettled } from '../../src/operators/gather-settled.ts';
import { optional } from '../../src/operators/optional.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { type HostileServer, startHostileServer } from '../support/hostile-server.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { failureOf, scopeOf } from './call-scope.ts';
import { codes } from './scripted-transport.ts';

describe('outage rows of the reliability table', () => {
  let server: HostileServer;
  const others: HostileServer[] = [];
  const clients: ApiClient[] = [];
  const heard: Fact[] = [];

  beforeEach(async () => {
    server = await startHostileServer();
  });
  afterEach(async () => {
    for (const each of clients.splice(0)) await firstValueFrom(each.close(), { defaultValue: undefined });
    for (const each of [server, ...others.splice(0)]) await each.close();
    heard.length = 0;
  });

  const clientFor = (options: Partial<ApiOptions> = {}, lookup?: LookupFunction): ApiClient => {
    const facts = createFacts();
    facts.stream.subscribe((fact) => heard.push(fact));
    const definition = defineApi('payment', { baseUrl: `${server.url}/api`, retry: false, timeout: '5s', ...options });
    const client = createApiClient(definition, { facts, random: seededRandom(7), lookup });
    clients.push(client);
    return client;
  };
  const api = (options?: Partial<ApiOptions>) => clientFor(options).bind(scopeOf());
  const pauses = (): number[] => heard.flatMap((fact) => (fact.type === 'callRetried' ? [fact.nextDelayMs] : []));
  // A request that is slow to arrive has no abort to wait for, so these look at what is left.
  const noneHanging = () => eventually('what hung is aborted', () => server.unanswered === 0);
  const outcomes = () => heard.flatMap((fact) => (fact.type === 'callEnded' ? [fact.outcome] : []));

  describe('F32: an API that is not there', () => {
    const noSuchName: LookupFunction = (host, _, callback) =>
      callback(Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND' }), '', 4);
    const breaker = { minimumCalls: 6, openFor: '1h' } as const;
    const retry = { maxAttempts: 6, budget: false, backoff: { initial: 1, max: 20, jitter: 'full' } } as const;

    for (const [what, host, lookup] of [
      ['whose name leads nowhere', 'gone.test', noSuchName],
      ['that refuses connections', '127.0.0.1', undefined],
    ] as const) {
      it(`F32: ${what} is tried again after drawn pauses until its breaker opens`, async () => {
        const client = clientFor({ baseUrl: `http://${host}:${await freePort()}`, breaker, retry }, lookup);
        const error = await failureOf(client.bind(scopeOf()).get('/x'));
        expect(error).to.include({ code: 'ERR_RETRY_EXHAUSTED', attempts: 6 });
        expect(codeOf(error.cause)).to.equal('ERR_NETWORK');
        expect(client.breaker?.state).to.equal('open');
        expect(await failureOf(client.bind(scopeOf()).get('/x'))).to.be.instanceOf(CircuitOpenError);
        // Full jitter: each is drawn between nothing and a ceiling that doubles up to its bound.
        const ceilings = [1, 2, 4, 8, 16];
        expect(pauses()).to.have.length(ceilings.length);
        for (const [index, pauseMs] of pauses().entries())
          expect(pauseMs, `pause ${index + 1}`).to.be.within(0, ceilings[index] ?? 0);
        expect(new Set(pauses()).size).to.be.greaterThan(2);
      });
    }

    it('F32: lets one call through when it may be back, however many wait, and all when it is', async () => {
      const port = await freePort();
      const client = clientFor({ baseUrl: `http://127.0.0.1:${port}`, breaker: { minimumCalls: 2, openFor: 50 } });
      const get = (path: string) => client.bind(scopeOf()).get(path).pipe(codes);
      const many = (path: string) =>
        firstValueFrom(
          from(Array(32).keys()).pipe(
            mergeMap(() => get(path)),
            toArray(),
          ),
        );
      await many('/x');
      // By now it may have half-opened again on a slow machine; whatever is let through is refused.
      expect(heard.some((fact) => fact.type === 'breakerChanged' && fact.state === 'open')).to.equal(true);

      const back = await startHostileServer(port);
      others.push(back);
      await firstValueFrom(client.availability.pipe(filter(({ probes }) => probes === 1)));
      const came = back.nextCall();
      const hung = client
        .bind(scopeOf())
        .get('/hang')
        .subscribe({ error: () => {} });
      await came;
      expect(new Set(await many('/x'))).to.deep.equal(new Set(['ERR_CIRCUIT_OPEN']));
      expect(back.calls.map(({ url }) => url)).to.deep.equal(['/hang']);
      // A probe that is given up proves nothing: the next one decides.
      hung.unsubscribe();
      await firstValueFrom(get('/echo'));
      expect(client.breaker?.state).to.equal('closed');
      expect(await many('/204')).to.deep.equal(Array(32).fill(undefined));
    });
  });

  describe('F33: an API that hangs or drips', () => {
    for (const path of ['/hang', '/hang-in-body', '/drip']) {
      for (const [what, options, within, deadline] of [
        ["its API's timeout", { timeout: 200 }, undefined, undefined],
        ['the time of the call', {}, 200, undefined],
        ["its message's deadline", {}, undefined, 200],
      ] as const) {
        it(`F33: ${path} is ended by ${what}, and its socket closed`, async () => {
          const before = performance.now();
          const scope = deadline === undefined ? {} : { deadlineAt: asyncScheduler.now() + deadline };
          const call = clientFor(options)
            .bind(scopeOf(scope))
            .get(path, within === undefined ? {} : { within });
          expect((await failureOf(call)).code).to.equal('ERR_CALL_TIMEOUT');
          // 100 ms is for a machine with nothing else to do; this bound only tells an end in time from none.
          expect(performance.now() - before).to.be.within(195, 20_000);
          await noneHanging();
        });
      }
    }
  });

  it('F34: an API that fails half of the time gets at most (1 + budget) times the calls', async () => {
    const bound = api({
      concurrency: 8,
      breaker: false,
      retry: { maxAttempts: 4, budget: 0.2, backoff: { initial: 1, max: 1 } },
    });
    const calls = 300;
    const ends = await firstValueFrom(
      from(Array(calls).keys()).pipe(
        // Each other request is answered, whichever call it belongs to.
        mergeMap(() => bound.get('/every-other').pipe(codes), 8),
        toArray(),
      ),
    );
    expect(ends).to.have.length(calls);
    expect(server.calls.length)
      .to.be.greaterThan(calls * 1.1)
      .and.at.most(calls * 1.2 + 10);
  });

  describe('F35: an API that answers 429', () => {
    for (const [asked, pauseMs] of [
      ['1', 300],
      ['99999999999', 300],
      [new Date(Date.now() + 3_600_000).toUTCString(), 300],
    ] as const) {
      it(`F35: is left alone for as long as it asks, up to a cap, and no other is: Retry-After ${asked}`, async () => {
        const retry = { maxAttempts: 2, backoff: { initial: 1, max: 1 }, maxRetryAfter: pauseMs } as const;
        const patient = api({ retry, rateLimit: { requests: 100, per: '1s' } });
        const retried = firstValueFrom(server429(patient, asked));
        await eventually('it is told', () => heard.some(({ type }) => type === 'callRetried'));
        expect(pauses()).to.deep.equal([pauseMs]);
        // While that one waits, another host answers.
        const other = await startHostileServer();
        others.push(other);
        await firstValueFrom(api({ baseUrl: other.url }).get('/echo'));
        expect(other.calls).to.have.length(1);
        const waited = heard.filter((fact) => fact.type === 'rateLimitWaited' && fact.operation === 'GET /echo');
        expect(waited).to.deep.equal([]);
        expect(await retried).to.equal('ERR_RETRY_EXHAUSTED');
        const [first, second] = heard.flatMap((fact) =>
          fact.type === 'callStarted' && fact.operation !== 'GET /echo' ? [fact.at] : [],
        );
        expect((second ?? 0) - (first ?? 0)).to.be.at.least(pauseMs - 2);
      });
    }
    const server429 = (bound: ReturnType<typeof api>, asked: string) =>
      bound.get('/status/429', { params: { 'retry-after': asked } }).pipe(codes);
  });

  it('F36: an API that acts and loses its answers sees one key, and acts once', async () => {
    const bound = api({ retry: { maxAttempts: 4, backoff: { initial: 1, max: 2 } } });
    for (const amount of [1, 2]) await firstValueFrom(bound.post('/reset-after-effect', { amount }));
    expect([...server.effects.values()]).to.deep.equal([1, 1]);
    expect(server.calls.map(({ headers }) => headers['idempotency-key'])).to.satisfy(
      ([a, b, c, d]: string[]) => a === b && c === d && a !== c,
    );
    expect(server.calls).to.have.length(4);
  });

  describe('F38: a scatter of calls of which some fail or are late', () => {
    const branches = (bound: ReturnType<typeof api>) => ({
      good: bound.get('/204').pipe(map(() => 'good')),
      bad: bound.get('/status/500'),
      late: bound.get('/hang'),
    });
    /** Where the second of a scatter is over as soon as its other branches have ended, however long they take. */
    const secondAfterOthers = async <T>(scatter: () => Promise<T>): Promise<T> => {
      // RxJS waits by `setInterval`, and nothing else here does.
      const clock = sinon.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
      try {
        const scattered = scatter();
        await eventually('the others ended', () => outcomes().length === 2);
        clock.tick(1_000);
        return await scattered;
      } finally {
        clock.restore();
      }
    };

    it('F38: gives what came, with a reason for the rest, where a part will do, and aborts what is late', async () => {
      const settled = gatherSettled(branches(api()), { within: '1s', atLeast: 1 });
      const { good, bad, late } = await secondAfterOthers(() => firstValueFrom(settled));
      expect(good).to.deep.equal({ status: 'fulfilled', value: 'good' });
      expect(bad.status === 'rejected' && bad.reason).to.include({ code: 'ERR_HTTP_STATUS', status: 500 });
      expect(late.status === 'rejected' && late.reason).to.include({ code: 'ERR_BRANCH_TIMEOUT' });
      expect(outcomes().filter((outcome) => outcome === 'aborted')).to.have.length(1);
      await noneHanging();
    });

    it('F38: fails with the reasons of all where too few came', async () => {
      const settled = gatherSettled(branches(api()), { within: '1s', atLeast: 2 });
      const error = await secondAfterOthers(() => failureOf(settled));
      expect(error).to.be.instanceOf(GatherFailedError).and.have.property('isTransient', true);
      expect(Object.entries(error.reasons as object).map(([name, reason]) => [name, codeOf(reason)])).to.deep.equal([
        ['bad', 'ERR_HTTP_STATUS'],
        ['late', 'ERR_BRANCH_TIMEOUT'],
      ]);
      expect(outcomes().filter((outcome) => outcome === 'aborted')).to.have.length(1);
      await noneHanging();
    });

    it('F38: fails at once with the first failure where all are needed, and aborts the others', async () => {
      const aborted = server.nextAbort();
      const bound = api();
      const came = server.nextCall();
      const { late, bad } = branches(bound);
      const all = failureOf(gather({ late, bad: from(came).pipe(mergeMap(() => bad)) }, { within: '30s' }));
      expect(await all).to.include({ code: 'ERR_HTTP_STATUS', status: 500 });
      await aborted;
      expect(server.calls.map(({ url }) => url)).to.deep.equal(['/api/hang', '/api/status/500']);
    });

    it('F38: does without branches that are optional, and aborts those that are late', async () => {
      const { good, bad, late } = branches(api());
      const gathered = gather({ good, bad: optional(bad, 'none'), late: optional(late) }, { within: '1s' });
      const all = await secondAfterOthers(() => firstValueFrom(gathered));
      expect(all).to.deep.equal({ good: 'good', bad: 'none', late: undefined });
      expect(outcomes().filter((outcome) => outcome === 'aborted')).to.have.length(1);
      await noneHanging();
    });

    it('F38: takes the first few where a quorum will do, and aborts the losers', async () => {
      const aborted = server.nextAbort();
      const { good, bad, late } = branches(api());
      const lateCame = defer(() =>
        eventually('the late one came', () => server.calls.some(({ url }) => url === '/api/hang')),
      );
      const quick = lateCame.pipe(mergeMap(() => good));
      const quorum = gatherQuorum({ late, bad, quick }, { atLeast: 1, within: '30s' });
      expect(await firstValueFrom(quorum)).to.deep.equal({ quick: 'good' });
      await aborted;
    });
  });
});
