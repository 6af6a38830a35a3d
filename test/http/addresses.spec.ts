/** Where an API may be: on addresses alone, and at connect time through both lanes with a lookup of our own. */
import type { LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { expect } from 'chai';
import { firstValueFrom } from 'rxjs';
import { ConfigError } from '../../src/errors.ts';
import { createFacts } from '../../src/events.ts';
import { type Addresses, addressRule, guardedLookup, parseNetwork } from '../../src/http/addresses.ts';
import { type ApiClient, createApiClient } from '../../src/http/api-client.ts';
import { type ApiOptions, defineApi } from '../../src/http/define-api.ts';
import { type HostileServer, startHostileServer } from '../support/hostile-server.ts';
import { failureOf, scopeOf } from './call-scope.ts';
import { lanes } from './lanes.ts';

const allows = (addresses: Addresses, address: string): boolean | undefined => addressRule(addresses)?.allows(address);

describe('addressRule', () => {
  for (const address of [
    '0.0.0.0',
    '0.1.2.3',
    '10.1.2.3',
    '100.64.0.1',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.8',
    '192.168.1.1',
    '198.18.0.1',
    '203.0.113.9',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '0:0:0:0:0:ffff:a9fe:a9fe',
    '::127.0.0.1',
    '64:ff9b::7f00:1',
    '2001::1',
    '2001:db8::1',
    '2002:7f00:1::',
    'fc00::1',
    'fd12:3456::1',
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'ff02::1',
    'localhost',
    '',
  ]) {
    it(`public: refuses ${address === '' ? 'nothing at all' : address}`, () =>
      expect(allows('public', address)).to.equal(false));
  }

  for (const address of [
    '1.1.1.1',
    '172.32.0.1',
    '100.128.0.1',
    '2606:4700::1111',
    '::ffff:1.1.1.1',
    '::ffff:101:101',
  ]) {
    it(`public: takes ${address}`, () => expect(allows('public', address)).to.equal(true));
  }

  it('takes what a list names and nothing else, in whatever clothes', () => {
    const list = ['10.20.0.0/16', 'fd00::/8', '127.0.0.1'];
    for (const address of ['10.20.3.4', 'fd12::1', '127.0.0.1', '::ffff:10.20.3.4', '::ffff:7f00:1'])
      expect(allows(list, address), address).to.equal(true);
    for (const address of ['10.21.0.1', '127.0.0.2', '::1', '1.1.1.1', 'fe80::1', '::ffff:10.21.0.1'])
      expect(allows(list, address), address).to.equal(false);
  });

  it('looks at nothing for any', () => expect(addressRule('any')).to.equal(undefined));

  it('reads networks', () => {
    for (const network of ['10.0.0.0/8', '::/0', '1.2.3.4', 'fd00::1/128'])
      expect(parseNetwork(network), network).to.be.an('object');
    for (const network of ['', '10.0.0/8', '10.0.0.0/33', 'fd00::/129', 'a.test', '0x7f.1/8', '1.2.3.4/', '/8'])
      expect(parseNetwork(network), network).to.equal(undefined);
  });
});

/** A resolver of names that knows just these. */
const resolving =
  (...addresses: readonly string[]): LookupFunction =>
  (_host, options, callback) => {
    const found: LookupAddress[] = addresses.map((address) => ({ address, family: isIP(address) }));
    if (options.all === true) callback(null, found);
    else callback(null, found[0]?.address ?? '', found[0]?.family);
  };

describe('guardedLookup', () => {
  const lookUp = (lookup: LookupFunction, all: boolean): Promise<unknown> =>
    new Promise((resolve, reject) => {
      lookup('a.test', { all }, (error, address) => (error === null ? resolve(address) : reject(error)));
    });
  const rule = addressRule('public');
  const guarded = (...addresses: string[]): LookupFunction =>
    rule === undefined ? expect.fail('no rule') : guardedLookup(rule, resolving(...addresses));

  it('gives the allowed ones of several addresses', async () => {
    expect(await lookUp(guarded('127.0.0.1', '1.1.1.1'), true)).to.deep.equal([{ address: '1.1.1.1', family: 4 }]);
    expect(await lookUp(guarded('::1', '2606:4700::1111'), false)).to.equal('2606:4700::1111');
  });

  it('fails when there is none, naming what it found', async () => {
    for (const all of [true, false]) {
      const failure = await lookUp(guarded('::1', '10.0.0.1'), all).catch((error: unknown) => error);
      expect(failure).to.include({
        code: 'ERR_ADDRESS_REFUSED',
        message: 'a.test leads to ::1, 10.0.0.1, which the option addresses does not allow',
      });
    }
  });

  it('passes on that a name is unknown', async () => {
    const unknown: LookupFunction = (_host, _options, callback) =>
      callback(Object.assign(new Error('unknown'), { code: 'ENOTFOUND' }), '');
    const failure = rule === undefined ? undefined : lookUp(guardedLookup(rule, unknown), true);
    expect(await failure?.catch((error: unknown) => error)).to.include({ code: 'ENOTFOUND' });
  });
});

for (const [lane, axios] of Object.entries(lanes)) {
  describe(`addresses through ${lane}`, () => {
    let server: HostileServer;
    const clients: ApiClient[] = [];

    before(async () => {
      server = await startHostileServer();
    });
    after(() => server.close());
    afterEach(async () => {
      for (const each of clients.splice(0)) await firstValueFrom(each.close(), { defaultValue: undefined });
      server.calls.length = 0;
    });

    const port = (): string => new URL(server.url).port;
    const api = (options: Partial<ApiOptions>, lookup?: LookupFunction) => {
      const definition = defineApi('payment', {
        baseUrl: `http://api.test:${port()}`,
        retry: false,
        axios,
        ...options,
      });
      const client = createApiClient(definition, { facts: createFacts(), random: () => 0, lookup });
      clients.push(client);
      return client.bind(scopeOf());
    };

    it('B27: refuses a name that leads to a private address, at connect time, and sends nothing', async () => {
      for (const address of ['127.0.0.1', '::ffff:127.0.0.1', '::1', '169.254.169.254', '10.0.0.1', '0.0.0.0']) {
        const error = await failureOf(api({ addresses: 'public' }, resolving(address)).get('/echo'));
        expect(error.code, address).to.equal('ERR_NETWORK');
        expect(error.message).to.equal(
          `payment GET /echo: api.test leads to ${address}, which the option addresses does not allow (ERR_ADDRESS_REFUSED)`,
        );
      }
      expect(server.calls).to.have.length(0);
      expect(server.openSockets.size).to.equal(0);
    });

    it('B27: refuses a name that changes its mind between two connections', async () => {
      let asked = 0;
      const rebinding: LookupFunction = (host, options, callback) =>
        resolving(++asked === 1 ? '127.0.0.1' : '127.0.0.2')(host, options, callback);
      const bound = api({ addresses: ['127.0.0.1'], connections: 2 }, rebinding);
      const came = server.nextCall();
      const first = bound.get('/hang').subscribe({ error: () => {} });
      await came;
      const error = await failureOf(bound.get('/echo'));
      first.unsubscribe();
      expect(error.message).to.include('api.test leads to 127.0.0.2');
      expect(asked).to.equal(2);
    });

    it('connects where it may', async () => {
      await firstValueFrom(api({}, resolving('127.0.0.1')).get('/echo'));
      await firstValueFrom(api({ addresses: 'any' }, resolving('127.0.0.1')).get('/echo'));
      await firstValueFrom(api({ addresses: ['127.0.0.0/8'] }, resolving('10.0.0.1', '127.0.0.1')).get('/echo'));
      expect(server.calls).to.have.length(3);
    });

    for (const host of [
      '127.1',
      '2130706433',
      '0x7f000001',
      '0177.0.0.1',
      '[::1]',
      '[::ffff:7f00:1]',
      '0',
      '0xa9fea9fe',
      '169.254.169.254',
    ]) {
      it(`B27: refuses the host ${host} before anything is connected`, () => {
        expect(() => api({ addresses: 'public', baseUrl: `http://${host}:${port()}` })).to.throw(
          ConfigError,
          /^api "payment": baseUrl: leads to [\d.:a-f]+, which the option addresses does not allow$/,
        );
        expect(server.calls).to.have.length(0);
      });
    }
  });
}
