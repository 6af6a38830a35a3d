/**
 * Plants known faults in the engine, one at a time, in copies of the tree, and shows what catches each: `npm run mutants`. `--fault TEXT` plants
 * those whose name holds the text, and may be given several times. Each runs the marble specs up to the first that fails, then seeds of the simulation; with `--quick` seeds only
 * where no spec failed. Those of the front door run its own specs, and no seeds. The exit code is 1 when a fault was caught by neither. Ends by itself: what runs for five minutes is ended, and has caught nothing.
 */
import { spawn } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { argumentsOf } from '../bench/support/arguments.ts';
import { copyTree } from './mutants/copied-tree.ts';
import { doorFaults } from './mutants/door-faults.ts';
import { faults as engineFaults, type Fault } from './mutants/faults.ts';
import { planted } from './mutants/plant.ts';

const values = argumentsOf(
  `npm run mutants -- [options]

  --fault TEXT    plant the faults whose name holds the text, or one of several; default: all
  --seeds N       seeds of the simulation for each fault; default 40
  --processes N   how many at a time; default 2
  --quick         seeds only where no spec failed`,
  {
    fault: { type: 'string', multiple: true, default: [''] },
    seeds: { type: 'string', default: '40' },
    processes: { type: 'string', default: '2' },
    quick: { type: 'boolean', default: false },
  },
  {},
);

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Specs in virtual time that run pipelines, sagas and calls: those of the engine first, so that a fault is credited to the one that is about it. */
const MARBLE_SPECS = ['test/pipeline', 'test/saga', 'test/pipelines', 'test/testing/pipelines', 'test/docs/testing'];

/** Not in virtual time: processes, a broker, a database. What fails there may be the machine, and takes minutes to. */
const REAL_SPECS = ['test/saga/killed-workers.spec.ts', 'test/saga/journal-faults.spec.ts'];

/** What is simulated: the ready pipelines, and those that ask for everything the engine promises. */
const SIMULATED = ['project', 'demanding'];

const LONGEST_RUN_MS = 300_000;

interface Ended {
  readonly code: number | undefined;
  readonly output: string;
}

/** Ends what was started, and what that has started: mocha and the simulation work in processes of their own, which may be past listening. */
const endings = new Set<() => void>();

/** Runs a script of the copied tree with TypeScript sources; ended when it takes too long. */
function run(tree: string, args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const node = ['--import', 'tsx', '--conditions=sluice-source'];
    const child = spawn(process.execPath, [...node, ...args], {
      cwd: tree,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const end = (): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // All of it has ended.
      }
    };
    endings.add(end);
    const parts: Buffer[] = [];
    child.stdout.on('data', (part: Buffer) => parts.push(part));
    child.stderr.on('data', (part: Buffer) => parts.push(part));
    const timer = setTimeout(end, LONGEST_RUN_MS);
    child.on('close', (code) => {
      clearTimeout(timer);
      endings.delete(end);
      resolve({ code: code ?? undefined, output: Buffer.concat(parts).toString('utf8') });
    });
  });
}

/** The title of the first spec that fails; undefined where all pass. */
async function failingSpec(tree: string, specs: readonly string[] = MARBLE_SPECS): Promise<string | undefined> {
  const report = join(tree, 'specs.json');
  const reporter = ['--reporter', 'json', '--reporter-option', `output=${report}`];
  const chosen = [...specs, ...REAL_SPECS.flatMap((spec) => ['--ignore', spec])];
  const { code, output } = await run(tree, ['node_modules/mocha/bin/mocha.js', ...chosen, '--bail', ...reporter]);
  if (code === 0) return undefined;
  if (code === undefined) return undefined;
  const { failures } = readReport(report);
  const [first] = failures;
  if (first === undefined) throw new Error(`the specs could not run\n${output.slice(-2_000)}`);
  return first.fullTitle;
}

