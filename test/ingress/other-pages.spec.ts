/** What pages of other origins make a browser send, and names that were pointed at the door's address. */
import { expect } from 'chai';
import { of } from 'rxjs';
import { z } from 'zod';
import { queue } from '../../src/broker/queue.ts';
import { clientKeys } from '../../src/ingress/client-keys.ts';
import type { IngressOptions } from '../../src/ingress/ingress.ts';
import { codec } from '../../src/message/body-codec.ts';
import { definePipeline } from '../../src/pipeline/define-pipeline.ts';
import { Secret } from '../../src/setting.ts';
import { type DoorUnderTest, openDoor, raw } from '../support/front-door.ts';

const KEY = 'shop-key-0123456789';

/** Of a content type that a page may send without asking first. */
const plainText = codec<string>({
  contentType: 'text/plain',
  decode: (body) => Buffer.from(body).toString(),
  encode: (text) => Buffer.from(text),
});
const entered = (name: string, ingress: Partial<IngressOptions<never>> = {}) =>
  definePipeline({
    name,
    source: queue(name, { retry: false }),
    input: z.string(),
    reads: { codecs: [plainText] },
    handle: (text) => of(text),
    ingress: { path: `/${name}`, ...ingress },
  });
const unsaid = entered('unsaid');
const anybody = entered('anybody', { auth: 'none', rateLimit: { requests: 2, per: '1h' } });
const guarded = entered('guarded', { auth: clientKeys({ shop: new Secret(KEY) }) });

describe('the front door and pages of other origins', () => {
  let subject: DoorUnderTest;
  afterEach(() => subject.stop());
  const answerTo = async (path: string, headers: Record<string, string>, method = 'POST'): Promise<string> => {
    const body = method === 'POST' ? { body: 'hello' } : {};
    const asking = { method, ...body, headers: { 'content-type': 'text/plain', ...headers } };
    const { status, body: told } = await subject.ask(path, asking);
    return `${status} ${String(told.type ?? '').replace('urn:sluice:problem:', '')}`.trim();
  };
  const port = () => new URL(subject.door.url).port;

  it('knows no name on loopback but its own: one that was pointed at it is told nothing, whatever it asks', async () => {
    subject = await openDoor([unsaid, guarded]);
    for (const name of ['evil.test', '127.0.0.1.evil.test', 'localhost.evil.test', '192.0.2.1']) {
      const host = `${name}:${port()}`;
      const rebound = { host, origin: `http://${host}`, 'sec-fetch-site': 'same-origin', 'x-api-key': KEY };
      for (const path of ['/unsaid', '/guarded', '/nowhere'])
        expect([host, path, await answerTo(path, rebound)]).to.deep.equal([host, path, '421 name-unknown']);
      for (const path of ['/openapi.json', '/unsaid/status/x'])
        expect([host, path, await answerTo(path, rebound, 'GET')]).to.deep.equal([host, path, '421 name-unknown']);
    }
    for (const host of [`127.0.0.1:${port()}`, `localhost:${port()}`, 'LOCALHOST', `[::1]:${port()}`])
      expect([host, await answerTo('/unsaid', { host, origin: `http://${host}` })]).to.deep.equal([host, '202']);
    expect(await answerTo('/unsaid', { host: 'a b' })).to.equal('400 host');
    expect(await raw(subject.door.url, 'GET /openapi.json HTTP/1.0\r\n\r\n')).to.match(/^HTTP\/1\.1 400 .*:host"/s);
  });

  it('is asked under the names it was given, as of a proxy on its machine, and under no others', async () => {
    subject = await openDoor([unsaid], { names: ['shop.example', 'localhost.example'] });
    for (const host of ['shop.example', 'Shop.Example:8443', `localhost:${port()}`])
      expect([host, await answerTo('/unsaid', { host, origin: `https://${host}` })]).to.deep.equal([host, '202']);
    // As a proxy hands it on that always names the port.
    const named = { host: 'shop.example:443', origin: 'https://shop.example' };
    expect(await answerTo('/unsaid', named)).to.equal('202');
    expect(await answerTo('/unsaid', { ...named, origin: 'https://shop.example:8443' })).to.equal('403 other-origin');
    for (const host of ['api.shop.example', 'shop.example.evil.test'])
      expect([host, await answerTo('/unsaid', { host })]).to.deep.equal([host, '421 name-unknown']);
  });

  it('has any name off loopback, unless it was given names', async () => {
    subject = await openDoor([guarded], { host: '0.0.0.0' });
    const shop = { host: 'shop.example', 'x-api-key': KEY };
    expect(await answerTo('/guarded', shop)).to.equal('202');
    await subject.stop();

    subject = await openDoor([guarded], { host: '0.0.0.0', names: ['shop.example'] });
    expect(await answerTo('/guarded', shop)).to.equal('202');
    expect(await answerTo('/guarded', { ...shop, host: 'evil.test' })).to.equal('421 name-unknown');
  });

  it('refuses what a browser sends for them where anybody may send, simple requests too, and counts it for nobody', async () => {
    subject = await openDoor([unsaid, anybody]);
    const own = `http://127.0.0.1:${port()}`;
    const foreign = [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'cross-site', origin: own },
      { 'sec-fetch-site': 'same-origin', origin: 'https://evil.test' },
      { origin: 'https://evil.test' },
      { origin: 'null' },
      { origin: 'http://127.0.0.1:1' },
    ];
    for (const headers of foreign)
      for (const path of ['/unsaid', '/anybody'])
        expect([headers, path, await answerTo(path, headers)]).to.deep.equal([headers, path, '403 other-origin']);
    expect(await answerTo('/unsaid/status/x', { origin: 'https://evil.test' }, 'GET')).to.equal('403 other-origin');
    expect(subject.worker.contents).to.deep.equal([]);

    for (const headers of [{}, { origin: own, 'sec-fetch-site': 'same-origin' }, { 'sec-fetch-site': 'none' }])
      expect([headers, await answerTo('/unsaid', headers)]).to.deep.equal([headers, '202']);
    expect(await answerTo('/anybody', { origin: own })).to.equal('202');
  });

  it('refuses it before the body is read', async () => {
    subject = await openDoor([unsaid]);
    const head = 'POST /unsaid HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/plain\r\ncontent-length: 1000\r\n';
    const told = await raw(subject.door.url, `${head}sec-fetch-site: cross-site\r\n\r\nx`);
    expect(told).to.match(/^HTTP\/1\.1 403 .*connection: close.*other-origin/is);
  });

  it('lets who shows a key be where he is: no other page can show it, for its browser is not allowed to', async () => {
    subject = await openDoor([guarded]);
    const elsewhere = { origin: 'https://shop.example', 'sec-fetch-site': 'cross-site' };
    expect(await answerTo('/guarded', { ...elsewhere, 'x-api-key': KEY })).to.equal('202');
    expect(await answerTo('/guarded', elsewhere)).to.equal('401 not-authenticated');
    const asked = {
      ...elsewhere,
      'access-control-request-headers': 'x-api-key',
      'access-control-request-method': 'POST',
    };
    const preflight = await subject.ask('/guarded', { method: 'OPTIONS', headers: asked });
    expect(Object.keys(preflight.headers).filter((name) => name.startsWith('access-control'))).to.deep.equal([]);
  });
});
