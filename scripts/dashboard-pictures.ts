/**
 * `npm run pictures`: the dashboard's pictures for the docs, of a real worker with the sample APIs in several states. Needs Chromium.
 * Written to docs/images, or to the folder given.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { tellUsage } from '../bench/support/usage.ts';
import { startSampleApis } from '../demo/apis/start-sample-apis.ts';
import { sampleRound } from '../demo/sample-messages.ts';
import { loadPipelines } from '../src/worker/load-pipelines.ts';
import { startChromium } from '../test/support/chromium.ts';
import { startDashboardWorker } from '../test/support/dashboard-under-test.ts';

tellUsage(`npm run pictures [-- FOLDER [NAME…]]: the dashboard's pictures for the docs, all or those that are named; needs Chromium

  FOLDER  where to; default docs/images
  NAME    overview-light, marbles-dark, graph, dead-letters, sagas …`);
const [folder = 'docs/images', ...only] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });

const TOKEN = 'a-token-for-pictures';
/** Sent at once at most. */
const MAX_ROUNDS = 12;
const apis = await startSampleApis({ ports: 'free' });
Object.assign(process.env, apis.environment);
const { pipelines, dispose } = await loadPipelines('pipelines');
const worker = await startDashboardWorker({ pipelines, payloads: ['order_id', 'items'], token: TOKEN });
for (const exchange of ['users', 'orders', 'articles', 'search']) await worker.client.collect(exchange);
const browser = await startChromium();

let round = 0;
let everyMs = Number.POSITIVE_INFINITY;
let isOver = false;
const sending = send();

try {
  await picture('overview-idle', { hash: '#overview' });
  await picture('marbles-idle', { hash: '#marbles/order-processing' });
  apis.payment.fault({ kind: 'status', status: 503, operation: 'POST /charge', ratio: 0.12, seed: 7 });
  apis.shipping.fault({ kind: 'status', status: 422, ratio: 0.1, seed: 3 });
  apis.payment.fault({ kind: 'latency', ms: 260, ratio: 1, seed: 1 });
  apis.inventory.fault({ kind: 'latency', ms: 70, ratio: 1, seed: 1 });
  apis.shipping.fault({ kind: 'latency', ms: 180, ratio: 1, seed: 1 });
  apis.vendorB.fault({ kind: 'latency', ms: 900, ratio: 0.2, seed: 13 });
  everyMs = 420;
  await wait(15_000);
  await picture('marbles-light', { hash: '#marbles/order-processing', act: openCompensated });
  await picture('marbles-narrow', { hash: '#marbles/order-processing', width: 390, height: 1_000 });
  await picture('graph', { hash: '#graph/order-processing', height: 760 });
  await picture('overview-light', { hash: '#overview' });
  apis.payment.clear();
  apis.payment.fault({ kind: 'status', status: 503, operation: 'POST /charge', ratio: 1, seed: 7 });
  everyMs = 160;
  await wait(4_000);
  await picture('marbles-dark', { hash: '#marbles/order-processing', theme: 'dark', height: 1_000 });
  await picture('overview-dark', { hash: '#overview', theme: 'dark' });
  await picture('overview-narrow', { hash: '#overview', width: 390, height: 1_000, theme: 'dark' });
  await picture('sagas', { hash: '#sagas', act: openSaga });
  apis.clear();
  everyMs = 12;
  await wait(13_000);
  await picture('marbles-busy', { hash: '#marbles/product-search' });
  everyMs = Number.POSITIVE_INFINITY;
  await wait(1_500);
  await picture('dead-letters', { hash: '#dead-letters', act: openGroup });
  await picture('replay', { hash: '#dead-letters', act: startReplay });
  apis.payment.fault({ kind: 'latency', ms: 260, ratio: 1, seed: 1 });
  apis.inventory.fault({ kind: 'latency', ms: 70, ratio: 1, seed: 1 });
  apis.shipping.fault({ kind: 'latency', ms: 900, ratio: 1, seed: 1 });
  everyMs = 420;
  await wait(8_000);
  everyMs = Number.POSITIVE_INFINITY;
  await worker.loseBroker();
  await wait(5_000);
  await picture('broker-lost', { hash: '#marbles/order-processing' });
} finally {
  isOver = true;
  everyMs = 1;
  await sending;
  await browser.close();
  await worker.stop();
  await dispose();
  await apis.stop();
}