const readReport = (path: string): { readonly failures: readonly { readonly fullTitle: string }[] } =>
  JSON.parse(readFileSync(path, 'utf8')) as ReturnType<typeof readReport>;

/** The first seed that breaks a law, with the law; undefined where none does. */
async function breakingSeed(tree: string): Promise<string | undefined> {
  for (const pipelines of SIMULATED) {
    const args = ['--pipelines', pipelines, '--seeds', values.seeds, '--processes', '1', '--shrink', '1000'];
    const { code, output } = await run(tree, ['scripts/simulate.ts', ...args]);
    if (code === 0 || code === undefined) continue;
    const [, seed, law = ''] = /^seed (\d+)\n(.*)/m.exec(output) ?? [];
    if (seed === undefined) throw new Error(`the simulation could not run\n${output.slice(-2_000)}`);
    return `${pipelines} ${seed}: ${law}`;
  }
  return undefined;
}

interface Caught {
  readonly fault: Fault;
  readonly spec: string | undefined;
  readonly seed: string | undefined;
}

async function tryOut(fault: Fault, tree: string): Promise<Caught> {
  const path = join(tree, fault.file);
  const sound = readFileSync(path, 'utf8');
  writeFileSync(path, planted(fault, sound));
  try {
    const spec = await failingSpec(tree, fault.specs);
    const isSimulated = fault.specs === undefined && !(values.quick && spec !== undefined);
    return { fault, spec, seed: isSimulated ? await breakingSeed(tree) : undefined };
  } finally {
    writeFileSync(path, sound);
  }
}

/** Before any fault: what catches a sound engine catches nothing. */
async function requireSound(tree: string, chosen: readonly Fault[]): Promise<void> {
  const own = [...new Set(chosen.flatMap(({ specs }) => specs ?? []))];
  const isSimulated = chosen.some(({ specs }) => specs === undefined);
  const spec =
    (own.length > 0 ? await failingSpec(tree, own) : undefined) ?? (isSimulated ? await failingSpec(tree) : undefined);
  const seed = isSimulated ? await breakingSeed(tree) : undefined;
  if (spec !== undefined || seed !== undefined)
    throw new Error(`without a fault this fails already: ${spec ?? seed}; mend it first`);
}

const rowOf = ({ fault, spec, seed }: Caught): string => `| ${fault.name} | ${spec ?? '–'} | ${seed ?? '–'} |`;

async function runAll(): Promise<void> {
  const chosen = [...engineFaults, ...doorFaults].filter(({ name }) =>
    values.fault.some((text) => name.includes(text)),
  );
  if (chosen.length === 0) throw new Error(`no fault's name holds "${values.fault.join('" or "')}"`);
  const trees = Array.from({ length: Math.min(Number(values.processes), chosen.length) }, () => copyTree(ROOT));
  const removeTrees = (): void => {
    for (const tree of trees) rmSync(tree, { recursive: true, force: true });
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      for (const end of endings) end();
      removeTrees();
      process.exit(130);
    });
  const startedAt = performance.now();
  try {
    const [first = ''] = trees;
    await requireSound(first, chosen);
    console.log('| fault | caught by spec | caught by seed |\n| --- | --- | --- |');
    const waiting = [...chosen];
    const escaped: string[] = [];
    const work = async (tree: string): Promise<void> => {
      for (let fault = waiting.shift(); fault !== undefined; fault = waiting.shift()) {
        const caught = await tryOut(fault, tree);
        console.log(rowOf(caught));
        if (caught.spec === undefined && caught.seed === undefined) escaped.push(fault.name);
      }
    };
    await Promise.all(trees.map(work));
    const seconds = ((performance.now() - startedAt) / 1_000).toFixed(0);
    console.log(`\n${chosen.length - escaped.length} of ${chosen.length} faults caught in ${seconds} s`);
    for (const name of escaped) console.error(`not caught: ${name}`);
    process.exitCode = escaped.length === 0 ? 0 : 1;
  } finally {
    removeTrees();
  }
}

await runAll();
