/**
 * `npm run stalled [-- --seconds 60 --rounds-per-second 100]`: two Chromium pages look at a worker under load; one of them stands still, its
 * scripts stopped by the debugger, and goes on. Prints what that was for the worker, the other page and itself. Needs Chromium.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { argumentsOf } from '../bench/support/arguments.ts';
import { startSampleApis } from '../demo/apis/start-sample-apis.ts';
import { sampleRound } from '../demo/sample-messages.ts';
import { createEmbeddedBroker } from '../src/broker/embedded/embedded-broker.ts';
import { connectClient } from '../test/support/broker-client.ts';
import { startChromium } from '../test/support/chromium.ts';
import { consuming, startSluice } from '../test/support/worker-process.ts';

const values = argumentsOf(
  `npm run stalled [-- options]: two Chromium pages look at a worker under load, and one of them stands still; needs Chromium

  --seconds N            for how long, up to 600; default 60
  --rounds-per-second N  of two messages each, up to 500; default 100`,
  { seconds: { type: 'string', default: '60' }, 'rounds-per-second': { type: 'string', default: '100' } },
  { seconds: 1, 'rounds-per-second': 1 },
);
const stalledSeconds = Math.min(600, Number(values.seconds));
const roundMs = 1_000 / Math.min(500, Number(values['rounds-per-second']));
/** Afterwards, with both pages reading; before, it is as long as it stands still. */
const CALM_SECONDS = 20;
/** Gets one message in each round. */
const SHOWN = 'product-search';
/** Not those of sagas: a journal in memory grows with each. */
const QUEUES = ['search.requested', 'articles.published'];
const MB = 2 ** 20;

interface Reading {
  readonly rssMb: number;
  readonly heapMb: number;
  readonly settled: number;
  /** Bytes the system holds of what the worker sent. */
  readonly unsentMb: number;
  readonly at: number;
}

const broker = createEmbeddedBroker();
const { url } = await broker.start();
const apis = await startSampleApis({ ports: 'free' });
const client = await connectClient(url);
const worker = startSluice(['run', 'pipelines'], { AMQP_URL: url, LOG_LEVEL: 'info', ...apis.environment });
await consuming(worker, ['order-processing', 'user-registration', 'content-syndication', 'product-search']);
const { dashboard } = (await worker.line(({ msg }) => msg === 'sluice is starting')) as { readonly dashboard: string };
for (const exchange of ['users', 'orders', 'articles', 'search'])
  await client.channel.assertExchange(exchange, 'topic', { durable: true });
for (const [queue, exchange] of Object.entries({ u: 'users', o: 'orders', a: 'articles', s: 'search' })) {
  await client.channel.assertQueue(queue, { durable: false, arguments: { 'x-max-length': 10 } });
  await client.channel.bindQueue(queue, exchange, '#');
}
const browser = await startChromium();

let isOver = false;
const sending = send();
try {
  const reading = await open();
  const stalled = await open();
  // What is warm stays warm: the figures before are those of the same worker.
  await wait(15_000);
  const before = await watch(stalledSeconds);

  const debug = await stalled.context().newCDPSession(stalled);
  await debug.send('Debugger.enable');
  const paused = new Promise<void>((resolve) => debug.once('Debugger.paused', () => resolve()));
  await debug.send('Debugger.pause');
  await paused;
  const during = await watch(stalledSeconds);
  const lagOfOther = await lagMs(reading);

  const goneOnAt = Date.now();
  await debug.send('Debugger.resume');
  await debug.send('Debugger.disable');
  while ((await lagMs(stalled)) > 2_500) await wait(50);
  const caughtUpMs = Date.now() - goneOnAt;
  const after = await watch(CALM_SECONDS);

  console.log(`stalled for ${stalledSeconds} s at ${Math.round(before.perSecond)} messages a second`);
  console.log('                         before   during   after');
  const row = (title: string, of: (one: Span) => string): void =>
    console.log(title.padEnd(24), ...[before, during, after].map((one) => of(one).padStart(8)));
  row('messages a second', ({ perSecond }) => perSecond.toFixed(0));
  row('most resident, MB', ({ most }) => most.rssMb.toFixed(0));
  row('least heap, MB', ({ least }) => least.heapMb.toFixed(1));
  row('most in sockets, MB', ({ most }) => most.unsentMb.toFixed(2));
  console.log(`the page that went on was ${(lagOfOther / 1_000).toFixed(1)} s behind at the end`);
  console.log(`the stalled one was there again ${(caughtUpMs / 1_000).toFixed(1)} s after it went on`);
} finally {
  isOver = true;
  await sending;
  await browser.close();
  await client.close();
  worker.signal('SIGTERM');
  console.log(`the worker ended with ${await worker.exit}`);
  await apis.stop();
  await broker.stop();
}

