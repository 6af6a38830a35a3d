/**
 * `npm run demo [-- --once --messages 1000]`: a broker, the sample APIs and a worker in one process, and a stream of messages through all
 * four pipelines while things go wrong. Needs nothing but Node; takes free ports.
 */
import { setTimeout as wait } from 'node:timers/promises';
import pc from 'picocolors';
import { filter, firstValueFrom, interval, takeWhile } from 'rxjs';
import { argumentsOf } from '../bench/support/arguments.ts';
import { createAmqpBroker } from '../src/broker/amqp/create-amqp-broker.ts';
import { createEmbeddedBroker } from '../src/broker/embedded/embedded-broker.ts';
import { createDesks } from '../src/cli/desks.ts';
import { attempt, printProblems } from '../src/cli/problems.ts';
import { watchQueues } from '../src/cli/watch-queues.ts';
import { readConfig } from '../src/config.ts';
import { createDashboard } from '../src/dashboard/dashboard.ts';
import { createFacts } from '../src/events.ts';
import { createJournal } from '../src/journal/create-journal.ts';
import { keepTidy } from '../src/journal/keep-tidy.ts';
import { MemoryStore } from '../src/journal/memory-store.ts';
import { startManagementServer } from '../src/management/management-server.ts';
import { createLogger } from '../src/observability/logger.ts';
import { isBalanced } from '../src/pipeline/ledger.ts';
import { loadPipelines } from '../src/worker/load-pipelines.ts';
import { pipelineShapes } from '../src/worker/pipeline-shapes.ts';
import { startWorker } from '../src/worker/worker.ts';
import { startSampleApis } from './apis/start-sample-apis.ts';
import { stopAsked } from './apis/stop-asked.ts';
import { placeFaults } from './faults.ts';
import { ledgerLine, progressLine, table } from './print.ts';
import { QUEUES, sampleRound } from './sample-messages.ts';
import { connectStranger } from './stranger.ts';
import { Tally } from './tally.ts';

const values = argumentsOf(
  `npm run demo [-- options]

  --once          ends with its table, instead of staying to be looked at
  --messages N    messages until its table (default: 1000)

Environment:
  SLUICE_TOKEN    with it dead letters can be replayed and sagas resumed on the dashboard, which asks for it`,
  { once: { type: 'boolean', default: false }, messages: { type: 'string', default: '1000' } },
  { messages: 1 },
);
const config = attempt(() => readConfig(undefined, { needsBroker: false }));
if (!config.ok) {
  printProblems(config.problems, 'Nothing was started.');
  process.exit(2);
}
const { token, journalKeepMs } = config.value;
const rounds = Math.max(1, Math.round(Number(values.messages) / QUEUES.length));
const total = rounds * QUEUES.length;
/** Pause between rounds, in milliseconds: slow enough to watch. */
const ROUND_EVERY_MS = 15;
/** The same, once the table is printed: there is something to see for whoever opens the dashboard then. */
const ON_EVERY_MS = 700;
/** How often depths of queues are looked at, and sagas counted: sooner than a worker does, for people who look for a minute. */
const LOOK_EVERY_MS = 2_000;
/** The longest the demo waits for its last message: two waits of the retry ladder and some. */
const PATIENCE_MS = 90_000;

const tally = new Tally();
const now = (): number => performance.now();
const stop = stopAsked();

const embedded = createEmbeddedBroker();
const { url } = await embedded.start();
const apis = await startSampleApis({ ports: 'free' });
Object.assign(process.env, apis.environment);

const { pipelines, problems, dispose } = await loadPipelines('pipelines');
if (problems.length > 0) throw new Error(problems.map(({ subject, message }) => `${subject}: ${message}`).join('\n'));

