/**
 * What listening costs: CPU time of one message with nobody listening, and with logs, metrics, the dashboard and all three, in one process
 * without I/O. Rounds are short and interleaved, and the least of each counts: on a busy machine that is the one that nothing disturbed.
 *
 *     node --import tsx --conditions=sluice-source bench/stations/observed.ts [--rounds N] [--messages N] [--listeners NAMES]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { destination } from 'pino';
import { DashboardModel } from '../../src/dashboard/model.ts';
import { createFacts, type Facts } from '../../src/events.ts';
import { logFacts } from '../../src/observability/log-facts.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { pipelineShapes } from '../../src/worker/pipeline-shapes.ts';
import { argumentsOf } from '../support/arguments.ts';
import { keepMetrics } from '../support/keep-metrics.ts';
import { cpuMicrosOf, JOURNEYS, type Listen } from './engine.ts';

const values = argumentsOf(
  `node --import tsx --conditions=sluice-source bench/stations/observed.ts [options]

  --rounds N          rounds in turn (default: 40)
  --messages N        messages of each journey in a round (default: 3000)
  --listeners NAMES   some of them, separated by commas: nobody, logs, metrics, dashboard, logs and metrics, all (default: each)`,
  {
    rounds: { type: 'string', default: '40' },
    messages: { type: 'string', default: '3000' },
    listeners: { type: 'string' },
  },
  { rounds: 1, messages: 1 },
);
const rounds = Number(values.rounds);
const messages = Number(values.messages);

/** One for each process, as in a worker: it listens to what is passed on from the run that is on. */
const metricsOf = (): Listen => {
  const facts = createFacts();
  keepMetrics(facts);
  return (run) => {
    const passing = run.stream.subscribe((fact) => facts.report(fact));
    return () => passing.unsubscribe();
  };
};

const logging: Listen = (facts) => {
  const listening = logFacts(facts, log, { level: 'info' });
  return () => listening.unsubscribe();
};

const dashboard: Listen = (facts: Facts, pipeline) => {
  const model = new DashboardModel([]);
  model.show(pipelineShapes([pipeline]));
  const listening = model.listen(facts);
  return () => listening.unsubscribe();
};

const together =
  (...listens: readonly Listen[]): Listen =>
  (facts, pipeline) => {
    const leaves = listens.map((listen) => listen(facts, pipeline));
    return () => {
      for (const leave of leaves) leave();
    };
  };

const metrics = metricsOf();
const everybody: Readonly<Record<string, Listen>> = {
  nobody: () => () => {},
  logs: logging,
  metrics,
  dashboard,
  'logs and metrics': together(logging, metrics),
  all: together(logging, metrics, dashboard),
};
const chosen = values.listeners?.split(',') ?? Object.keys(everybody);
const unknown = chosen.filter((name) => !Object.hasOwn(everybody, name));
if (unknown.length > 0) {
  console.error(`--listeners: unknown ${unknown.join(', ')}; there are ${Object.keys(everybody).join(', ')}`);
  process.exit(2);
}
const listeners = Object.entries(everybody).filter(([name]) => chosen.includes(name));

const folder = mkdtempSync(join(tmpdir(), 'sluice-observed-'));
const log = createLogger({ level: 'info', stream: destination({ dest: join(folder, 'log'), sync: true }) });

const least = new Map<string, number>();
for (let round = -2; round < rounds; round++)
  for (const [journey, pipeline] of Object.entries(JOURNEYS))
    for (const [name, listen] of listeners) {
      const micros = await cpuMicrosOf(pipeline, messages, listen);
      const key = `${journey} | ${name}`;
      // The first two warm up.
      if (round >= 0) least.set(key, Math.min(least.get(key) ?? Number.POSITIVE_INFINITY, micros));
    }

const names = listeners.map(([name]) => name);
console.log(`| µs of CPU per message | ${names.join(' | ')} |\n| --- |${' --- |'.repeat(names.length)}`);
for (const journey of Object.keys(JOURNEYS)) {
  const figures = names.map((name) => least.get(`${journey} | ${name}`) ?? Number.NaN);
  console.log(`| ${journey} | ${figures.map((micros) => micros.toFixed(2)).join(' | ')} |`);
}
rmSync(folder, { recursive: true });
