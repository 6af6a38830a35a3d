/**
 * `npm run release`: makes all that a release is made of in one folder, and publishes nothing: the tarball, its SBOM, checksums, and the notes out
 * of the change log. `--tag v0.1.0` is compared with the version; `--out FOLDER` says where to (default: release); `--dry-run` does all of it in a
 * folder that is removed, and tells what is still to do; only what is broken is its failure.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { argumentsOf } from '../bench/support/arguments.ts';
import { type Lockfile, lockfileFaults, type Manifest } from './release/lockfile-faults.ts';
import { examinePackage } from './release/package-faults.ts';
import { publishedLock } from './release/published-lock.ts';
import { notesOf, releaseFaults } from './release/release-faults.ts';
import { repositoryOf } from './release/repository.ts';
import { type Sbom, sbomFaults } from './release/sbom-faults.ts';
import { stagePackage } from './release/stage-package.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const values = argumentsOf(
  `npm run release [-- options]: the tarball, its SBOM, checksums and notes, in one folder; publishes nothing

  --tag v0.1.0  is compared with the version of package.json
  --out FOLDER  where to; default release
  --dry-run     in a folder that is removed, and tells what is still to do`,
  {
    tag: { type: 'string' },
    out: { type: 'string', default: 'release' },
    'dry-run': { type: 'boolean', default: false },
  },
  {},
);
const isDry = values['dry-run'];

const text = (name: string): string => readFileSync(join(root, name), 'utf8');
const run = (command: string, ...args: readonly string[]): string =>
  execFileSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 64 * 2 ** 20 });

const manifest = JSON.parse(text('package.json')) as Manifest & {
  readonly version: string;
  readonly repository?: unknown;
};
const { version, dependencies = {} } = manifest;
const changelog = text('CHANGELOG.md');
const status = run('git', 'status', '--porcelain');
const repository = repositoryOf(manifest, process.env);
/** What whoever makes a release has to do first. */
const undone = releaseFaults({ version, tag: values.tag, changelog, status, repository });
const lock = JSON.parse(text('package-lock.json')) as Lockfile;
const ofLockfile = lockfileFaults(manifest, lock);
// Told before minutes are spent on a build.
if (!isDry) failOn([...undone, ...ofLockfile]);

const out = isDry ? mkdtempSync(join(tmpdir(), 'sluice-release-')) : resolve(root, values.out);
try {
  mkdirSync(out, { recursive: true });
  run('npm', 'run', '--silent', 'build');
  const staged = join(root, 'node_modules', '.cache', 'sluice-package');
  stagePackage(root, staged, { repository });
  const { faults: ofPackage, files, bytes } = examinePackage(root, staged);
  const tarball = join(
    out,
    run('npm', 'pack', staged, '--pack-destination', out, '--ignore-scripts', '--silent').trim(),
  );
  const described = describeParts();
  const sbom = join(out, `sluice-${version}.cdx.json`);
  writeFileSync(sbom, described);
  writeFileSync(join(out, 'notes.md'), `${notesOf(changelog, version) ?? ''}\n`);
  writeFileSync(join(out, 'SHA512SUMS'), [tarball, sbom].map(checksumLine).join(''));
  console.log(
    `sluice ${version}: ${files} files, ${bytes} bytes unpacked, SBOM and notes beside it in ${isDry ? 'a folder that is removed' : out}`,
  );
  if (undone.length > 0) console.log(`still to do:\n${listed(undone)}`);
  failOn([...ofLockfile, ...ofPackage, ...sbomFaults(JSON.parse(described) as Sbom, version, dependencies)]);
} finally {
  if (isDry) rmSync(out, { recursive: true, force: true });
}

/** In a folder without our tools: npm's own `--omit dev` leaves out packages that a tool needs too. */
function describeParts(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-sbom-'));
  try {
    const published = { ...manifest, devDependencies: undefined, scripts: undefined, peerDependencies: undefined };
    writeFileSync(join(folder, 'package.json'), JSON.stringify(published));
    writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(publishedLock(lock, manifest)));
    const args = ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only'];
    return execFileSync('npm', args, { cwd: folder, encoding: 'utf8', maxBuffer: 64 * 2 ** 20 });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function checksumLine(path: string): string {
  return `${createHash('sha512').update(readFileSync(path)).digest('hex')}  ${basename(path)}\n`;
}

function failOn(faults: readonly string[]): void {
  if (faults.length === 0) return;
  console.error(`no release:\n${listed(faults)}`);
  process.exitCode = 1;
  if (!isDry) process.exit();
}

function listed(faults: readonly string[]): string {
  return faults.map((fault) => `  ${fault}`).join('\n');
}
