/**
 * Builds dist's scripts: of hundreds of modules a few dozen files, of which a command loads some ten, because Node takes longer to find and to
 * link a file than to run what is in it. Entries keep their places; what they share, and what is loaded on demand, is in dist/chunks. Packages
 * stay outside: authors import the same rxjs and zod. Types are tsc's, a file for each module.
 */
import { existsSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { rolldown } from 'rolldown';

const { exports } = JSON.parse(readFileSync('package.json', 'utf8'));
const exported = Object.values(exports).flatMap((paths) => paths['sluice-source'] ?? []);
// Beside what the package exports: what bin imports, and the process that `--workers` starts.
const entries = [...exported, './src/cli/main.ts', './src/cli/workers/worker-main.ts'];

/**
 * What is loaded together is one file: a group holds its modules and all they import, but for what a group before it holds. So the order says who
 * pays for whom: `--help` loads the first alone and the operators that and the second, `check` nothing that connects, and `run` all of them.
 */
const GROUPS = {
  start: ['worker/build-folder.ts', 'policies/duration.ts', 'cli/exit-code.ts', 'sources/outbox-sql.ts'],
  operators: ['operators/index.ts'],
  definitions: ['index.ts'],
  console: ['cli/broker-session.ts', 'cli/rates.ts', 'log.ts'],
  journals: ['cli/journal/with-store.ts', 'cli/journal/migrate.ts', 'journal/memory-journal.ts'],
  loading: ['cli/load.ts', 'cli/start-warnings.ts', 'worker/needed-topology.ts'],
  engine: ['worker/worker.ts', 'events/facts.ts', 'recording/redaction.ts', 'broker/routing-headers.ts'],
  embedded: ['cli/embedded-broker.ts'],
  broker: ['broker/amqp/create-amqp-broker.ts', 'broker/amqp/open-declarer.ts'],
  sagas: ['cli/saga/saga-desk.ts'],
  letters: ['cli/desks.ts'],
  worker: ['cli/run.ts'],
};

const groups = Object.entries(GROUPS).map(([name, files], index, { length }) => {
  const modules = new Set(files.map((file) => realpathSync(join('src', file))));
  return { name, test: (id) => modules.has(id), priority: length - index };
});

const bundle = await rolldown({
  input: Object.fromEntries(entries.map((entry) => [relative('src', entry).slice(0, -'.ts'.length), entry])),
  platform: 'node',
  external: /^[^./]/,
  transform: { target: 'node20.19' },
  tsconfig: false,
  onLog: (level, log) => {
    throw new Error(`${level}: ${log.message}`);
  },
});
const { output } = await bundle.write({
  dir: 'dist',
  format: 'esm',
  chunkFileNames: 'chunks/[name]-[hash].js',
  codeSplitting: { groups },
  // Read on the path of a message: V8 looks each time whether a constant of another module is set by now, and not at a variable.
  topLevelVar: true,
  minify: false,
  comments: { jsdoc: false },
  sourcemap: true,
  sourcemapExcludeSources: true,
});

// What an earlier build left. Afterwards, so that whoever runs the same build meanwhile finds what he loads.
const written = new Set(output.map(({ fileName }) => join('dist', fileName)));
const isWanted = (path) => {
  if (path.startsWith(join('dist', 'dashboard', 'page')) || path === join('dist', '.tsbuildinfo')) return true;
  if (path.endsWith('.d.ts')) return existsSync(join('src', `${relative('dist', path).slice(0, -'.d.ts'.length)}.ts`));
  return written.has(path);
};
for (const entry of readdirSync('dist', { recursive: true, withFileTypes: true })) {
  const path = join(entry.parentPath, entry.name);
  if (entry.isFile() && !isWanted(path)) rmSync(path);
}
