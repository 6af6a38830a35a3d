/**
 * What is wrong with the package that would be published: every file it points at is there, the types of each source file,
 * nothing else but what entries share, and not too much.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';

const MAX_UNPACKED_BYTES = 4 * 2 ** 20;
const BESIDE = ['package.json', 'README.md', 'CHANGELOG.md', 'SECURITY.md', 'LICENSE'];
/** Built of sources that no file of their own is compiled from. */
const PAGE = ['dashboard.js', 'icon.svg', 'index.html', 'style.css'].map((file) => `dist/dashboard/page/${file}`);

/** What the bin and a parent of workers start. */
const STARTED = ['dist/cli/main.js', 'dist/cli/workers/worker-main.js'];
const CHUNK = /^dist\/chunks\/[\w-]+\.js$/;

export interface PackageReport {
  readonly files: number;
  readonly bytes: number;
  /** One line each; none where all is well. */
  readonly faults: readonly string[];
}

/** Looks at a staged package, made of the sources of `root`. */
export function examinePackage(root: string, staged: string): PackageReport {
  const manifest = JSON.parse(readFileSync(join(staged, 'package.json'), 'utf8')) as Record<string, unknown>;
  const packed = new Set(filesIn(staged));
  const sources = filesIn(join(root, 'src')).filter(
    (path) => path.endsWith('.ts') && !path.startsWith('dashboard/page/'),
  );
  const types = sources.map((path) => `dist/${path.slice(0, -'.ts'.length)}.d.ts`);
  const expected = new Set([
    ...BESIDE,
    ...PAGE,
    ...STARTED,
    ...pathsIn(manifest.exports),
    ...pathsIn(manifest.bin),
    ...types,
  ]);
  const bytes = [...packed].reduce((sum, path) => sum + statSync(join(staged, path)).size, 0);
  const mapped = [...packed].filter(
    (path) => path.endsWith('.js') && /^\/\/# sourceMappingURL=/m.test(readFileSync(join(staged, path), 'utf8')),
  );
  return {
    files: packed.size,
    bytes,
    faults: [
      ...[...expected].filter((path) => !packed.has(path)).map((path) => `missing: ${path}`),
      ...[...packed].filter((path) => !expected.has(path) && !CHUNK.test(path)).map((path) => `not expected: ${path}`),
      ...mapped.map((path) => `points at a map that is not there: ${path}`),
      ...['devDependencies', 'scripts', 'private']
        .filter((name) => manifest[name] !== undefined)
        .map((name) => `the manifest has ${name}`),
      ...(bytes > MAX_UNPACKED_BYTES ? [`${bytes} bytes unpacked, at most ${MAX_UNPACKED_BYTES} are meant`] : []),
    ],
  };
}

/** Paths below a folder, with `/`. */
const filesIn = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll('\\', '/'));

/** Every path in the values of `exports` and `bin`, however deep. */
const pathsIn = (value: unknown): readonly string[] =>
  typeof value === 'string' ? [value.replace(/^\.\//, '')] : Object.values(value ?? {}).flatMap(pathsIn);
