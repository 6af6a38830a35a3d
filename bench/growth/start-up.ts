/** How long `sluice check` and `sluice run` take to be done and to take messages, with modules as authors write them; beside another checkout where one is given. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { median } from '../support/ratios.ts';

export interface StartUpOptions {
  /** Built checkouts to compare. The modules lie in the `node_modules` of each: from elsewhere they would load packages a second time, zod above all. */
  readonly roots: readonly [string, ...string[]];
  readonly modules: number;
  readonly rounds: number;
}

/** Gives lines of a report. */
export async function measureStartUp({ roots, modules, rounds }: StartUpOptions): Promise<string> {
  const folders: string[] = [];
  try {
    const seen = roots.map((root) => {
      const cache = join(root, 'node_modules/.cache');
      mkdirSync(cache, { recursive: true });
      const folder = mkdtempSync(join(cache, 'sluice-bench-modules-'));
      folders.push(folder);
      mkdirSync(join(folder, 'pipelines'));
      for (let n = 0; n < modules; n++) writeFileSync(join(folder, `pipelines/p${n}.ts`), moduleOf(n));
      return { root, folder, checks: [] as number[], runs: [] as number[], megabytes: [] as number[] };
    });
    const bare: number[] = [];
    // In turn, so that a busy moment falls on all of them.
    for (let round = 0; round < rounds; round++) {
      bare.push(took(roots[0], ['-e', '0']));
      for (const { root, folder, checks, runs, megabytes } of seen) {
        const bin = join(root, 'bin/sluice.js');
        checks.push(took(folder, [bin, 'check', 'pipelines']));
        const { ms, rssMegabytes } = await running(folder, bin);
        runs.push(ms);
        megabytes.push(rssMegabytes);
      }
    }
    const lines = seen.map(
      ({ root, checks, runs, megabytes }) =>
        `start-up with ${modules} modules (${root}): check ${spread(checks)} ms, run until it takes messages of the embedded broker ${spread(runs)} ms, RSS then ${median(megabytes).toFixed(0)} MB`,
    );
    return [...lines, `Node itself: ${spread(bare)} ms`].join('\n');
  } finally {
    for (const folder of folders) rmSync(folder, { recursive: true });
  }
}

const spread = (values: readonly number[]): string =>
  `${median(values).toFixed(0)} (${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)})`;

function took(cwd: string, args: readonly string[]): number {
  const startedAt = performance.now();
  execFileSync(process.execPath, args, { cwd, stdio: 'ignore', env: environment() });
  return performance.now() - startedAt;
}

async function running(cwd: string, bin: string): Promise<{ readonly ms: number; readonly rssMegabytes: number }> {
  const startedAt = performance.now();
  const worker = spawn(process.execPath, [bin, 'run', 'pipelines'], {
    cwd,
    env: environment(),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(worker, 'exit');
  let ms: number | undefined;
  let rssMegabytes = 0;
  for await (const line of createInterface({ input: worker.stdout })) {
    if (ms !== undefined || !line.includes('"state":"running"')) continue;
    ms = performance.now() - startedAt;
    const status = readFileSync(`/proc/${worker.pid}/status`, 'utf8');
    rssMegabytes = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1_024;
    worker.kill('SIGTERM');
  }
  const [code] = (await exited) as [number | null];
  if (ms === undefined || code !== 0) throw new Error(`sluice run ended with code ${code}`);
  return { ms, rssMegabytes };
}

/** On the embedded broker, whatever the environment says. */
function environment(): NodeJS.ProcessEnv {
  const { PATH = '' } = process.env;
  return { PATH, LOG_FORMAT: 'json', SLUICE_PORT: '0', NODE_ENV: 'development' };
}

const moduleOf = (n: number): string => `import { defineApi, definePipeline, queue } from 'sluice';
import { z } from 'zod';
const api = defineApi('api-${n}', { baseUrl: 'http://localhost:1' });
export default definePipeline({
  name: 'p${n}',
  source: queue('q${n}'),
  input: z.object({ id: z.string() }),
  apis: { api },
  handle: (message, { apis }) => apis.api.post('/work', message),
});
`;
