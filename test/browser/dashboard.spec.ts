/** The dashboard in a real browser: a worker, messages, and somebody who looks. */
import { connect } from 'node:net';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import axe from 'axe-core';
import { expect } from 'chai';
import type { Browser, Page } from 'playwright-core';
import type { Logger } from '../../src/log.ts';
import { silentLogger } from '../../src/log.ts';
import { describeWithChromium } from '../support/chromium.ts';
import { type DashboardUnderTest, startDashboardWorker } from '../support/dashboard-under-test.ts';
import { eventually } from '../support/eventually.ts';
import { type ReceiptsApi, startReceiptsApi } from '../support/receipts-api.ts';
import { runCopiedTests } from '../support/run-copied-test.ts';

const TOKEN = 'token-of-the-browser-tests';
const MODULE = join(import.meta.dirname, '../fixtures/dashboard/receipts.ts');
/** What every page must survive: markup in a text. */
const HOSTILE = `"><img src=x onerror="window.hacked=1"><script>window.hacked=1</script>{{7*7}}\u202e`;

describeWithChromium('the dashboard in a browser', (browser: () => Browser) => {
  let api: ReceiptsApi;
  let worker: DashboardUnderTest;
  const lines: { readonly fields: object; readonly text: string }[] = [];
  const log: Logger = {
    ...silentLogger,
    info: (fields: object | string, text?: string) =>
      void lines.push({ fields: Object(fields) as object, text: text ?? '' }),
    warn: (fields: object | string, text?: string) =>
      void lines.push({ fields: Object(fields) as object, text: text ?? '' }),
  };
  let page: Page;
  let problems: string[];
  let asked: string[];

  before(async () => {
    api = await startReceiptsApi();
    process.env.RECEIPTS_API_BASE_URL = api.baseUrl;
    const { default: receipts } = await import('../fixtures/dashboard/receipts.ts');
    const { default: returns } = await import('../fixtures/dashboard/returns.ts');
    const { default: postings } = await import('../fixtures/partitions/postings.ts');
    worker = await startDashboardWorker({
      pipelines: [receipts, returns, postings],
      payloads: 'all',
      token: TOKEN,
      log,
    });
    await worker.client.collect('receipts');
  });
  after(async () => {
    await worker.stop();
    await api.stop();
    delete process.env.RECEIPTS_API_BASE_URL;
  });

  const open = async (hash: string, token: string | undefined = TOKEN): Promise<Page> => {
    const context = await browser().newContext({ viewport: { width: 1_300, height: 900 }, reducedMotion: 'reduce' });
    await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: worker.url });
    const opened = await context.newPage();
    problems = [];
    asked = [];
    opened.on('pageerror', (error) => problems.push(String(error)));
    opened.on('console', (message) => {
      if (message.type() === 'error' && !/status of 40[134]/.test(message.text())) problems.push(message.text());
    });
    opened.on('request', (request) => asked.push(request.url()));
    if (token !== undefined)
      await opened.addInitScript((given) => sessionStorage.setItem('sluice-token', given), token);
    await opened.goto(`${worker.url}/${hash}`);
    return opened;
  };
  const send = (id: string, order: string): Promise<void> =>
    worker.client.send('orders.paid', { order, total: 20 }, { messageId: id });
  const table = (name: RegExp) => page.locator('tr', { has: page.getByRole('button', { name }) });

  afterEach(async () => {
    // One that failed while it accepted would let those after it fail, too.
    api.refuses = true;
    const { problems: seen } = { problems };
    await page.context().close();
    expect(seen, 'errors of the page').to.deep.equal([]);
    expect(asked.filter((url) => !url.startsWith(`${worker.url}/`) && !url.startsWith('data:'))).to.deep.equal([]);
  });

  it('works below a path that a proxy has for it', async () => {
    page = await open('');
    const place = `${worker.url}/proxied/here/`;
    await page.route(`${place}**`, (route) =>
      route.continue({ url: route.request().url().replace(place, `${worker.url}/`) }),
    );
    asked = [];
    await page.goto(place);
    await page.getByRole('link', { name: 'receipts' }).waitFor();
    for (const [tab, path] of [
      ['Dead letters', 'dead-letters'],
      ['Sagas', 'sagas'],
    ] as const) {
      const answered = page.waitForResponse((response) => response.url().includes(`/${path}`) && response.ok());
      await page.getByRole('link', { name: tab, exact: true }).click();
      await answered;
    }
    // The icon of the page before may come late.
    expect(asked.filter((url) => !url.startsWith(place) && !url.endsWith('/icon.svg'))).to.deep.equal([]);
  });

  it('loads from the worker alone, in less than 150 KB, under a policy without inline scripts', async () => {
    page = await open('');
    await page.getByRole('link', { name: 'receipts' }).waitFor();
    const files = ['/', '/dashboard.js', '/style.css', '/icon.svg', '/favicon.ico'];
    let bytes = 0;
    for (const file of files) {
      const response = await fetch(worker.url + file);
      bytes += (await response.arrayBuffer()).byteLength;
      const policy = response.headers.get('content-security-policy') ?? '';
      expect(policy).to.include("default-src 'none'").and.to.include("script-src 'self'").and.to.not.include('unsafe');
    }
    expect(bytes).to.be.lessThan(150 * 1024);
  });

  it('shows messages while they flow, and where they went wrong', async () => {
    page = await open('#marbles/receipts');
    const delivered = page.locator('.ledger b').first();
    await delivered.waitFor();
    const before = Number(await delivered.textContent());
    for (let n = 0; n < 5; n++) await send(`live-${n}`, `live-${n}`);
    await page.getByText('delivered', { exact: false }).first().waitFor();
    await eventually('five more deliveries', async () => Number(await delivered.textContent()) >= before + 5);
    await page.locator('.group[data-message="live-4"] .marble.ack').waitFor({ state: 'attached' });
    await send('refused-live', 'refused-live');
    await page.locator('.group[data-message="refused-live"] .marble.deadLetter').waitFor({ state: 'attached' });
    await page
      .getByText(/dead-lettered, the newest with ERR_HTTP_STATUS/)
      .first()
      .waitFor();
  });

  it('tells one message’s story, and copies it as a marble test that passes', async () => {
    page = await open('#marbles/receipts');
    await send('busy-story', 'busy-story');
    const group = page.locator('.group[data-message="busy-story"]');
    await group.locator('.marble.ack').waitFor({ state: 'attached' });
    await group.locator('.marble.delivery').dispatchEvent('click');
    const panel = page.getByRole('complementary', { name: 'Message busy-story' });
    await panel.getByText('pause before the next try').waitFor();
    const story = await panel.innerText();
    expect(story).to.match(/delivered[\s\S]+printer[\s\S]+503[\s\S]+printer[\s\S]+200[\s\S]+book-keeping[\s\S]+acked/);
    expect(story).to.include('page of busy-story');
    expect(await page.getByRole('button', { name: 'Resume' }).isVisible(), 'a click pauses').to.equal(true);

    await panel.getByRole('button', { name: 'Copy' }).click();
    await panel.getByText('Copied', { exact: true }).waitFor();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    const run = await runCopiedTests([copied], MODULE);
    expect(run, run.output).to.include({ passes: 1, failures: 0 });
    expect(lines.filter(({ text }) => text === 'content of a message was shown')).to.have.length.at.least(1);
  });

  it('says of a message that failed and was not followed how it ended, and that there is more to it', async () => {
    page = await open('#marbles/receipts');
    const at = Date.now();
    // More than are followed in one second, and none of the next.
    for (let n = 0; n < 401; n++) {
      const id = n === 400 ? 'unfollowed' : `crowd-${n}`;
      const about = { pipeline: 'receipts', messageId: id, correlationId: id, deliveryTag: 2e6 + n, messageAttempt: 1 };
      const of = { ...about, at, traceId: 'c'.repeat(32) };
      worker.facts.report({ type: 'delivered', ...of, queue: 'orders.paid', attempt: 1, redelivered: false, bytes: 9 });
      worker.facts.report({
        type: 'settled',
        ...of,
        at: n === 400 ? at + 3 : at,
        late: false,
        durationMs: 3,
        ...(n === 400
          ? {
              settlement: 'deadLetter',
              code: 'ERR_PAYLOAD_INVALID',
              stage: 'validate',
              reason: 'total: expected a number',
            }
          : { settlement: 'ack' }),
      });
    }
    await page.getByRole('button', { name: 'unfollowed' }).click();
    const panel = page.getByRole('complementary', { name: 'Message unfollowed' });
    await panel.getByText('Not all of it was kept').waitFor();
    const story = await panel.innerText();
    expect(story).to.include('Dead-lettered after 3 ms').and.include('total: expected a number');
    expect(await panel.getByRole('button', { name: 'Copy' }).count()).to.equal(0);
  });

  it('draws the partitions of a queue as what they are, with how many there are', async () => {
    page = await open('#graph/postings');
    await page.locator('.graph').getByText('8 partitions · ').waitFor();
    await page.goto(`${worker.url}/#graph/receipts`);
    await page.locator('.graph').getByText('orders.paid').first().waitFor({ state: 'attached' });
    expect(await page.locator('.graph').textContent()).to.not.include('partition');
  });

  it('draws no line of a graph through the label of another', async () => {
    page = await open('#graph/receipts');
    await page.locator('.graph .edge text').first().waitFor({ state: 'attached' });
    const touched = await page.evaluate(() => {
      const edges = [...document.querySelectorAll('.graph .edge')];
      // As long as they come.
      for (const label of document.querySelectorAll('.graph .edge text.end'))
        label.textContent = '123.4/s · 123.4 failed';
      const found: string[] = [];
      for (const edge of edges)
        for (const other of edges) {
          const label = edge.querySelector('text')?.getBBox();
          const line = other.querySelector('path');
          if (label === undefined || line === null) continue;
          for (let at = 0; at <= line.getTotalLength(); at++) {
            const { x, y } = line.getPointAtLength(at);
            const isIn = x >= label.x && x <= label.x + label.width && y >= label.y && y <= label.y + label.height;
            if (!isIn) continue;
            found.push(`${edge.textContent} by ${other.textContent} at ${Math.round(x)} ${Math.round(y)}`);
            break;
          }
        }
      return found;
    });
    expect(touched).to.deep.equal([]);
  });

  it('is worked by keys alone', async () => {
    page = await open('#marbles/receipts');
    await send('keys', 'keys');
    await page.locator('.group[data-message="keys"] .marble.ack').waitFor({ state: 'attached' });
    await page.getByText('Click or Tab into the diagram: ← → step').waitFor();
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.textContent)).to.include('Skip to content');
    for (let n = 0; n < 30; n++) {
      await page.keyboard.press('Tab');
      if (await page.evaluate(() => document.activeElement?.classList.contains('plot') === true)) break;
    }
    await page.keyboard.press('ArrowLeft');
    await page.locator('.readout').getByText('keys').waitFor();
    expect(await page.getByRole('button', { name: 'Resume' }).isVisible(), 'stepping pauses').to.equal(true);
    await page.keyboard.press('Enter');
    await page.getByRole('complementary', { name: 'Message keys' }).getByText('Timeline').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('complementary').waitFor({ state: 'detached' });
    expect(await page.getByRole('button', { name: 'Resume' }).isVisible(), 'only a pause of its own ends').to.equal(
      true,
    );
    await page.keyboard.press(' ');
    await page.getByRole('button', { name: 'Pause' }).waitFor();
    await page.keyboard.press(' ');
    await page.getByRole('button', { name: 'Resume' }).waitFor();
    await page.keyboard.press('PageUp');
    await page.keyboard.press('End');
    await page.getByRole('button', { name: 'Pause' }).waitFor();
  });

  it('takes keys for the diagram once it is clicked into, and leaves them to the page until then', async () => {
    page = await open('#marbles/receipts');
    await page.locator('.plot svg').waitFor();
    await page.keyboard.press(' ');
    await page.keyboard.press('ArrowLeft');
    expect(await page.getByRole('button', { name: 'Pause' }).isVisible(), 'nothing has the focus').to.equal(true);
    await page.locator('.plot').click({ position: { x: 10, y: 10 } });
    await page.keyboard.press(' ');
    await page.getByRole('button', { name: 'Resume' }).waitFor();
  });

  it('breaks no code of dead letters, at any width, with their panel open', async () => {
    await worker.client.channel.purgeQueue('orders.paid.dead');
    await worker.client.send('orders.paid', { order: 'x', total: 'much' }, { messageId: 'invalid-total' });
    await eventually(
      'the dead letter',
      async () => (await worker.client.channel.checkQueue('orders.paid.dead')).messageCount === 1,
    );
    page = await open('#dead-letters');
    const code = page.getByRole('button', { name: 'ERR_PAYLOAD_INVALID' }).first();
    await code.click();
    for (const width of [1_300, 900, 390]) {
      await page.setViewportSize({ width, height: 900 });
      const lineHeight = 24;
      expect((await code.boundingBox())?.height, `${width} px`).to.equal(lineHeight);
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), `${width} px`).to.equal(0);
    }
    await page.getByRole('complementary').getByRole('button', { name: 'Show' }).click();
    await page.getByText('invalid-total').first().waitFor();
    await worker.client.channel.purgeQueue('orders.paid.dead');
  });

  it('rehearses and replays dead letters after a question, and the worker writes down who did', async () => {
    await send('refused-replay', 'refused-replay');
    await eventually(
      'a dead letter',
      async () => (await worker.client.channel.checkQueue('orders.paid.dead')).messageCount > 0,
    );
    page = await open('#dead-letters');
    await table(/ERR_HTTP_STATUS/)
      .getByRole('button')
      .click();
    const panel = page.getByRole('complementary');
    await panel.getByRole('button', { name: 'Try' }).click();
    await panel.getByText(/would now pass/).waitFor();
    expect(await panel.innerText()).to.match(/(\d+) of \1 would now pass/);
    await panel.getByRole('button', { name: 'Show' }).click();
    await panel.getByText('refused-replay').first().waitFor();

    api.refuses = false;
    const { acked } = worker.worker.ledgers().receipts ?? { acked: 0 };
    // The tests before this one left letters of that kind, too.
    const letters = Number((await panel.getByRole('button', { name: /Replay \d/ }).innerText()).replace(/\D/g, ''));
    expect(letters).to.be.greaterThan(0);
    await panel.getByRole('button', { name: /Replay \d/ }).click();
    await page.getByRole('button', { name: 'Cancel' }).click();
    expect((await worker.client.channel.checkQueue('orders.paid.dead')).messageCount).to.be.greaterThan(0);
    await panel.getByRole('button', { name: /Replay \d/ }).click();
    await page
      .getByRole('dialog')
      .getByRole('button', { name: /Replay \d/ })
      .click();
    // Its end: while it is under way, the text goes on with "so far".
    await page
      .getByText(/went back to work\./)
      .or(page.getByText('No letters lie in'))
      .first()
      .waitFor();
    await eventually(
      'all of them to be done, before the API refuses again',
      () => (worker.worker.ledgers().receipts?.acked ?? 0) >= acked + letters,
      20_000,
    );
    const looked = lines.find(({ text }) => text === 'dead letters were shown')?.fields;
    expect(JSON.stringify(looked), 'who looked').to.match(/^\{"queue":"orders\.paid","fingerprint":"[0-9a-f]{8}"\}$/);
    const audit = lines.find(({ text }) => text === 'dead letters were replayed');
    expect(audit?.fields).to.include({ queue: 'orders.paid', failure: undefined });
  });

  it('shows how far a replay is to everybody who looks, and what it came to', async () => {
    for (const id of ['refused-slow-1', 'refused-slow-2']) await send(id, id);
    await eventually(
      'both letters',
      async () => (await worker.client.channel.checkQueue('orders.paid.dead')).messageCount === 2,
    );
    page = await open('#dead-letters');
    await table(/ERR_HTTP_STATUS/)
      .getByRole('button')
      .click();
    const panel = page.getByRole('complementary');
    const authorization = `Bearer ${TOKEN}`;
    const list = (await (await fetch(`${worker.url}/dead-letters`, { headers: { authorization } })).json()) as {
      readonly groups: readonly { readonly queue: string; readonly fingerprint: string }[];
    };
    const { fingerprint } = list.groups.find(({ queue }) => queue === 'orders.paid') ?? { fingerprint: '' };
    api.refuses = false;
    // Asked for by somebody else, who leaves some seconds between the two.
    const replaying = fetch(`${worker.url}/dead-letters/replay`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization },
      body: JSON.stringify({ queue: 'orders.paid', fingerprint, perSecond: 0.3 }),
    });
    const bar = panel.getByRole('progressbar', { name: 'Replay of orders.paid' });
    await bar.waitFor();
    expect(await bar.getAttribute('aria-valuetext')).to.match(/^[012] of [02] letters? looked at$/);
    expect(await panel.getByRole('button', { name: 'Replaying…' }).isDisabled()).to.equal(true);
    await panel.getByText('1 letter of orders.paid went back to work so far').waitFor();
    expect(await (await replaying).json()).to.include({ matched: 2, replayed: 2 });
    await bar.waitFor({ state: 'detached' });
  });

  it('lists sagas by how they stand, marks what is undone, resumes a stuck one and gives another up', async () => {
    page = await open('#marbles/returns');
    await page.locator('.ledger b').first().waitFor();
    for (const order of ['refused-refused-1', 'refused-refused-2', 'refused-3'])
      await worker.client.send('orders.returned', { order }, { messageId: order });
    await page.locator('.group[data-message="refused-3"] .attempt.undoing.ok').waitFor({ state: 'attached' });
    await page.locator('.group[data-message="refused-refused-2"] .marble.deadLetter').waitFor({ state: 'attached' });
    await page.evaluate(() => void location.assign('#sagas'));
    const stuck = page.locator('.sagas tr', { has: page.getByText('stuck', { exact: true }) });
    await stuck.nth(1).waitFor();
    expect(await page.locator('.sagas tbody tr').count(), 'only those that have not ended').to.equal(2);

    await page.getByRole('button', { name: 'refused-refused-1' }).click();
    const panel = page.getByRole('complementary', { name: 'Saga refused-refused-1' });
    await panel.getByText(/stuck at label/).waitFor();
    expect(await panel.innerText()).to.match(
      /label: begun[\s\S]+label: done[\s\S]+parcel: failed[\s\S]+label: undoing/,
    );
    api.refuses = false;
    await panel.getByRole('button', { name: 'Resume' }).click();
    await panel.getByText(/went back to orders\.returned/).waitFor();
    await eventually('the saga to be undone', async () => {
      await panel.getByRole('button', { name: 'Read again' }).click();
      return (await panel.locator('.records .undone').count()) === 1;
    });
    expect(await panel.getByRole('button', { name: 'Resume' }).count(), 'what has ended is not resumed').to.equal(0);
    api.refuses = true;

    await page.getByRole('button', { name: 'refused-refused-2' }).click();
    const other = page.getByRole('complementary', { name: 'Saga refused-refused-2' });
    await other.getByText(/stuck at label/).waitFor();
    await other.getByRole('button', { name: 'Give up…' }).click();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await other.getByRole('button', { name: 'Give up…' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Give up' }).click();
    await other.getByText('abandoned by hand').waitFor();
    const acted = lines.filter(({ text }) => text === 'somebody acted on a saga').map(({ fields }) => fields);
    expect(acted).to.have.length(2);
    expect(acted[0]).to.include({ saga: 'take-back', id: 'refused-refused-1', action: 'resume', isDone: true });
    expect(acted[1]).to.include({ saga: 'take-back', id: 'refused-refused-2', action: 'abandon', isDone: true });

    await page.getByRole('button', { name: 'Ended', exact: true }).click();
    await page.locator('.sagas').getByText('abandoned', { exact: true }).waitFor();
    const asking = { saga: 'take-back', id: 'refused-3' };
    const tell = (action: string, body: object, headers: Record<string, string>): Promise<Response> =>
      fetch(`${worker.url}/sagas/${action}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      });
    const authorization = `Bearer ${TOKEN}`;
    for (const action of ['resume', 'abandon']) {
      expect((await tell(action, asking, {})).status, 'without the token').to.equal(401);
      expect((await tell(action, { ...asking, more: 1 }, { authorization })).status).to.equal(400);
      const answer = (await (await tell(action, asking, { authorization })).json()) as { readonly isDone: boolean };
      expect(answer.isDone, `${action} of one that has ended`).to.equal(false);
    }
  });

  it('does nothing without the token, and says so', async () => {
    await send('refused-token', 'refused-token');
    await eventually(
      'a dead letter',
      async () => (await worker.client.channel.checkQueue('orders.paid.dead')).messageCount > 0,
    );
    page = await open('#dead-letters', 'a-token-that-is-wrong');
    const dialog = page.getByRole('dialog');
    await dialog.getByText('This worker shows nothing without its token').waitFor();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    const tick = page.getByRole('button', { name: 'Token ✓' });
    expect(await tick.count(), 'of a token that is refused').to.equal(0);
    await page.getByRole('button', { name: 'Give the token' }).click();
    await page.getByRole('textbox', { name: 'Token' }).fill('another-token-that-is-wrong');
    await page.getByRole('button', { name: 'Use this token' }).click();
    await dialog.getByText('That is not the token of this worker.').waitFor();
    await page.getByRole('textbox', { name: 'Token' }).fill(TOKEN);
    await page.getByRole('button', { name: 'Use this token' }).click();
    await page.getByText('worker running').waitFor();
    await tick.waitFor();
    for (const headers of [{}, { authorization: 'Bearer wrong-wrong-wrong' }, { origin: 'http://evil.example' }]) {
      const response = await fetch(`${worker.url}/dead-letters/replay`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ queue: 'orders.paid', fingerprint: '00000000', perSecond: 1 }),
      });
      expect(response.status).to.be.oneOf([401, 403]);
    }
    const foreign = { queue: 'not-ours', fingerprint: '00000000', perSecond: 1 };
    for (const [body, status] of [
      [foreign, 404],
      [{ ...foreign, queue: 'orders.paid', more: true }, 400],
      [{ queue: 'orders.paid', fingerprint: 'x', perSecond: 1 }, 400],
      [{ queue: 'orders.paid', fingerprint: '00000000', perSecond: 0 }, 400],
    ] as const) {
      const response = await fetch(`${worker.url}/dead-letters/replay`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` },
        body: JSON.stringify(body),
      });
      expect(response.status, JSON.stringify(body)).to.equal(status);
    }
  });

  it('shows markup in every field of a message as the text it is', async () => {
    await worker.client.send(
      'orders.paid',
      { order: `refused-${HOSTILE}`.slice(0, 100), total: 1, note: HOSTILE },
      {
        messageId: HOSTILE,
        correlationId: HOSTILE,
        type: HOSTILE,
        headers: { [HOSTILE]: HOSTILE, 'x-sluice-stage': HOSTILE },
      },
    );
    worker.client.channel.sendToQueue('orders.paid.dead', Buffer.from(JSON.stringify({ note: HOSTILE })), {
      messageId: HOSTILE,
      headers: {
        'x-sluice-error-code': HOSTILE,
        'x-sluice-error-message': HOSTILE,
        'x-sluice-stage': HOSTILE,
        'x-sluice-pipeline': HOSTILE,
      },
    });
    page = await open('#marbles/receipts');
    const link = page.getByRole('button', { name: '<img src=x' }).first();
    await link.click();
    const panel = page.getByRole('complementary');
    await panel.getByText('Timeline').waitFor();
    expect(await panel.innerText()).to.include('<script>window.hacked=1</script>');
    await page.goto(`${worker.url}/#dead-letters`);
    await page.getByRole('button', { name: '<img src=x' }).first().click();
    await page.getByRole('complementary').getByRole('button', { name: 'Show' }).click();
    await page.locator('.letter').first().waitFor();
    await page.locator('.letter summary').first().click();
    const found = await page.evaluate(() => ({
      hacked: 'hacked' in window,
      injected: document.querySelectorAll('main img, main script, main iframe').length,
      handlers: document.querySelectorAll('[onerror], [onclick], [style*="url"]').length,
    }));
    expect(found).to.deep.equal({ hacked: false, injected: 0, handlers: 0 });
  });

  it('can be read by everybody: contrast, names, roles, in light and dark', async () => {
    page = await open('#overview');
    await page.getByText('worker running').waitFor();
    await page.evaluate(axe.source);
    const check = async (what: string): Promise<void> => {
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        const found = await page.evaluate(async () => {
          const { run } = (globalThis as unknown as { readonly axe: typeof axe }).axe;
          const { violations } = await run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'] });
          return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`);
        });
        expect(found, `${what}, ${colorScheme}`).to.deep.equal([]);
      }
    };
    const go = (hash: string): Promise<void> => page.evaluate((to) => void location.assign(to), hash);
    await check('overview');
    await go('#marbles/receipts');
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.locator('.link').first().click();
    await page.getByRole('complementary').getByText('Timeline').waitFor();
    await check('marbles');
    await go('#graph/receipts');
    await page.locator('.graph').waitFor();
    await check('graph');
    await go('#dead-letters');
    await page.locator('.letters .link, .nothing-here').first().waitFor();
    await check('dead letters');
    await go('#sagas');
    await page.locator('.sagas, .nothing-here').first().waitFor();
    await check('sagas');
  });

  it('shows every tab on a phone', async () => {
    page = await open('#overview');
    await page.setViewportSize({ width: 390, height: 800 });
    await page.getByRole('link', { name: 'Sagas' }).waitFor();
    const box = await page.getByRole('link', { name: 'Sagas' }).boundingBox();
    expect((box?.x ?? 999) + (box?.width ?? 0)).to.be.at.most(390);
  });

  it('shows every sign of the legend and every table on a phone, nothing over its neighbour', async () => {
    page = await open('#marbles/receipts');
    await page.setViewportSize({ width: 390, height: 800 });
    await send('refused-phone', 'refused-phone');
    await page.getByText('What went wrong since the start').waitFor();
    await page.locator('td', { hasText: 'dead-lettered' }).first().waitFor();
    const signs = page.locator('.legend li');
    expect(await signs.count()).to.equal(11);
    for (const sign of await signs.all())
      expect((await sign.locator('svg').boundingBox())?.width, String(await sign.textContent())).to.be.above(10);
    const over = await page
      .locator('td')
      .evaluateAll((cells) =>
        cells.filter((cell) => cell.scrollWidth > cell.clientWidth + 1).map((cell) => cell.textContent),
      );
    expect(over).to.deep.equal([]);
  });

  it('makes the worker hold nothing for a browser that does not read, while others go on', async () => {
    page = await open('#overview');
    await page.getByText('worker running').waitFor();
    const { hostname, port } = new URL(worker.url);
    const stalled = Array.from({ length: 3 }, () => {
      const socket = connect(Number(port), hostname);
      socket.on('error', () => undefined);
      socket.pause();
      socket.write(`GET /events HTTP/1.1\r\nhost: ${hostname}:${port}\r\nauthorization: Bearer ${TOKEN}\r\n\r\n`);
      return socket;
    });
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const load = async (rounds: number): Promise<void> => {
      for (let round = 0; round < rounds; round++) {
        const at = Date.now();
        for (let n = 0; n < 300; n++) {
          const id = `load-${round}-${n}`;
          const about = {
            pipeline: 'receipts',
            messageId: id,
            correlationId: id,
            deliveryTag: 1e6 + n,
            traceId: 'b'.repeat(32),
            messageAttempt: 1,
          };
          worker.facts.report({
            type: 'delivered',
            at,
            ...about,
            queue: 'orders.paid',
            attempt: 1,
            redelivered: false,
            bytes: 9,
          });
          worker.facts.report({
            type: 'settled',
            at,
            ...about,
            settlement: 'deadLetter',
            late: false,
            durationMs: 1,
            code: 'ERR_LOAD',
            reason: 'r'.repeat(500),
            stage: 'handle',
          });
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    await load(60);
    collect();
    const before = process.memoryUsage();
    await load(100);
    collect();
    const after = process.memoryUsage();
    const grownMb = (after.heapUsed + after.external - before.heapUsed - before.external) / 2 ** 20;
    expect(grownMb, 'megabytes more after 30 000 messages').to.be.lessThan(12);
    const seen = async (): Promise<number> =>
      Number((await page.locator('.numbers dd').last().innerText()).replaceAll(',', ''));
    await eventually('the other browser to see it all', async () => (await seen()) >= 48_000);
    for (const socket of stalled) socket.destroy();
  });
});
