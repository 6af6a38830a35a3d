/**
 * Builds dist's scripts: of hundreds of modules a hundred files, of which a command loads a few dozen, because Node takes longer to find and to link a file than to run what is in it.
 * Entries keep their places; what they share, and what is loaded on demand, is in dist/chunks. Packages stay outside: authors import the
 * same rxjs and zod. Types are tsc's, a file for each module.
 */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { build } from 'esbuild';

const { exports } = JSON.parse(readFileSync('package.json', 'utf8'));
const exported = Object.values(exports).flatMap((paths) => paths['sluice-source'] ?? []);

const { metafile } = await build({
  // Beside what the package exports: what bin imports, and the process that `--workers` starts.
  entryPoints: [...exported, 'src/cli/main.ts', 'src/cli/workers/worker-main.ts'],
  outdir: 'dist',
  outbase: 'src',
  chunkNames: 'chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  packages: 'external',
  platform: 'node',
  target: 'node20.19',
  format: 'esm',
  sourcemap: true,
  sourcesContent: false,
  metafile: true,
  logLevel: 'warning',
});

// What an earlier build left. Afterwards, so that whoever runs the same build meanwhile finds what he loads.
const isWanted = (path) => {
  if (path.startsWith(join('dist', 'dashboard', 'page'))) return true;
  if (path.endsWith('.d.ts')) return existsSync(join('src', `${relative('dist', path).slice(0, -'.d.ts'.length)}.ts`));
  return metafile.outputs[path.replaceAll('\\', '/')] !== undefined;
};
for (const entry of readdirSync('dist', { recursive: true, withFileTypes: true })) {
  const path = join(entry.parentPath, entry.name);
  if (entry.isFile() && !isWanted(path)) rmSync(path);
}