interface Shot {
  readonly hash: string;
  readonly width?: number;
  readonly height?: number;
  readonly theme?: 'light' | 'dark';
  readonly act?: (page: Page) => Promise<void>;
}

async function picture(name: string, { hash, width = 1_440, height = 860, theme = 'light', act }: Shot): Promise<void> {
  if (only.length > 0 && !only.includes(name)) return;
  const page = await open(browser, width, height, theme);
  await page.goto(`${worker.url}/${hash}`);
  await page.getByText(/worker running/).waitFor();
  await wait(1_500);
  await act?.(page);
  await page.screenshot({ path: join(folder, `${name}.png`) });
  await page.close();
  console.log(name);
}

async function open(one: Browser, width: number, height: number, theme: 'light' | 'dark'): Promise<Page> {
  const page = await one.newPage({ viewport: { width, height }, colorScheme: theme });
  page.on('pageerror', (error) => console.error(error));
  page.on('console', (message) => message.type() === 'error' && console.error(message.text()));
  page.on('response', (response) => response.status() >= 400 && console.error(response.status(), response.url()));
  await page.addInitScript((token) => sessionStorage.setItem('sluice-token', token), TOKEN);
  return page;
}

/** A message with a retry or a compensation, if there is one, and any other if not. */
async function openCompensated(page: Page): Promise<void> {
  const groups = page.locator('.group:has(.attempt.failed)');
  const group = (await groups.count()) > 1 ? groups.nth(1) : page.locator('.group').nth(8);
  await group.locator('.attempt .hit, .marble').first().click({ force: true });
  await page.getByText('Timeline').waitFor();
  await page.mouse.move(5, 5);
  await wait(300);
}

/** One that was undone, if there is one, and any other if not. */
async function openSaga(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'All', exact: true }).click();
  await page.locator('.sagas .link').first().waitFor();
  const undone = page.locator('.sagas tr', { has: page.getByText('undone', { exact: true }) });
  const row = (await undone.count()) > 0 ? undone.first() : page.locator('.sagas tbody tr').first();
  await row.locator('.link').click();
  await page.locator('.records li').first().waitFor();
  // A click scrolls to what is clicked.
  await page.evaluate(() => window.scrollTo(0, 0));
  await wait(300);
}

async function openGroup(page: Page): Promise<void> {
  await page.locator('.letters .link').first().click();
  await page.getByRole('button', { name: 'Try' }).click();
  await page.getByText(/would now pass/).waitFor();
}

async function startReplay(page: Page): Promise<void> {
  await page.locator('.letters .link').first().click();
  await page.getByRole('button', { name: /^Replay \d/ }).click();
  await page
    .getByRole('dialog')
    .getByRole('button', { name: /^Replay \d/ })
    .click();
  await page.getByRole('progressbar').waitFor();
  await wait(3_000);
}

async function send(): Promise<void> {
  let sentAt = Date.now();
  while (!isOver) {
    if (!Number.isFinite(everyMs)) {
      await wait(50);
      sentAt = Date.now();
      continue;
    }
    // What is due, also where the machine is late: a busy picture has to be busy.
    const due = Math.min(MAX_ROUNDS, Math.max(1, Math.round((Date.now() - sentAt) / everyMs)));
    sentAt = Date.now();
    for (let n = 0; n < due; n++)
      for (const { queue, messageId, body } of sampleRound(++round))
        worker.client.channel.sendToQueue(queue, Buffer.from(body), { messageId, contentType: 'application/json' });
    await wait(everyMs * (0.6 + 0.8 * Math.random()));
  }
}
