/**
 * `npm run node-matrix`: the suites that need no service, and the demo, on other versions of Node than the one at hand. `--smoke`: the demo and a
 * handful of specs on each; `--nodes 22,24`: these alone (default: 22, 24, 26). Each Node comes from npm, as the package node-<system>-<processor>.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { argumentsOf } from '../bench/support/arguments.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const values = argumentsOf(
  `npm run node-matrix [-- options]: the suites that need no service, and the demo, on other versions of Node

  --nodes LIST  which, separated by commas; default 22,24,26
  --smoke       the demo and a handful of specs alone

Each Node is installed from npm into node_modules/.cache/nodes, where it is not there yet.`,
  { nodes: { type: 'string', default: '22,24,26' }, smoke: { type: 'boolean', default: false } },
  {},
);

/** Operators and kit in marbles, the engine in virtual time, the embedded broker, HTTP over sockets, messages, the journal's packages, the command line. */
const CORE = [
  'test/operators',
  'test/policies',
  'test/pipeline',
  'test/pipelines',
  'test/testing',
  'test/message',
  'test/http',
  'test/saga/run-saga.spec.ts',
  'test/broker/embedded',
  'test/management',
  'test/recording',
  'test/journal/file-store.spec.ts',
  'test/cli/commands.spec.ts',
  'test/config.spec.ts',
  'test/errors.spec.ts',
];
/** One of each kind. */
const SMOKE = [
  'test/operators/retry-with-backoff.spec.ts',
  'test/message',
  'test/pipeline/run-pipeline.spec.ts',
  'test/pipelines/order-processing.spec.ts',
  'test/http/axios-transport.spec.ts',
  'test/config.spec.ts',
];
const SECONDS = { smoke: 120, core: 900 };

/** Its binary, installed where it is not yet. */
function nodeOf(version: string): string {
  const name = `node-${process.platform}-${process.arch}`;
  const folder = join(root, 'node_modules', '.cache', 'nodes', version);
  const binary = join(folder, 'node_modules', name, 'bin', 'node');
  if (existsSync(binary)) return binary;
  mkdirSync(folder, { recursive: true });
  const args = ['install', '--prefix', folder, '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--silent'];
  const { status } = spawnSync('npm', [...args, `${name}@${version}`], { stdio: 'inherit' });
  if (status !== 0 || !existsSync(binary))
    throw new Error(`no Node ${version}: npm has no ${name}@${version}, or cannot be reached`);
  return binary;
}

/** What it printed where it failed; undefined where it did not. */
function failureOf(binary: string, args: readonly string[], seconds: number): string | undefined {
  const { status, signal, stdout, stderr } = spawnSync(binary, args, {
    cwd: root,
    encoding: 'utf8',
    timeout: seconds * 1_000,
    maxBuffer: 64 * 2 ** 20,
    env: { ...process.env, CI: '', NODE_OPTIONS: '' },
  });
  if (status === 0) return undefined;
  return `${stdout.slice(-6_000)}\n${stderr.slice(-3_000)}\nended by ${signal ?? `code ${status}`}`;
}

const specs = (values.smoke ? SMOKE : CORE).filter((path) => existsSync(join(root, path)));
const seconds = values.smoke ? SECONDS.smoke : SECONDS.core;
const mocha = join('node_modules', 'mocha', 'bin', 'mocha.js');
const demo = ['--import', 'tsx', '--conditions=sluice-source', join('demo', 'main.ts'), '--once', '--messages', '200'];
let failed = 0;

for (const version of values.nodes.split(',')) {
  const binary = nodeOf(version);
  const name = spawnSync(binary, ['--version'], { encoding: 'utf8' }).stdout.trim();
  for (const [what, args] of [
    ['demo', demo],
    [`${specs.length} suites`, [mocha, '--reporter', 'dot', ...specs]],
  ] as const) {
    const began = Date.now();
    const failure = failureOf(binary, args, seconds);
    if (failure !== undefined) {
      failed++;
      console.error(failure);
    }
    console.log(
      `${failure === undefined ? 'ok  ' : 'FAIL'}  Node ${name}: ${what} (${Math.round((Date.now() - began) / 1_000)} s)`,
    );
  }
}
process.exitCode = failed === 0 ? 0 : 1;
