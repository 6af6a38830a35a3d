/** Large request bodies under gzip, as a server sees them. */
import { gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import { firstValueFrom } from 'rxjs';
import type { ApiClient } from '../../src/http/api-client.ts';
import type { ApiOptions } from '../../src/http/define-api.ts';
import { type HostileServer, startHostileServer } from '../support/hostile-server.ts';
import { clientOf, failureOf, scopeOf } from './call-scope.ts';
import { lanes } from './lanes.ts';

describe('compressRequests', () => {
  let server: HostileServer;
  const clients: ApiClient[] = [];

  before(async () => {
    server = await startHostileServer();
  });
  after(() => server.close());
  afterEach(async () => {
    for (const each of clients.splice(0)) await firstValueFrom(each.close(), { defaultValue: undefined });
    server.calls.length = 0;
    server.effects.clear();
  });

  const api = (options: Partial<ApiOptions> = {}) => {
    const client = clientOf({
      baseUrl: `${server.url}/api`,
      retry: false,
      compressRequests: { above: 100 },
      ...options,
    });
    clients.push(client);
    return client.bind(scopeOf());
  };
  const lastCall = () => server.calls.at(-1) ?? expect.fail('no call came in');
  const large = { text: 'x'.repeat(1_000) };

  for (const [lane, axios] of Object.entries(lanes)) {
    it(`packs a body above the limit, through ${lane}`, async () => {
      await firstValueFrom(api({ axios }).post('/echo', large));
      const { headers, body } = lastCall();
      expect(headers).to.include({ 'content-encoding': 'gzip', 'content-type': 'application/json' });
      expect(headers['content-length']).to.equal(String(body.byteLength));
      expect(body.byteLength).to.be.lessThan(100);
      expect(JSON.parse(gunzipSync(body).toString())).to.deep.equal(large);
    });
  }

  it('leaves alone what is small, what has no body, what is packed already and what would not shrink', async () => {
    const noise = Buffer.from(
      Array.from({ length: 400 }, (_, index) => (index * 7_919 + ((index * index) % 251)) % 256),
    );
    const bound = api();
    await firstValueFrom(bound.post('/echo', { text: 'x' }));
    await firstValueFrom(bound.get('/echo'));
    await firstValueFrom(bound.post('/echo', noise, { headers: { 'content-type': 'application/octet-stream' } }));
    expect(server.calls.map(({ headers }) => headers['content-encoding'])).to.deep.equal([
      undefined,
      undefined,
      undefined,
    ]);
    const packed = { 'content-type': 'text/plain', 'content-encoding': 'br' };
    await firstValueFrom(bound.post('/echo', 'y'.repeat(500), { headers: packed }));
    expect(lastCall().body.toString()).to.equal('y'.repeat(500));
  });

  it('packs nothing unless told to', async () => {
    const client = clientOf({ baseUrl: `${server.url}/api`, retry: false });
    clients.push(client);
    await firstValueFrom(client.bind(scopeOf()).post('/echo', large));
    expect(lastCall().headers).to.not.have.property('content-encoding');
  });

  it('sends the same bytes under the same key with each attempt', async () => {
    const bound = api({ retry: { backoff: { initial: 1, max: 2 } } });
    expect(await firstValueFrom(bound.post('/flaky', large))).to.deep.equal({ at: 2 });
    const [first, second] = server.calls;
    expect(first?.body.equals(second?.body ?? Buffer.alloc(0))).to.equal(true);
    expect(first?.headers['idempotency-key']).to.equal(second?.headers['idempotency-key']);
  });

  it('bounds the body before it is packed', async () => {
    expect((await failureOf(api({ maxRequestBytes: 500 }).post('/echo', large))).code).to.equal('ERR_REQUEST_INVALID');
  });

  it('sends nothing of a call that is given up while its body is being packed', async () => {
    const bound = api({ concurrency: 1 });
    bound.post('/echo', large).subscribe().unsubscribe();
    await firstValueFrom(bound.post('/echo', { last: 1 }));
    expect(server.calls).to.have.length(1);
  });
});
