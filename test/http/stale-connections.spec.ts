/** Connections that end under a request: which of them a retry pays for out of the API's budget. */
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { expect } from 'chai';
import { catchError, concatMap, firstValueFrom, of, range, throwError, toArray } from 'rxjs';
import { RetryExhaustedError } from '../../src/errors.ts';
import type { ApiOptions } from '../../src/http/define-api.ts';
import { type Transport, TransportError } from '../../src/http/transport.ts';
import { clientOf, scopeOf } from './call-scope.ts';
import { lanes } from './lanes.ts';
import { base, bound, inVirtualTime, ok, transportOf } from './scripted-transport.ts';

/** Ten retries are free and calls pay for none. */
const poor = {
  breaker: false,
  retry: { maxAttempts: 2, budget: 0.0001, backoff: { initial: 1, max: 1, jitter: 'none' } },
} as const satisfies Partial<ApiOptions>;
const CALLS = 30;

for (const [lane, configure] of Object.entries(lanes)) {
  describe(`connections that end under a request: ${lane}`, () => {
    /** Calls one after the other, at a server that hears of each request which one of its connection it is: the calls that failed, and the requests that came. */
    async function failuresAt(listener: (nth: number, ...exchange: Parameters<RequestListener>) => void) {
      const served = new WeakMap<Socket, number>();
      let requests = 0;
      const server = createServer((request, response) => {
        requests++;
        const nth = (served.get(request.socket) ?? 0) + 1;
        served.set(request.socket, nth);
        listener(nth, request, response);
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const client = clientOf({
        baseUrl: `http://127.0.0.1:${port}`,
        timeout: '20s',
        concurrency: 1,
        ...poor,
        axios: configure,
      });
      const call = () =>
        client
          .bind(scopeOf())
          .post('/x', {})
          .pipe(catchError((error: unknown) => of(error)));
      const outcomes = await firstValueFrom(range(CALLS).pipe(concatMap(call), toArray()));
      await firstValueFrom(client.close(), { defaultValue: undefined });
      server.closeAllConnections();
      server.close();
      return { failures: outcomes.filter((outcome) => outcome instanceof Error), requests };
    }

    it('F43: are no cost to the budget where they had answered before and nothing of an answer came', async () => {
      const { failures, requests } = await failuresAt((nth, { socket }, response) => {
        if (nth === 1) response.setHeader('content-type', 'application/json').end('{}');
        else socket.destroy();
      });
      expect(failures).to.deep.equal([]);
      // All but the first call met such an end: more than the budget holds.
      expect(requests).to.equal(2 * CALLS - 1);
    });

    it('are paid for where they were opened for the request', async () => {
      const { failures, requests } = await failuresAt((_, { socket }) => socket.destroy());
      expect(failures).to.have.length(CALLS);
      expect(requests).to.equal(CALLS + 10);
    });

    it('are paid for where another of the same server had answered', async () => {
      let isFirst = true;
      const { failures, requests } = await failuresAt((_, { socket }, response) => {
        if (isFirst) response.setHeader('content-type', 'application/json').end('{}');
        else socket.destroy();
        isFirst = false;
      });
      expect(failures).to.have.length(CALLS - 1);
      // The second call's own connection had: one retry more.
      expect(requests).to.equal(CALLS + 1 + 10);
    });

    it('are paid for where an answer had begun', async () => {
      const { failures, requests } = await failuresAt((nth, { socket }, response) => {
        if (nth === 1) response.setHeader('content-type', 'application/json').end('{}');
        else response.writeHead(200, { 'content-length': '100' }).write('{', () => socket.destroy());
      });
      // The first call and each that is tried again are answered.
      expect(requests - CALLS).to.equal(10);
      expect(failures).to.not.be.empty;
    });
  });
}

describe('a call whose connections end again and again', () => {
  const stale = new TransportError('stale', 'connection closed before the answer was complete (UND_ERR_SOCKET)');
  const ending = throwError(() => stale);
  const retry = { ...poor.retry, maxAttempts: 3 };

  for (const [kind, options] of [
    ['alone', {}],
    ['with a hedge', { hedge: { after: 1_000 } }],
  ] as const) {
    it(
      `pays for all but its first retry (${kind})`,
      inVirtualTime(({ flush }) => {
        const failures: unknown[] = [];
        const { transport, requests } = transportOf(ending);
        const { api } = bound({ ...base, ...poor, retry, ...options }, transport);
        range(CALLS)
          .pipe(concatMap(() => api.get('/x').pipe(catchError((error: unknown) => of(error)))))
          .subscribe((failure) => failures.push(failure));
        flush();
        expect(failures).to.have.length(CALLS);
        for (const failure of failures) expect(failure).to.be.instanceOf(RetryExhaustedError);
        expect(requests).to.have.length(2 * CALLS + 10);
      }),
    );
  }

  it(
    'fails as any other whose network fails, and its API is counted as failing',
    inVirtualTime(({ flush }) => {
      const codes: unknown[] = [];
      let sent = 0;
      const transport: Transport = () => (++sent > 1_000 ? of(ok()) : ending);
      const { api } = bound({ ...base, retry: false }, transport);
      range(100)
        .pipe(concatMap(() => api.get('/x').pipe(catchError((error: { code: string }) => of(error.code)))))
        .subscribe((code) => codes.push(code));
      flush();
      expect(codes[0]).to.equal('ERR_NETWORK');
      expect(codes.at(-1)).to.equal('ERR_CIRCUIT_OPEN');
    }),
  );
});
