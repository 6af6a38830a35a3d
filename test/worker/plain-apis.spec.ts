/** Which APIs are told their secret in plain text. */
import { expect } from 'chai';
import { EMPTY } from 'rxjs';
import { apiKey, basic, bearer, defineApi, definePipeline, env, oauth2, queue } from 'sluice';
import { z } from 'zod';
import type { ApiOptions } from '../../src/http/define-api.ts';
import { Secret } from '../../src/setting.ts';
import { plainAddresses } from '../../src/worker/plain-apis.ts';

const secret = new Secret('canary');
const token = (tokenUrl: string) => oauth2({ tokenUrl, clientId: 'sluice', clientSecret: secret });

/** `setting address` of each that is told. */
const toldOf = (options: ApiOptions): readonly string[] => {
  const bank = defineApi('bank', options);
  const pipeline = definePipeline({
    name: 'paying',
    source: queue('paying'),
    input: z.object({}),
    apis: { bank, again: bank },
    handle: () => EMPTY,
  });
  return plainAddresses([pipeline]).map(({ api, setting, address }) => `${api} ${setting} ${address}`);
};

describe('an API that is told who calls without TLS', () => {
  for (const [title, auth] of [
    ['apiKey', apiKey('x-api-key', secret)],
    ['bearer', bearer(secret)],
    ['basic', basic('sluice', secret)],
    ['oauth2', token('https://tokens.internal/token')],
  ] as const)
    it(`S11: is known by ${title}, once for all who use it, without the path of its address`, () => {
      expect(toldOf({ baseUrl: 'http://bank.internal:8080/canary', auth })).to.deep.equal([
        'bank baseUrl http://bank.internal:8080',
      ]);
      expect(toldOf({ baseUrl: 'https://bank.internal', auth })).to.deep.equal([]);
    });

  it('S11: is known by where its tokens are asked for, whatever its own address is', () => {
    const auth = token('http://tokens.internal:9000/token?realm=canary');
    const tokens = 'bank auth.tokenUrl http://tokens.internal:9000';
    expect(toldOf({ baseUrl: 'https://bank.internal', auth })).to.deep.equal([tokens]);
    expect(toldOf({ baseUrl: 'http://localhost:1', auth })).to.deep.equal([tokens]);
    expect(toldOf({ baseUrl: 'http://bank.internal', auth })).to.deep.equal([
      'bank baseUrl http://bank.internal',
      tokens,
    ]);
  });

  for (const host of ['localhost', '127.0.0.1', '127.9.9.9', '[::1]'])
    it(`is none at ${host}, where nobody is on the way`, () => {
      expect(toldOf({ baseUrl: `http://${host}:1/a`, auth: token(`http://${host}:2/token`) })).to.deep.equal([]);
    });

  it('is none without a secret', () => {
    expect(toldOf({ baseUrl: 'http://bank.internal', headers: { 'x-shop': 'us' } })).to.deep.equal([]);
  });

  it('is not looked at where its settings are wrong, which is told elsewhere', () => {
    const auth = bearer(env.secret('NOBODY_SETS_THIS_SECRET'));
    expect(toldOf({ baseUrl: 'http://bank.internal', auth })).to.deep.equal([]);
  });
});
