import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { defer, firstValueFrom, from, mergeMap, range, toArray } from 'rxjs';
import { createFacts } from '../../src/events.ts';
import { createApiClient } from '../../src/http/api-client.ts';
import { defineApi } from '../../src/http/define-api.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { scopeOf } from './call-scope.ts';

describe('a server that closes its idle connections', () => {
  it('F43: fails no call of a thousand, whether it closes before, while or after the next request is written', async function thousand() {
    this.timeout(60_000);
    let [connections, served] = [0, 0];
    const server = createServer((request, response) => {
      served++;
      request.resume();
      response.on('finish', () => {
        // At once, and up to some milliseconds later: right into the next request of the same connection.
        if (served % 7 === 0) request.socket.end();
        else setTimeout(() => request.socket.end(), served % 4);
      });
      response.setHeader('content-type', 'application/json').end('{}');
    });
    server.on('connection', () => connections++);
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
    // Connections were reused, and closed under requests: otherwise nothing has been shown.
    expect(connections).to.be.above(100).and.below(1_000);
    await firstValueFrom(client.close(), { defaultValue: undefined });
    server.close();
    server.closeAllConnections();
  });
});
