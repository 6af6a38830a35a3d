/** Keys as calls carry them. */
import { expect } from 'chai';
import { firstValueFrom, of, throwError } from 'rxjs';
import { createFacts } from '../../src/events.ts';
import type { Api } from '../../src/http/api.ts';
import { createApiClient } from '../../src/http/api-client.ts';
import { defineApi } from '../../src/http/define-api.ts';
import { scopeApis } from '../../src/http/scope-apis.ts';
import { type Transport, TransportError } from '../../src/http/transport.ts';
import { Secret } from '../../src/setting.ts';
import { clientOf, scopeOf } from './call-scope.ts';

const keys: (string | undefined)[] = [];
const transport: Transport = (request) => {
  keys.push(request.headers['idempotency-key']);
  return of({ status: 204, headers: {}, body: Buffer.alloc(0) });
};
const client = clientOf({ baseUrl: 'http://api.test/v1' }, transport);
const bound = (scope: Parameters<typeof scopeOf>[0] = {}): Api => client.bind(scopeOf(scope));

async function keyOf(call: ReturnType<Api['post']>): Promise<string> {
  keys.length = 0;
  await firstValueFrom(call, { defaultValue: undefined });
  return keys[0] ?? expect.fail('no key was sent');
}

describe('an idempotency key', () => {
  it('is 43 characters of base64url', async () =>
    expect(await keyOf(bound().post('/charge', { a: 1 }))).to.match(/^[\w-]{43}$/));

  it('stays what it was: workers of two versions handle messages of one queue', async () => {
    const api = bound();
    const bytes = { headers: { 'content-type': 'application/octet-stream' } };
    const sent = [
      await keyOf(api.post('/charge', { a: 1 })),
      await keyOf(api.post('/charge', { a: 1 })),
      await keyOf(api.post('/charge', { a: 1 }, { params: { q: 1 } })),
      await keyOf(api.put('/charge/{id}', 'ä', { path: { id: 'x/y' } })),
      await keyOf(api.delete('/charge/{id}', { path: { id: 1 } })),
      await keyOf(api.post('/raw', new Uint8Array([1, 2]), bytes)),
    ];
    expect(sent).to.deep.equal([
      'wSC6YUj-V_CvahsJuqw_hdzS3_NytgEh4knK_rLwKEg',
      'pyDtBRxs20-IxRwdsrGWqzTU8aSm-qU8Oct00aWKKS0',
      'cchlR1qrnGVl3lXCb7FrTh8HfZ0l4WC7IPqc14medcc',
      'kdRnF0IWACcEiWne36y7Dn0eFsd8DO8rORGpJESce-s',
      'OPl0SdN98fSr8KX9BFlcjh9A8wAfU0YWpfHvOzbKl_Y',
      'Ou9yd6iSlrjFYbvoI8V2Bjx97UDqXcLf-Z74cvx7Txs',
    ]);
  });

  it('is the same for every subscription, attempt, delivery tag and worker', async () => {
    const call = bound().post('/charge/{id}', { a: 1 }, { path: { id: 1 }, params: { q: 1 } });
    const key = await keyOf(call);
    expect(await keyOf(call)).to.equal(key);
    const redelivered = clientOf({ baseUrl: 'http://other.test/v1' }, transport).bind(
      scopeOf({ deliveryTag: 9, messageAttempt: 4, trace: { traceparent: 'other' }, correlationId: 'c2' }),
    );
    expect(await keyOf(redelivered.post('/charge/{id}', { a: 1 }, { path: { id: '1' }, params: { q: '1' } }))).to.equal(
      key,
    );
  });

  it('cannot be guessed where there is a secret, and is the same for all who have it', async () => {
    const under = (secret?: string): Api =>
      createApiClient(defineApi('payment', { baseUrl: 'http://api.test/v1' }), {
        facts: createFacts(),
        random: () => 0,
        transport,
        keySecret: secret === undefined ? undefined : new Secret(secret),
      }).bind(scopeOf());
    const inSaga = (api: Api): Api => scopeApis({ api }, { keyScope: 'saga/place-order/o-1/charge' }).api;
    const options = [{}, { idempotencyKey: 'own' }];
    for (const option of options) {
      const keyUnder = (secret?: string) => keyOf(under(secret).post('/charge', { a: 1 }, option));
      const known = await keyUnder('one secret of many');
      expect(await keyUnder('one secret of many'), 'after a restart').to.equal(known);
      expect(await keyUnder('another secret'), 'under another').to.not.equal(known);
      expect(await keyUnder(), 'without one').to.not.equal(known);
      expect(known).to.match(/^[\w-]{43}$/);
    }
    const saga = await keyOf(inSaga(under('one secret of many')).post('/charge', {}));
    expect(await keyOf(inSaga(under()).post('/charge', {})), "a saga's keys too").to.not.equal(saga);
  });

  it('stays through attempts that fail', async () => {
    const sent: (string | undefined)[] = [];
    const failing = clientOf(
      { baseUrl: 'http://api.test', retry: { backoff: { initial: 1, max: 1 } } },
      ({ headers }) => {
        sent.push(headers['idempotency-key']);
        return throwError(() => new TransportError('network', 'gone'));
      },
    );
    await firstValueFrom(failing.bind(scopeOf()).post('/x'), { defaultValue: undefined }).catch(() => {});
    expect(sent).to.have.length(3);
    expect(new Set(sent)).to.have.length(1);
  });

  it('differs by scope, API, method, path, query and body', async () => {
    const other = clientOf({ baseUrl: 'http://api.test/v1' }, transport);
    const all = [
      await keyOf(bound().post('/charge', { a: 1 })),
      await keyOf(bound({ keyScope: 'orders/m2' }).post('/charge', { a: 1 })),
      await keyOf(bound().put('/charge', { a: 1 })),
      await keyOf(bound().patch('/charge', { a: 1 })),
      await keyOf(bound().delete('/charge')),
      await keyOf(bound().post('/charge')),
      await keyOf(bound().post('/charge', '')),
      await keyOf(bound().post('/charge', { a: 2 })),
      await keyOf(bound().post('/charge', '{"a":1}')),
      await keyOf(bound().post('/charge', Buffer.from('{"a":1}'), { headers: { 'content-type': 'application/json' } })),
      await keyOf(bound().post('/charges', { a: 1 })),
      await keyOf(bound().post('/charge', { a: 1 }, { params: { a: 1 } })),
    ];
    expect(other.name).to.equal('payment');
    expect(new Set(all)).to.have.length(all.length);
  });

  it('tells identical calls of a message apart by the order of the method calls, not of the subscriptions', async () => {
    const api = bound();
    const [first, second, third] = [api.post('/a', 1), api.post('/a', 1), api.post('/a', 1)];
    const later = [await keyOf(third), await keyOf(first), await keyOf(second)];
    const again = bound();
    const [one, two, three] = [again.post('/a', 1), again.post('/a', 1), again.post('/a', 1)];
    expect([await keyOf(three), await keyOf(one), await keyOf(two)]).to.deep.equal(later);
    expect(new Set(later)).to.have.length(3);
    expect(await keyOf(first)).to.equal(later[1]);
  });

  it('is not moved by other calls made before: other bodies, other paths, unsendable ones', async () => {
    const alone = await keyOf(bound().post('/a', 1));
    const api = bound();
    api.post('/a', 2);
    api.post('/a', 1n);
    api.post('/b', 1);
    api.post('/a', 1, { idempotencyKey: 'given' });
    expect(await keyOf(api.post('/a', 1))).to.equal(alone);
  });

  it('goes by a given name instead of body and query, within its scope', async () => {
    const given = { idempotencyKey: 'refund-1' };
    const key = await keyOf(bound().post('/refund', { at: 1 }, given));
    expect(key).to.match(/^[\w-]{43}$/);
    const api = bound();
    await keyOf(api.post('/refund', { at: 2 }, given));
    expect(await keyOf(api.post('/refund', { at: 3 }, { ...given, params: { at: 4 } }))).to.equal(key);
    expect(await keyOf(bound({ keyScope: 'other/m1' }).post('/refund', { at: 1 }, given))).to.not.equal(key);
    expect(await keyOf(bound().post('/charge', { at: 1 }, given))).to.not.equal(key);
    expect(await keyOf(bound().post('/refund', { at: 1 }, { idempotencyKey: 'refund-2' }))).to.not.equal(key);
  });
});

describe('scopeApis', () => {
  it('gives the same APIs other keys, the same for the same scope, whatever the message', async () => {
    const apis = { payment: bound() };
    const inStep = scopeApis(apis, { keyScope: 'saga/place-order/7/charge' });
    const key = await keyOf(inStep.payment.post('/charge', 1));
    expect(key).to.not.equal(await keyOf(apis.payment.post('/charge', 1)));
    const elsewhere = scopeApis(
      { payment: bound({ messageId: 'm2', keyScope: 'orders/m2' }) },
      { keyScope: 'saga/place-order/7/charge' },
    );
    expect(await keyOf(elsewhere.payment.post('/charge', 1))).to.equal(key);
  });

  it('leaves what no client bound as it is', () => {
    const stub = bound();
    const plain = { get: () => of(1) } as unknown as Api;
    expect(scopeApis({ plain }, { keyScope: 's' }).plain).to.equal(plain);
    expect(scopeApis({ stub }, { keyScope: 's' }).stub).to.not.equal(stub);
  });
});
