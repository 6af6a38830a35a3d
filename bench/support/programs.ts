/** The programs that are measured: plain JavaScript made of them beforehand, each run in a process of its own. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import esbuild from 'esbuild';
import type { Job, Result } from '../whole-job/contender.ts';

const here = fileURLToPath(new URL('../', import.meta.url));

/** By the name it has in tables. Peers have packages of their own, in this folder. */
export const CONTENDERS: Readonly<Record<string, string>> = {
  'by hand': 'whole-job/by-hand',
  sluice: 'whole-job/with-sluice',
  'sluice with metrics': 'whole-job/with-metrics',
  'sluice with everything': 'whole-job/with-everything',
  'sluice with a tenth of the spans': 'whole-job/with-sampled',
  'bare sluice': 'whole-job/bare',
  // Against the first: what a ratio is worth.
  'by hand again': 'whole-job/by-hand',
  'RxJS + axios by hand': 'whole-job/rxjs-axios',
  'amqp-connection-manager + axios': 'peers/connection-manager',
  'rascal + axios': 'peers/rascal',
  'NestJS + axios': 'peers/nestjs',
};

export const isPeer = (contender: string): boolean => CONTENDERS[contender]?.startsWith('peers/') ?? false;

export const arePeersInstalled = (): boolean => existsSync(join(here, 'node_modules/rascal'));

export interface Programs {
  start(program: string, ...args: string[]): ChildProcess;
  /** Starts a contender and waits for its result. */
  run(contender: string, job: Job): Promise<Result>;
}

/** @param profileTo Folder for a CPU profile of each process. */
export async function buildPrograms(profileTo?: string): Promise<Programs> {
  // Each beside the packages it uses: a peer's dependencies must not be found before ours.
  const ours = join(here, '../node_modules/.cache/sluice-bench');
  const theirs = join(here, 'node_modules/.cache/sluice-bench');
  await build(['whole-job', 'growth'], ours);
  findable(ours);
  if (arePeersInstalled()) await build(['peers'], theirs);
  const profiling = profileTo === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileTo}`];
  const start = (program: string, ...args: string[]): ChildProcess =>
    fork(join(program.startsWith('peers/') ? theirs : ours, `${program}.mjs`), args, {
      execArgv: ['--expose-gc', ...profiling],
    });

  return {
    start,
    run: async (contender, job) => {
      const child = start(CONTENDERS[contender] ?? contender, JSON.stringify(job));
      const exited = once(child, 'exit');
      const outcome = await Promise.race([
        once(child, 'message'),
        exited.then(([code]) => new Error(`${contender} ended with code ${code}`)),
      ]);
      if (outcome instanceof Error) throw outcome;
      const killer = setTimeout(() => child.kill('SIGKILL'), 10_000);
      const [code] = (await exited) as [number | null];
      clearTimeout(killer);
      // What it measured is void. Whoever does not end by himself has no code.
      if (code) throw new Error(`${contender} ended with code ${code}`);
      return outcome[0] as Result;
    },
  };
}

/** sluice finds its own files by its name, which means nothing below `node_modules` but as a package there. */
function findable(outdir: string): void {
  const link = join(outdir, 'node_modules/sluice');
  mkdirSync(dirname(link), { recursive: true });
  rmSync(link, { force: true });
  symlinkSync(join(here, '..'), link, 'junction');
}

/** Plain JavaScript of all programs of some folders: a loader that compiles while it runs would be measured too. */
async function build(folders: readonly string[], outdir: string): Promise<void> {
  const paths = folders.map((folder) => join(here, folder)).filter((path) => existsSync(path));
  await esbuild.build({
    entryPoints: paths.flatMap((path) => readdirSync(path).map((file) => join(path, file))),
    outdir,
    outbase: here,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
  });
}
