import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { expect } from 'chai';
import { defer, firstValueFrom, from, mergeMap, range, toArray } from 'rxjs';
import { createFacts } from '../../src/events.ts';
import { createApiClient } from '../../src/http/api-client.ts';
import { defineApi } from '../../src/http/define-api.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { scopeOf } from './call-scope.ts';

describe('a server that closes its idle connections', () => {
  it('F43: fails no call of a thousand, whether it closes before, while or after the next request is written', async () => {
    const seen = new WeakSet<Socket>();
    let [served, reused, closed] = [0, 0, 0];
    const server = createServer((request, response) => {
      const turn = served++ % 4;
      if (seen.has(request.socket)) reused++;
      seen.add(request.socket);
      request.resume();
      response.on('finish', () => {
        // A quarter stay for the next request, however slow the machine; the others close at once, or some milliseconds later: right into it.
        if (turn === 0) return;
        closed++;
        if (turn === 1) request.socket.end();
        else setTimeout(() => request.socket.end(), turn - 1);
      });
      response.setHeader('content-type', 'application/json').end('{}');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const definition = defineApi('closing', {
      baseUrl: `http://127.0.0.1:${port}`,
      timeout: '20s',
      retry: { maxAttempts: 6, backoff: { initial: '1ms', max: '5ms' } },
    });
    const client = createApiClient(definition, { facts: createFacts(), random: seededRandom(3), lookup: undefined });
    const api = client.bind(scopeOf());
    const call = (n: number) => defer(() => (n % 2 === 0 ? api.get(`/${n}`) : api.post(`/${n}`, { n })));
    const answers = await firstValueFrom(
      range(0, 1_000).pipe(
        mergeMap((n) => from(call(n)), 8),
        toArray(),
      ),
    );
    expect(answers).to.have.length(1_000);
    // Connections were reused, and closed: otherwise nothing has been shown.
    expect(reused).to.be.above(200);
    expect(closed).to.be.above(500);
    await firstValueFrom(client.close(), { defaultValue: undefined });
    server.close();
    server.closeAllConnections();
  });
});
