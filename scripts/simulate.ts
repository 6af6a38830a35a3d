/**
 * Simulates the project's own pipelines over two workers, seed after seed: `npm run sim -- --seeds 1000`. `--seed N` runs one, `--path P` the
 * case it was shrunk to; `--pipelines demanding` simulates those that ask for order, rates and small prefetches. Seeds are shared among processes of this machine; the exit code is 1 when a law was broken.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { argumentsOf } from '../bench/support/arguments.ts';
import { simulate } from '../src/testing/simulation/simulate.ts';
import { addTotals, type Totals } from '../src/testing/simulation/tally.ts';
import { demanding, demandingOptions } from '../test/testing/simulation/fixtures.ts';
import { pipelines, projectOptions } from '../test/testing/simulation/project.ts';

const values = argumentsOf(
  `npm run sim -- [options]

  --seeds N          how many seeds; default 100
  --first N          the first of them; default 1
  --seed N           this one alone; with --path P the case that a broken law named
  --pipelines WHICH  project or demanding; default project
  --workers N        workers of each world; default 2
  --hours N          virtual hours of each seed; default 1
  --messages N       messages in an hour at most; default 200
  --faults N         faults in an hour at most; default 40
  --processes N      seeds that run at the same time; default 2
  --shrink N         milliseconds to look for a shorter case of what was broken; default 60000

An hour takes about half a second; one case of a path may take a minute.`,
  {
    seeds: { type: 'string', default: '100' },
    first: { type: 'string', default: '1' },
    seed: { type: 'string' },
    path: { type: 'string' },
    hours: { type: 'string', default: '1' },
    messages: { type: 'string', default: '200' },
    faults: { type: 'string', default: '40' },
    workers: { type: 'string', default: '2' },
    processes: { type: 'string', default: '2' },
    pipelines: { type: 'string', default: 'project' },
    shrink: { type: 'string', default: '60000' },
  },
  {},
);

for (const name of [
  'seeds',
  'first',
  'seed',
  'hours',
  'messages',
  'faults',
  'workers',
  'processes',
  'shrink',
] as const) {
  const text = values[name];
  if (text === undefined || Number(text) > 0 || (Number(text) === 0 && name !== 'seeds')) continue;
  console.error(`--${name}: expected a number above 0, got "${text}"`);
  process.exit(2);
}

const simulated = new Map([
  ['project', { pipelines, options: projectOptions }],
  ['demanding', { pipelines: demanding, options: demandingOptions }],
]).get(values.pipelines);
if (simulated === undefined) {
  console.error(`--pipelines: expected project or demanding, got "${values.pipelines}"`);
  process.exit(2);
}
const { pipelines: chosen, options } = simulated;

/** What a process tells of one seed. */
type Told =
  | { readonly kind: 'kept'; readonly seed: number; readonly totals: Totals }
  | { readonly kind: 'broken'; readonly seed: number; readonly text: string };

async function run(seed: number): Promise<Told> {
  const hours = Number(values.hours);
  try {
    const { totals } = await simulate(chosen, {
      ...options,
      shrinkMs: Number(values.shrink),
      seed,
      hours,
      workers: Number(values.workers),
      maxMessages: Math.ceil(Number(values.messages) * hours),
      maxFaults: Math.ceil(Number(values.faults) * hours),
      ...(values.path === undefined ? {} : { path: values.path }),
    });
    return { kind: 'kept', seed, totals };
  } catch (error) {
    return { kind: 'broken', seed, text: error instanceof Error ? error.message : String(error) };
  }
}

/** In a child: the seeds it is given, until there are no more. */
function serve(): void {
  process.on('message', (seed: number) => {
    void run(seed).then((told) => process.send?.(told));
  });
}

async function runAll(): Promise<void> {
  const first = Number(values.seed ?? values.first);
  const count = values.seed === undefined ? Number(values.seeds) : 1;
  if (values.path !== undefined) console.log(`case ${values.path}: it may take a minute`);
  const startedAt = performance.now();
  let next = first;
  let kept = 0;
  let sum: Totals | undefined;
  const children: ChildProcess[] = [];
  const seconds = (): string => ((performance.now() - startedAt) / 1_000).toFixed(1);

  const broken = await new Promise<string | undefined>((resolve) => {
    const give = (child: ChildProcess): void => {
      if (next < first + count) child.send(next++);
    };
    for (let n = 0; n < Math.min(Number(values.processes), count); n++) {
      const child = fork(fileURLToPath(import.meta.url), process.argv.slice(2));
      children.push(child);
      child.on('message', (told: Told) => {
        if (told.kind === 'broken') {
          resolve(`seed ${told.seed}\n${told.text}`);
          return;
        }
        kept++;
        sum = sum === undefined ? told.totals : addTotals(sum, told.totals);
        if (kept % 100 === 0 || kept === count) console.log(lineOf(kept, sum, seconds()));
        if (kept === count) resolve(undefined);
        else give(child);
      });
      child.on('exit', (code) => resolve(`a process ended with ${code}`));
      give(child);
    }
  });
  for (const child of children) child.kill();
  if (sum !== undefined) console.log(JSON.stringify(sum, undefined, 2));
  if (broken !== undefined) console.error(broken);
  process.exitCode = broken === undefined ? 0 : 1;
}

const lineOf = (
  kept: number,
  { virtualHours, deliveries, calls, redeliveries, crashes, pauses, takeovers }: Totals,
  seconds: string,
): string =>
  `${kept} seeds in ${seconds} s: ${virtualHours.toFixed(0)} h, ${deliveries} deliveries (${redeliveries} again), ${calls} calls, ${crashes} crashes, ${pauses} pauses, ${takeovers} sagas taken over`;

if (process.send === undefined) await runAll();
else serve();
