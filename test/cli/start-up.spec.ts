/** What a command loads: time to start is mostly the number of files, and files can be counted where time cannot. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { startSluice, type WorkerProcess } from '../support/worker-process.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const ES_MODULES = `import { appendFileSync } from 'node:fs';
export function load(url, context, next) {
  appendFileSync(process.env.LOADED_FILES, url + '\\n');
  return next(url, context);
}`;
const PRELOAD = `import { register, createRequire } from 'node:module';
import { appendFileSync } from 'node:fs';
register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(ES_MODULES)}`)});
const { cache } = createRequire(process.cwd() + '/x.js');
process.once('exit', () => appendFileSync(process.env.LOADED_FILES, Object.keys(cache).join('\\n') + '\\n'));`;

const OWN = new URL('../../dist/', import.meta.url);

/** The package a file is of, or the folders of our sources that the build put into it: a comment names each. */
function partsOf(file: string): readonly string[] {
  const ofPackage = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1];
  if (ofPackage !== undefined) return [ofPackage];
  if (!file.startsWith(OWN.href)) return [];
  return [...readFileSync(new URL(file), 'utf8').matchAll(/^\/\/ src\/(\w+)\//gm)].map(([, folder]) => folder ?? '');
}

describe('starting', () => {
  let folder: string;
  let worker: WorkerProcess | undefined;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-start-up-'));
  });
  after(() => rmSync(folder, { recursive: true }));
  afterEach(() => worker?.kill());

  /** Packages, and parts of sluice, of which the command has loaded anything. */
  const loadedBy = async (command: string, source: string): Promise<ReadonlySet<string>> =>
    new Set((await filesLoadedBy(command, source)).flatMap(partsOf));

  async function filesLoadedBy(command: string, source: string): Promise<readonly string[]> {
    const modules = mkdtempSync(join(ROOT, 'node_modules/.cache/sluice-start-up-'));
    try {
      writeFileSync(join(modules, 'one.ts'), source);
      return await filesLoadedWith([command, modules]);
    } finally {
      rmSync(modules, { recursive: true });
    }
  }

  async function filesLoadedWith(args: readonly [string, ...string[]]): Promise<readonly string[]> {
    const list = join(folder, args[0]);
    rmSync(list, { force: true });
    worker = startSluice(args, {
      LOADED_FILES: list,
      NODE_OPTIONS: `--import ${JSON.stringify(`data:text/javascript,${encodeURIComponent(PRELOAD)}`)}`,
      NODE_ENV: 'development',
      SLUICE_PORT: '0',
    });
    if (args[0] === 'run') {
      await worker.line(({ state }) => state === 'running');
      worker.signal('SIGTERM');
    }
    expect(await worker.exit, JSON.stringify(worker.lines)).to.equal(0);
    return readFileSync(list, 'utf8').split('\n');
  }

  const pipeline = (options = ''): string => `import { defineApi, definePipeline, queue } from 'sluice';
    import { z } from 'zod';
    const api = defineApi('stock', { baseUrl: 'http://127.0.0.1:1'${options} });
    export default definePipeline({ name: 'one', source: queue('one'), input: z.object({}), apis: { api }, handle: (_, { apis }) => apis.api.get('/') });`;

  it('names its commands with nothing loaded that only commands need: esbuild can begin before that is', async () => {
    const loaded = new Set((await filesLoadedWith(['--help'])).flatMap(partsOf));
    expect(loaded).to.include('commander');
    for (const part of ['zod', 'rxjs', 'esbuild']) expect(loaded, part).not.to.include(part);
  });

  it('checks definitions with nothing loaded that connects', async () => {
    const loaded = await loadedBy('check', pipeline());
    for (const part of ['rxjs', 'zod', 'esbuild', 'cli', 'worker', 'http']) expect(loaded, part).to.include(part);
    const needless = [
      'axios',
      'undici',
      'amqplib',
      'pino',
      'prom-client',
      'fastify',
      'jose',
      'pg',
      'libsql',
      'ioredis',
    ];
    for (const part of [...needless, 'dashboard', 'observability', 'management', 'testing'])
      expect(loaded, part).not.to.include(part);
  });

  it('loads axios for an API that has an axios function', async () => {
    expect(await loadedBy('check', pipeline(', axios: () => {}'))).to.include('axios');
  });

  it('runs without axios, the front door and the shared stores where no pipeline asks for them', async () => {
    const loaded = await loadedBy('run', pipeline());
    for (const part of ['undici', 'amqplib', 'pino', 'prom-client', 'dashboard']) expect(loaded, part).to.include(part);
    const needless = [
      'axios',
      'fastify',
      'jose',
      'pg',
      'libsql',
      'ioredis',
      '@opentelemetry/api',
      'tdigest',
      'testing',
    ];
    for (const part of needless) expect(loaded, part).not.to.include(part);
  });

  it('loads few files of its own: modules that are loaded together are one', async () => {
    const own = async (command: string): Promise<number> =>
      (await filesLoadedBy(command, pipeline())).filter((file) => file.startsWith(OWN.href)).length;
    expect(await own('check')).to.be.at.most(10);
    expect(await own('run')).to.be.at.most(20);
  });
});
