/**
 * `npm run bench [-- --messages 20000 --rounds 3]`: one POST per message, through sluice and by hand, in turn and in one run, so that
 * the ratios hold where the machine's speed drifts. The broker is RabbitMQ at AMQP_URL, or a private one where RabbitMQ is installed.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import amqp from 'amqplib';
import esbuild from 'esbuild';
import { privateRabbitMqAvailable, startPrivateRabbitMq } from '../test/support/rabbitmq.ts';
import type { Job, Result } from './whole-job/contender.ts';

const { values } = parseArgs({
  options: { messages: { type: 'string', default: '20000' }, rounds: { type: 'string', default: '3' } },
});
const messages = Number(values.messages);
const rounds = Number(values.rounds);
const WARM_UP = 2_000;
const QUEUE = 'sluice.bench';
const CONTENDERS = { 'by hand': 'by-hand.ts', sluice: 'with-sluice.ts' } as const;
type Contender = keyof typeof CONTENDERS;

const start = (file: string, ...args: string[]): ChildProcess =>
  fork(join(built, file.replace('.ts', '.mjs')), args, { execArgv: ['--expose-gc'] });

const built = await build();
const broker = await findBroker();
const apiServer = start('api-server.ts');
try {
  const [apiUrl] = (await once(apiServer, 'message')) as [string];
  const results: Record<Contender, Result[]> = { 'by hand': [], sluice: [] };
  for (let round = 1; round <= rounds; round++) {
    for (const contender of Object.keys(CONTENDERS) as Contender[]) {
      await fill(broker.url, WARM_UP + messages);
      const job: Job = {
        amqpUrl: broker.url,
        apiUrl,
        queue: QUEUE,
        warmUp: WARM_UP,
        messages,
        concurrency: 64,
        prefetch: 128,
      };
      const result = await runOnce(contender, job);
      results[contender].push(result);
      console.error(`round ${round}/${rounds} ${contender}: ${describe(result)}`);
    }
  }
  print(results);
} finally {
  apiServer.disconnect();
  await broker.stop();
}

/** Plain JavaScript of every program here: a loader that compiles while it runs would be measured too. Gives their folder. */
async function build(): Promise<string> {
  const here = fileURLToPath(new URL('./whole-job/', import.meta.url));
  const outdir = join(here, '../../node_modules/.cache/sluice-bench');
  const entryPoints = (await readdir(here)).map((file) => join(here, file));
  await esbuild.build({
    entryPoints,
    outdir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
  });
  return outdir;
}

async function findBroker(): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const url = process.env.AMQP_URL;
  if (url !== undefined && url !== '') return { url, stop: async () => {} };
  const availability = privateRabbitMqAvailable();
  if (!availability.available)
    throw new Error(`no broker: ${availability.reason}; set AMQP_URL, or ${availability.install}`);
  return startPrivateRabbitMq();
}

/** A fresh quorum queue with that many messages. */
async function fill(url: string, count: number): Promise<void> {
  const connection = await amqp.connect(url);
  const channel = await connection.createConfirmChannel();
  await channel.deleteQueue(QUEUE);
  await channel.deleteQueue(`${QUEUE}.dead`);
  await channel.assertQueue(QUEUE, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  await channel.assertQueue(`${QUEUE}.dead`, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  for (let n = 0; n < count; n++) {
    const body = Buffer.from(JSON.stringify({ id: `order-${n}`, amount: n / 100, note: 'x'.repeat(150) }));
    channel.sendToQueue(QUEUE, body, { messageId: `m${n}`, contentType: 'application/json', persistent: true });
    if (n % 1_000 === 999) await channel.waitForConfirms();
  }
  await channel.waitForConfirms();
  await channel.close();
  await connection.close();
}

async function runOnce(contender: Contender, job: Job): Promise<Result> {
  const child = start(CONTENDERS[contender], JSON.stringify(job));
  const exited = once(child, 'exit');
  const outcome = await Promise.race([
    once(child, 'message'),
    exited.then(([code]) => new Error(`${contender} ended with code ${code}`)),
  ]);
  if (outcome instanceof Error) throw outcome;
  const killer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await exited;
  clearTimeout(killer);
  return outcome[0] as Result;
}

function describe({
  messagesPerSecond,
  cpuMicrosPerMessage,
  peakRssMegabytes,
  heapMegabytes: [before, after],
}: Result): string {
  return `${messagesPerSecond.toFixed(0)}/s, ${cpuMicrosPerMessage.toFixed(1)} µs of CPU a message, peak RSS ${peakRssMegabytes.toFixed(0)} MB, heap ${before.toFixed(1)} → ${after.toFixed(1)} MB`;
}

function print(results: Record<Contender, readonly Result[]>): void {
  const hand = results['by hand'];
  const ours = results.sluice;
  const row = (label: string, of: (result: Result) => number, digits: number): string => {
    const ratios = ours.map((result, index) => of(result) / of(hand[index] ?? result));
    return `| ${label} | ${median(hand.map(of)).toFixed(digits)} | ${median(ours.map(of)).toFixed(digits)} | ${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}) |`;
  };
  console.log(
    `\nOne POST per message, ${messages} messages after ${WARM_UP} of warm-up, concurrency 64, prefetch 128, median of ${rounds} interleaved rounds, Node ${process.versions.node}\n`,
  );
  console.log('| | by hand | sluice | sluice / by hand |\n| --- | --- | --- | --- |');
  console.log(row('messages/s', ({ messagesPerSecond }) => messagesPerSecond, 0));
  console.log(row('CPU µs a message', ({ cpuMicrosPerMessage }) => cpuMicrosPerMessage, 1));
  console.log(row('peak RSS, MB', ({ peakRssMegabytes }) => peakRssMegabytes, 0));
  const growth = (of: readonly Result[]): string =>
    median(of.map(({ heapMegabytes: [before, after] }) => after - before)).toFixed(1);
  console.log(`| heap growth over the run, MB | ${growth(hand)} | ${growth(ours)} | |`);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
