/**
 * What `npm pack` would publish: everything the manifest points at, a compiled file for each source file, and nothing else.
 * Prints every mistake, one a line, and exits 1 when there is one. Run after the build.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

// Three texts of every file, each a third: source, compiled, and the map between them.
const MAX_UNPACKED_BYTES = 7 * 2 ** 20;
const BESIDE = ['package.json', 'README.md', 'LICENSE'];
/** Built of sources that are of no use without the build, and not in the package. */
const PAGE = ['dashboard.js', 'icon.svg', 'index.html', 'style.css'].map((file) => `dist/dashboard/page/${file}`);

const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
const [pack] = JSON.parse(
  execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }),
);
const packed = new Set(pack.files.map(({ path }) => path));

/** Every path in the values of `exports` and `bin`, however deep. */
const paths = (value) =>
  typeof value === 'string' ? [value.replace(/^\.\//, '')] : Object.values(value ?? {}).flatMap(paths);

const sources = [...packed]
  .filter((path) => path.startsWith('src/'))
  .map((path) => path.slice('src/'.length, -'.ts'.length));
const compiled = sources.flatMap((name) => ['.js', '.js.map', '.d.ts'].map((extension) => `dist/${name}${extension}`));
const expected = new Set([...BESIDE, ...PAGE, ...paths(manifest.exports), ...paths(manifest.bin), ...compiled]);

const mistakes = [
  ...[...expected].filter((path) => !packed.has(path)).map((path) => `missing: ${path}`),
  ...[...packed]
    .filter((path) => !expected.has(path) && !path.startsWith('src/'))
    .map((path) => `not expected: ${path}`),
  ...[...packed]
    .filter((path) => path.startsWith('src/') && !path.endsWith('.ts'))
    .map((path) => `not a source file: ${path}`),
  ...(pack.unpackedSize > MAX_UNPACKED_BYTES
    ? [`${pack.unpackedSize} bytes unpacked, at most ${MAX_UNPACKED_BYTES} are meant`]
    : []),
];

console.log(mistakes.length === 0 ? `${packed.size} files, ${pack.unpackedSize} bytes unpacked` : mistakes.join('\n'));
process.exitCode = mistakes.length === 0 ? 0 : 1;
