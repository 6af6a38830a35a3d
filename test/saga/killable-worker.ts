/**
 * A whole worker on the order saga, in a process of its own, that kills itself (SIGKILL) when an order comes to the point it is told: at a
 * journal write or a call, before or after it takes effect. Points are those of `crash-world.ts`, counted for each order from 1, over all its tries.
 */
import { randomUUID } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { concat, defer, EMPTY } from 'rxjs';
import { createAmqpBroker } from '../../src/broker/amqp/create-amqp-broker.ts';
import { createFacts } from '../../src/events.ts';
import { createJournal } from '../../src/journal/create-journal.ts';
import { FileStore } from '../../src/journal/file/file-store.ts';
import type { JournalStore } from '../../src/journal/journal-store.ts';
import { silentLogger } from '../../src/log.ts';
import { startWorker } from '../../src/worker/worker.ts';
import { forwarded } from '../contract/journal-cases.ts';
import { orderPipeline } from './order-pipeline.ts';

/** What it tells its parent. */
export type Told = { readonly kind: 'consuming' } | { readonly kind: 'delivered'; readonly order: string };

/** Short, so that a test of many kills does not wait for long. */
export const LEASE_MS = 1_500;

const { AMQP_URL = '', SLUICE_JOURNAL_FILE = '', KILLS_FOLDER = '' } = process.env;

const tell = (told: Told): void => void process.send?.(told);

/**
 * `<order>.kill` holds the number of the point; `<order>.passed` has a byte for each that was passed, by whichever worker; `<order>.killed` says that
 * somebody was killed, so that the next life goes on.
 */
function reach(order: string): void {
  const passed = join(KILLS_FOLDER, `${order}.passed`);
  appendFileSync(passed, '.');
  const number = statSync(passed).size;
  const plan = join(KILLS_FOLDER, `${order}.kill`);
  const done = join(KILLS_FOLDER, `${order}.killed`);
  if (!existsSync(plan) || existsSync(done) || Number(readFileSync(plan, 'utf8')) !== number) return;
  writeFileSync(done, '');
  process.kill(process.pid, 'SIGKILL');
}

const killable = (store: JournalStore): JournalStore => ({
  ...forwarded(store),
  append: (key, fence, record, leaseMs) =>
    defer(() => {
      reach(key.id);
      return concat(
        store.append(key, fence, record, leaseMs),
        defer(() => {
          reach(key.id);
          return EMPTY;
        }),
      );
    }),
});

const facts = createFacts();
facts.stream.subscribe((fact) => {
  if (fact.type === 'delivered') tell({ kind: 'delivered', order: fact.messageId });
  if (fact.type === 'callStarted' || (fact.type === 'callEnded' && fact.status !== undefined)) reach(fact.messageId);
});
const worker = startWorker({
  pipelines: [orderPipeline()],
  broker: createAmqpBroker({ urls: [AMQP_URL], random: Math.random, log: silentLogger, facts }),
  journal: createJournal(killable(new FileStore({ path: SLUICE_JOURNAL_FILE, lockedWithinMs: 20_000 })), {
    owner: randomUUID(),
    leaseMs: LEASE_MS,
    facts,
  }),
  facts,
  log: silentLogger,
  random: Math.random,
  topology: 'assert',
  gracePeriodMs: 1_000,
});
setInterval(() => {
  if (worker.readiness().isReady) tell({ kind: 'consuming' });
}, 100);
// Nobody is left to report to.
process.on('disconnect', () => process.exit());
