/**
 * The package as a user has it: packed, installed by npm into an empty project without a network, type-checked there under the user's own
 * settings, and at work. What npm would fetch is copied from our own node_modules: exactly what the lockfile says belongs to it.
 */
import { execFile, execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import type { Lockfile } from '../../scripts/release/lockfile-faults.ts';
import { examinePackage } from '../../scripts/release/package-faults.ts';
import { publishedLock } from '../../scripts/release/published-lock.ts';
import { stagePackage } from '../../scripts/release/stage-package.ts';
import { connectClient } from '../support/broker-client.ts';
import { consuming, startInstalled, type WorkerProcess } from '../support/worker-process.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const TSC = join(root, 'node_modules', '@typescript', 'native', 'bin', 'tsc');

/** What a user has beside: the editor's types. */
const OF_USERS = ['node_modules/@types/node', 'node_modules/undici-types'];

/** Paths of the packages that come with ours. */
function installedWithUs(): readonly string[] {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lockfile;
  const present = (path: string): boolean => readdirSync(join(root, path, '..')).includes(path.split('/').at(-1) ?? '');
  return Object.keys(publishedLock(lock, {}).packages ?? {}).filter((path) => path !== '' && present(path));
}

describe('the package in a project of its own', function () {
  this.timeout(180_000);
  let folder: string;
  let staged: string;
  let project: string;
  let api: Server;
  let worker: WorkerProcess | undefined;
  const run = promisify(execFile);

  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const pipeline = /```ts\n(\/\/ pipelines\/product-search\.ts\n[\s\S]*?)```/.exec(readme)?.[1] ?? '';

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-package-'));
    [staged, project] = [join(folder, 'staged'), join(folder, 'project')];
    stagePackage(root, staged);
    const pack = ['pack', staged, '--pack-destination', folder, '--ignore-scripts', '--silent'];
    const tarball = join(folder, execFileSync('npm', pack, { encoding: 'utf8' }).trim());

    mkdirSync(join(project, 'pipelines'), { recursive: true });
    for (const path of [...installedWithUs(), ...OF_USERS])
      cpSync(join(root, path), join(project, path), { recursive: true });
    const versionOf = (name: string): string =>
      (JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')) as { version: string })
        .version;
    const dependencies = Object.fromEntries(['rxjs', 'zod'].map((name) => [name, versionOf(name)]));
    const devDependencies = { '@types/node': versionOf('@types/node') };
    writeFileSync(
      join(project, 'package.json'),
      JSON.stringify({ name: 'shop', private: true, type: 'module', dependencies, devDependencies }),
    );
    writeFileSync(join(project, 'pipelines', 'product-search.ts'), pipeline);
    const install = ['install', tarball, '--offline', '--ignore-scripts', '--no-audit', '--no-fund', '--silent'];
    await run('npm', install, { cwd: project });

    api = createServer((request, response) => {
      const q = new URL(request.url ?? '', 'http://api').searchParams.get('q');
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify([{ title: q, price: 7 }]));
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => api.once('listening', resolve));
  });
  after(async () => {
    await worker?.kill();
    api?.closeAllConnections();
    api?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('holds what is needed and nothing else, within its bound', () => {
    const { faults, files } = examinePackage(root, staged);
    expect(faults).to.deep.equal([]);
    expect(files).to.be.above(400);
  });

  for (const [module, moduleResolution] of [
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ] as const)
    it(`has types that a strict project resolves under ${moduleResolution}, and infers as the README says`, async () => {
      const compilerOptions = {
        target: 'es2023',
        module,
        moduleResolution,
        strict: true,
        types: ['node'],
        noEmit: true,
      };
      writeFileSync(
        join(project, `tsconfig.${moduleResolution}.json`),
        JSON.stringify({ compilerOptions, include: ['pipelines', 'uses.ts'] }),
      );
      writeFileSync(
        join(project, 'uses.ts'),
        [
          "import pipeline from './pipelines/product-search.js';",
          "import { retryWithBackoff } from 'sluice/operators';",
          "import { marbles } from 'sluice/testing';",
          "import { redisTokens } from 'sluice/redis';",
          "import type { Api } from 'sluice';",
          'const name: string = pipeline.name;',
          '// @ts-expect-error -- a name is no number',
          'const none: number = pipeline.name;',
          '// @ts-expect-error -- a call is no promise',
          "const answered = async (bank: Api) => void (await bank.post('/refund'));",
          "const asked = (bank: Api) => (none === 0 ? bank.post('/refund') : bank.get('/refund').pipe());",
          'export { answered, asked, marbles, name, none, redisTokens, retryWithBackoff };',
        ].join('\n'),
      );
      const checked = await run(process.execPath, [TSC, '-p', `tsconfig.${moduleResolution}.json`], {
        cwd: project,
      }).then(
        ({ stdout }) => stdout,
        ({ stdout }: { stdout: string }) => stdout,
      );
      expect(checked).to.equal('');
    });

  it('loads every entry point in plain JavaScript', async () => {
    const entries = ['sluice', 'sluice/operators', 'sluice/testing', 'sluice/redis'];
    const script = `for (const entry of ${JSON.stringify(entries)}) console.log(Object.keys(await import(entry)).length > 0)`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { cwd: project });
    expect(stdout.trim().split('\n')).to.deep.equal(entries.map(() => 'true'));
  });

  it('keeps the names of its errors, which logs and dead letters tell', async () => {
    const script = `import * as sluice from 'sluice';
      const errors = Object.entries(sluice).filter(([, value]) => value === sluice.SluiceError || value.prototype instanceof sluice.SluiceError);
      console.log(JSON.stringify(errors.map(([name, { name: own }]) => [name, own])));`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { cwd: project });
    const names = JSON.parse(stdout) as readonly (readonly [string, string])[];
    expect(names.length).to.be.above(20);
    for (const [exported, own] of names) expect(own).to.equal(exported);
  });

  it('runs the README’s pipeline by npx on the embedded broker, with the project’s own tsconfig', async () => {
    writeFileSync(
      join(project, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: { module: 'esnext', moduleResolution: 'bundler', strict: true, verbatimModuleSyntax: true },
      }),
    );
    const url = `http://127.0.0.1:${(api.address() as AddressInfo).port}`;
    const apis = { ACME_API_BASE_URL: url, GLOBEX_API_BASE_URL: url };
    const check = startInstalled(project, ['check'], apis);
    expect(await check.exit).to.equal(0);
    worker = startInstalled(project, ['run'], apis);
    const { url: broker } = await worker.line(({ msg }) => String(msg).startsWith('AMQP_URL is not set'));
    await consuming(worker, ['product-search']);
    const client = await connectClient(String(broker));
    try {
      const results = await client.collect('search');
      await client.send('search.requested', { query: 'lamp' }, { messageId: 'm1' });
      const [result] = await results.next(1);
      const offer = { title: 'lamp', price: 7 };
      expect(result?.body).to.deep.equal({ query: 'lamp', offers: [offer, offer] });
    } finally {
      await client.close();
    }
    worker.signal('SIGTERM');
    await worker.line(({ msg }) => msg === 'worker stopped');
    await worker.exit;
  });
});
