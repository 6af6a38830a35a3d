/**
 * The package as it is published, in a folder of its own: built files without their maps, and a manifest without what only this project
 * needs. Users get readable JavaScript, and types with their comments; sources and maps would be two thirds of the tarball.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const BESIDE = ['README.md', 'CHANGELOG.md', 'SECURITY.md', 'LICENSE'];

/** Condition under which this project's own tests and tools resolve `sluice` to its sources. */
const OWN_CONDITION = 'sluice-source';

/** Members of the manifest that mean something where the package is installed. */
const PUBLISHED = [
  'name',
  'version',
  'description',
  'keywords',
  'license',
  'repository',
  'homepage',
  'bugs',
  'type',
  'engines',
  'sideEffects',
  'exports',
  'bin',
  'dependencies',
  'peerDependencies',
  'peerDependenciesMeta',
] as const;

/** Writes it anew into `target`. `root` is this project, built; `more` are members that its manifest leaves to the release. */
export function stagePackage(root: string, target: string, more: Readonly<Record<string, unknown>> = {}): void {
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  for (const name of BESIDE) cpSync(join(root, name), join(target, name));
  cpSync(join(root, 'bin'), join(target, 'bin'), { recursive: true });
  copyCompiled(join(root, 'dist'), join(target, 'dist'));
  const ours = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, unknown>;
  const manifest: Record<string, unknown> = { ...ours, ...more };
  const published = Object.fromEntries(
    PUBLISHED.filter((name) => manifest[name] !== undefined).map((name) => [name, withoutOwnCondition(manifest[name])]),
  );
  writeFileSync(join(target, 'package.json'), `${JSON.stringify(published, null, 2)}\n`);
}

function copyCompiled(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) copyCompiled(source, target);
    else if (entry.name.endsWith('.js')) writeFileSync(target, withoutMap(readFileSync(source, 'utf8')));
    else if (!/\.(map|tsbuildinfo)$/.test(entry.name)) cpSync(source, target);
  }
}

const withoutMap = (text: string): string => text.replace(/\n?\/\/# sourceMappingURL=\S+\s*$/, '\n');

function withoutOwnCondition(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => name !== OWN_CONDITION)
      .map(([name, inner]) => [name, withoutOwnCondition(inner)]),
  );
}