const facts = createFacts();
facts.stream.subscribe((fact) => {
  if (fact.type === 'delivered') tally.delivered(fact.pipeline, fact.attempt);
  if (fact.type === 'settled') tally.settled(fact);
});
// The pipelines' own warnings are part of the plan here.
const log = createLogger({ level: 'silent' });
const random = Math.random;
const management = await startManagementServer({ host: '127.0.0.1', port: undefined, token, log });
// What is sent here is made up: all of it may be seen.
const payloads = 'all';
const store = new MemoryStore();
const desks = createDesks({
  config: { amqpAuth: 'plain', amqpTls: undefined, dashboardPayloads: payloads, journalKeepMs },
  urls: [url],
  store,
  pipelines: () => pipelines,
});
const dashboard = createDashboard({ facts, log, payloads, ...desks });
management.serve(dashboard.routes);
dashboard.show(pipelineShapes(pipelines));
const broker = createAmqpBroker({ urls: [url], log, facts, random, connectionName: 'sluice demo' });
const looking = watchQueues({ broker, pipelines, facts, everyMs: LOOK_EVERY_MS }).subscribe();
const journal = createJournal(store, { facts });
const tidying = keepTidy(store, facts, log, { firstAfterMs: LOOK_EVERY_MS, everyMs: LOOK_EVERY_MS }).subscribe();
const worker = startWorker({
  pipelines,
  broker,
  journal,
  facts,
  log,
  random,
  topology: 'assert',
  gracePeriodMs: 5_000,
});
await firstValueFrom(worker.state.pipe(filter((state) => state === 'running')));

console.log(
  `${pc.bold('sluice demo')}: ${pipelines.length} pipelines, an embedded broker (in memory) at ${url}, ${apis.all.length} sample APIs`,
);
console.log(`${pc.dim('dashboard:')} ${pc.cyan(management.url)}`);
console.log(`${pc.dim('on purpose:')} ${placeFaults(apis).join(pc.dim('; '))}\n`);

let hasResult = false;
let isTold = false;
const stranger = await connectStranger(url, (pipeline, messageId, body) => {
  if (!hasResult) show(pc.dim(`first result after ${(process.uptime()).toFixed(1)} s`), true);
  hasResult = true;
  if (!isTold) tally.result(pipeline, messageId, body, now());
});
const progress = interval(process.stdout.isTTY ? 100 : 2_000)
  .pipe(takeWhile(() => tally.finished < total))
  .subscribe(() => show(progressLine(tally, total)));

const hasEnded = await Promise.race([sendAll().then(allDone), stop.then(() => false)]);
progress.unsubscribe();
isTold = true;
show(progressLine(tally, total), true);

console.log(`\n${table(tally)}\n\n${ledgerLine(worker.ledgers())}`);
if (hasEnded && !values.once) {
  console.log(
    `\nGoes on with a few messages a second, for the dashboard; yours go to ${QUEUES.join(', ')} at ${url}. Ctrl-C stops everything.`,
  );
  const goingOn = interval(ON_EVERY_MS).subscribe((n) => {
    for (const message of sampleRound(rounds + 1 + n)) stranger.send(message);
  });
  await stop;
  goingOn.unsubscribe();
}

await stranger.close();
worker.stop();
const { ledgers, failure } = await worker.stopped;
looking.unsubscribe();
tidying.unsubscribe();
journal.end();
dashboard.close();
await management.close();
await dispose();
await apis.stop();
await embedded.stop();
const isGood =
  hasEnded && failure === undefined && tally.finished === total && Object.values(ledgers).every(isBalanced);
if (values.once && !isGood) {
  console.error(pc.red(`${total - tally.finished} of ${total} messages did not come to an end`));
  process.exitCode = 1;
}

async function sendAll(): Promise<void> {
  for (let n = 1; n <= rounds; n++) {
    for (const message of sampleRound(n)) {
      tally.send(message.messageId, now());
      stranger.send(message);
    }
    await wait(ROUND_EVERY_MS);
  }
}

/** True when every message has come to an end, false when patience did. */
async function allDone(): Promise<boolean> {
  const until = now() + PATIENCE_MS;
  while (tally.finished < total && now() < until) await wait(20);
  return tally.finished === total;
}

/** Rewrites the last line in a terminal; elsewhere each line stays. */
function show(line: string, isLast = false): void {
  if (process.stdout.isTTY) process.stdout.write(`\r\u001b[2K${line}${isLast ? '\n' : ''}`);
  else console.log(line);
}
