/** A page of another origin in a real browser, with all the ways it has to send something to the front door: nothing comes in. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { of } from 'rxjs';
import { z } from 'zod';
import { queue } from '../../src/broker/queue.ts';
import { clientKeys } from '../../src/ingress/client-keys.ts';
import { codec } from '../../src/message/body-codec.ts';
import { definePipeline } from '../../src/pipeline/define-pipeline.ts';
import { Secret } from '../../src/setting.ts';
import { describeWithChromium } from '../support/chromium.ts';
import { eventually } from '../support/eventually.ts';
import { type DoorUnderTest, openDoor } from '../support/front-door.ts';

const KEY = 'shop-key-0123456789';
const text = codec<string>({
  contentType: 'text/plain',
  decode: (body) => Buffer.from(body).toString(),
  encode: (value) => Buffer.from(value),
});
const reads = { codecs: [text] };
const input = z.string();
const open = definePipeline({
  name: 'open',
  source: queue('open', { retry: false }),
  input,
  reads,
  handle: (value) => of(value),
  ingress: { path: '/open', auth: 'none' },
});
const guarded = definePipeline({
  name: 'guarded',
  source: queue('guarded', { retry: false }),
  input,
  reads,
  handle: (value) => of(value),
  ingress: { path: '/guarded', auth: clientKeys({ shop: new Secret(KEY) }) },
});

/** Tries everything, then says in its title how the fetches went. */
const pageFor = (door: string): string => `<!doctype html><title>at work</title>
<iframe name="sink"></iframe>
<form action="${door}/open" method="post" enctype="text/plain" target="sink"><input name="a" value="b"></form>
<script>
  const ask = (path, headers, mode) =>
    fetch('${door}' + path, { method: 'POST', mode, headers, body: '"a"' }).then((r) => r.type, () => 'refused');
  navigator.sendBeacon('${door}/open', 'a');
  document.forms[0].submit();
  Promise.all([
    ask('/open', { 'content-type': 'text/plain' }, 'no-cors'),
    ask('/open', { 'content-type': 'text/plain' }, 'cors'),
    ask('/open', { 'content-type': 'application/json' }, 'cors'),
    ask('/guarded', { 'content-type': 'text/plain', 'x-api-key': '${KEY}' }, 'cors'),
    ask('/guarded', { 'content-type': 'text/plain', 'x-api-key': '${KEY}' }, 'no-cors'),
  ]).then((all) => { document.title = all.join(' '); });
</script>`;

describeWithChromium('a page of another origin', (browser) => {
  let subject: DoorUnderTest;
  let server: Server;
  before(async () => {
    subject = await openDoor([open, guarded]);
    server = createServer((_, response) => {
      response.setHeader('content-type', 'text/html');
      response.end(pageFor(subject.door.url));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  after(async () => {
    server.close();
    server.closeAllConnections();
    await subject.stop();
  });

  it('sends nothing to the front door: no text, no form, no beacon, no JSON, nothing with a key', async () => {
    const page = await browser().newPage();
    try {
      await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
      await eventually('it has tried', async () => (await page.title()) !== 'at work');
      expect(await page.title()).to.equal('opaque refused refused refused opaque');
      // Three simple requests to /open came and a form's; what came without its key to /guarded is 401.
      const refused = () => subject.answered.filter(({ status }) => status === 403).length;
      await eventually('all were refused', () => refused() === 4);
      // The browser's own questions first, for JSON and for the key, are no messages of a pipeline.
      const asked = subject.answered.filter(({ pipeline }) => pipeline !== '');
      expect(asked.map(({ status }) => status).sort()).to.deep.equal([401, 403, 403, 403, 403]);
      expect(subject.worker.contents).to.deep.equal([]);
    } finally {
      await page.close();
    }
  });
});
