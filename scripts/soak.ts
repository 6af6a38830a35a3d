/**
 * A soak: `npm run soak -- --minutes 30 [--seed 1] [--svg FILE]`. Half the load of a chaos run, a fault a minute, and one worker that is
 * never killed: what it holds in memory is looked at every ten seconds and has to stay flat. Exit code 1 where it does not, or a law was broken.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { argumentsOf } from '../bench/support/arguments.ts';
import { runChaos } from '../test/chaos/run-chaos.ts';
import { flatness, type Sample, soakPlot } from '../test/chaos/soak-plot.ts';

const values = argumentsOf(
  `npm run soak -- [options]

  --minutes N  for how long, up to 1440; default 30
  --seed N     which faults; default 1
  --svg PATH   draws there what a worker held`,
  {
    minutes: { type: 'string', default: '30' },
    seed: { type: 'string', default: '1' },
    svg: { type: 'string' },
  },
  {},
);

const minutes = Number(values.minutes);
const seed = Number(values.seed);
if (!(minutes > 0) || minutes > 24 * 60 || !Number.isInteger(seed)) {
  console.error('expected --minutes above 0 and at most 1440, and --seed an integer');
  process.exit(2);
}

const HALF_RATE = 20;
const FAULT_EVERY_MS = 60_000;
const LOOK_EVERY_MS = 10_000;
/** The worker that is looked at. */
const WATCHED = 'worker-0-1';

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    stop.abort(new Error(`stopped by ${signal}`));
    process.once(signal, () => process.exit(130));
  });
}

let samples: readonly Sample[] = [];
let faultsAtMs: readonly number[] = [];
console.log(`seed ${seed}, ${minutes} minutes: npm run soak -- --minutes ${minutes} --seed ${seed}`);
try {
  const report = await runChaos({
    seed,
    forMs: minutes * 60_000,
    everyMs: FAULT_EVERY_MS,
    rate: HALF_RATE,
    mortal: [1],
    probeEveryMs: LOOK_EVERY_MS,
    signal: stop.signal,
    say: (line) => console.log(`  ${line}`),
    async beforeStrike({ probes }, evidence) {
      const text = await readFile(join(probes, WATCHED), 'utf8');
      samples = text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Sample);
      faultsAtMs = evidence?.faults.map(({ fromMs }) => fromMs) ?? [];
    },
  });
  const flat = flatness(samples);
  if (values.svg !== undefined) await writeFile(values.svg, soakPlot(samples, faultsAtMs));
  for (const { measure, first, last, isFlat } of flat)
    console.log(
      `  ${isFlat ? '✓' : '✗'} ${measure}: ${first.toFixed(1)} in the first quarter, ${last.toFixed(1)} in the last`,
    );
  for (const { law, text } of report.findings) console.log(`  ✗ ${law}: ${text}`);
  const { confirmed, results, deadLetters, faults, duplicates, duplicatesAllowed } = report;
  console.log(
    `  ${confirmed} inputs, ${results} results, ${deadLetters} dead letters, ${faults} faults, ${duplicates} duplicates, ${duplicatesAllowed} allowed to each pipeline, ${samples.length} samples`,
  );
  process.exit(report.findings.length === 0 && flat.every(({ isFlat }) => isFlat) ? 0 : 1);
} catch (error) {
  if (stop.signal.aborted) process.exit(130);
  console.log(`  ✗ the soak could not be finished: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}
