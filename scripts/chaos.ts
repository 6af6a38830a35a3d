/**
 * Chaos by seed: `npm run chaos -- --seed N [--seconds 60]`; several with `--seeds 20 [--first 1]`. Real RabbitMQ, real workers, real sockets, and
 * everything that can fail does. Prints every fault and the verdict; exit code 1 when a law was broken, with all that is needed to look into it.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { argumentsOf } from '../bench/support/arguments.ts';
import type { Evidence } from '../test/chaos/audit.ts';
import { type ChaosReport, runChaos } from '../test/chaos/run-chaos.ts';
import type { Stage } from '../test/chaos/stage.ts';

const values = argumentsOf(
  `npm run chaos -- [options]

  --seed N        run this seed; default: those of --first and --seeds
  --seeds N       how many seeds, from 1 to 1000; default 1
  --first N       the first of them; default 1
  --seconds N     for how long each, from 5 to 3600; default 60
  --report PATH   write the reports there, too, as JSON`,
  {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '1' },
    first: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '60' },
    /** Writes the reports there too, as JSON. */
    report: { type: 'string' },
  },
  {},
);

const whole = (name: string, text: string, from: number, to: number): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < from || value > to) {
    console.error(`--${name}: expected an integer from ${from} to ${to}, got "${text}"`);
    process.exit(2);
  }
  return value;
};

const first = whole('seed', values.seed ?? values.first, 0, 2 ** 31 - 1);
const count = values.seed === undefined ? whole('seeds', values.seeds, 1, 1_000) : 1;
const seconds = whole('seconds', values.seconds, 5, 3_600);

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // The second one ends it at once: what it started ends with it.
  process.once(signal, () => {
    stop.abort(new Error(`stopped by ${signal}`));
    process.once(signal, () => process.exit(130));
  });
}

/** What a failed run leaves behind for people: logs of broker and workers, and what the audit saw. */
async function keep(seed: number, stage: Stage, evidence: Evidence | undefined): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `sluice-chaos-seed-${seed}-`));
  await mkdir(join(folder, 'workers'));
  await writeFile(join(folder, 'rabbitmq.log'), stage.broker.log());
  for (const { name, process: worker } of stage.fleet.incarnations)
    await writeFile(
      join(folder, 'workers', `${name}.log`),
      worker.lines.map((line) => JSON.stringify(line)).join('\n'),
    );
  for (const api of stage.apis.all)
    await writeFile(join(folder, `${api.name}.json`), api.journal.map((entry) => JSON.stringify(entry)).join('\n'));
  if (evidence !== undefined) {
    const { requests: _requests, workers, ...rest } = evidence;
    const ends = workers.map(({ lines: _lines, name, startedAtMs, endedAtMs, end, exit }) => ({
      name,
      startedAtMs,
      endedAtMs,
      end,
      exit,
    }));
    await writeFile(join(folder, 'evidence.json'), JSON.stringify({ ...rest, workers: ends }, undefined, 1));
  }
  return folder;
}

async function run(seed: number): Promise<ChaosReport | undefined> {
  console.log(`seed ${seed}, ${seconds} s: npm run chaos -- --seed ${seed} --seconds ${seconds}`);
  let kept: string | undefined;
  try {
    const report = await runChaos({
      seed,
      forMs: seconds * 1_000,
      signal: stop.signal,
      say: (line) => console.log(`  ${line}`),
      beforeStrike: async (stage, evidence) => {
        if (!stop.signal.aborted) kept = await keep(seed, stage, evidence);
      },
    });
    for (const { law, text } of report.findings) console.log(`  ✗ ${law}: ${text}`);
    console.log(`  ${summaryOf(report)}`);
    if (report.findings.length === 0 && kept !== undefined) await rm(kept, { recursive: true });
    else console.log(`  logs and journals: ${kept}`);
    return report;
  } catch (error) {
    if (stop.signal.aborted) return undefined;
    console.log(`  ✗ the run could not be finished: ${error instanceof Error ? error.message : String(error)}`);
    console.log(`  logs and journals: ${kept}`);
    return undefined;
  }
}

function summaryOf({
  findings,
  faults,
  confirmed,
  results,
  deadLetters,
  duplicates,
  duplicatesAllowed,
  ...rest
}: ChaosReport): string {
  const slowest = rest.recoveries.reduce((most, { ms }) => Math.max(most, ms), 0);
  return [
    findings.length === 0 ? '✓ nothing lost, nothing unexpected' : `✗ ${findings.length} findings`,
    `${faults} faults`,
    `${confirmed} inputs`,
    `${results} results`,
    `${deadLetters} dead letters`,
    `${duplicates} duplicates, ${duplicatesAllowed} allowed to each pipeline`,
    `at most ${rest.maxInFlight} calls in flight`,
    `consuming again after ${(slowest / 1_000).toFixed(1)} s at most`,
    `drained in ${(rest.drainedInMs / 1_000).toFixed(1)} s`,
  ].join(', ');
}

const reports: ChaosReport[] = [];
let failed = 0;
for (let seed = first; seed < first + count && !stop.signal.aborted; seed++) {
  const report = await run(seed);
  if (report !== undefined) reports.push(report);
  if (report === undefined || report.findings.length > 0) failed++;
  if (values.report !== undefined) await writeFile(values.report, JSON.stringify(reports, undefined, 1));
}
if (count > 1) console.log(`${reports.length} of ${count} seeds ran, ${failed} failed`);
process.exit(stop.signal.aborted ? 130 : failed === 0 ? 0 : 1);