async function open(): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1_300, height: 900 } });
  await page.goto(`${dashboard}/#marbles/${SHOWN}`);
  await page.getByText('worker running').waitFor();
  return page;
}

/** How old what a page shows is: the deliveries it tells of against the worker's, at the rate of the load. */
async function lagMs(page: Page): Promise<number> {
  const shown = Number((await page.locator('.ledger b').first().textContent())?.replaceAll(',', ''));
  const { delivered } = await metrics();
  return (delivered - shown) * roundMs;
}

interface Span {
  readonly perSecond: number;
  readonly most: Reading;
  readonly least: Reading;
}

async function watch(seconds: number): Promise<Span> {
  const readings: Reading[] = [];
  for (let second = 0; second <= seconds; second++) {
    const { rssMb, heapMb, settled } = await metrics();
    readings.push({ rssMb, heapMb, settled, unsentMb: unsentBytes() / MB, at: Date.now() });
    if (second < seconds) await wait(1_000);
  }
  const [first, last] = [readings[0], readings.at(-1)];
  if (first === undefined || last === undefined) throw new Error('nothing was read');
  const extreme = (pick: (...of: number[]) => number): Reading => ({
    rssMb: pick(...readings.map(({ rssMb }) => rssMb)),
    heapMb: pick(...readings.map(({ heapMb }) => heapMb)),
    settled: pick(...readings.map(({ settled }) => settled)),
    unsentMb: pick(...readings.map(({ unsentMb }) => unsentMb)),
    at: 0,
  });
  return {
    perSecond: ((last.settled - first.settled) * 1_000) / (last.at - first.at),
    most: extreme(Math.max),
    least: extreme(Math.min),
  };
}

async function metrics(): Promise<{ rssMb: number; heapMb: number; settled: number; delivered: number }> {
  const text = await (await fetch(`${dashboard}/metrics`)).text();
  const sum = (pattern: RegExp): number =>
    [...text.matchAll(pattern)].reduce((total, [, value]) => total + Number(value), 0);
  return {
    rssMb: sum(/^process_resident_memory_bytes (\S+)$/gm) / MB,
    heapMb: sum(/^nodejs_heap_size_used_bytes (\S+)$/gm) / MB,
    settled: sum(/^sluice_settlements_total\{[^}]*\} (\S+)$/gm),
    delivered: sum(new RegExp(`^sluice_deliveries_total\\{[^}]*pipeline="${SHOWN}"[^}]*\\} (\\S+)$`, 'gm')),
  };
}

/** Both ends of the dashboard's connections: what the worker's socket has not sent, and what the page's has not read. */
function unsentBytes(): number {
  const port = Number(new URL(dashboard).port).toString(16).toUpperCase().padStart(4, '0');
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local = '', remote = '']) => local.endsWith(`:${port}`) || remote.endsWith(`:${port}`))
    .reduce((total, [, , , , queues = '0:0']) => {
      const [sent = '0', received = '0'] = queues.split(':');
      return total + Number.parseInt(sent, 16) + Number.parseInt(received, 16);
    }, 0);
}

/** As many as are due, however late it is. */
async function send(): Promise<void> {
  const startedAt = Date.now();
  for (let round = 1; !isOver; ) {
    for (; round <= (Date.now() - startedAt) / roundMs; round++) {
      for (const { queue, messageId, body } of sampleRound(round).filter((sample) => QUEUES.includes(sample.queue)))
        client.channel.sendToQueue(queue, Buffer.from(body), { messageId, contentType: 'application/json' });
    }
    await wait(5);
  }
}
