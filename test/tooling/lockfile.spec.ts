/** The check of the lockfile finds what it is there for, each on its own. */
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import {
  type LockedPackage,
  type Lockfile,
  lockfileFaults,
  type Manifest,
} from '../../scripts/release/lockfile-faults.ts';

const hash = `sha512-${'A'.repeat(86)}==`;
const sound: LockedPackage = { version: '1.2.3', integrity: hash, license: 'MIT' };
const manifest: Manifest = { dependencies: { a: '1.2.3' } };
const lockOf = (a: LockedPackage, root: Manifest = manifest): Lockfile => ({
  lockfileVersion: 3,
  packages: { '': root, 'node_modules/a': a },
});

describe('the check of the lockfile', () => {
  it('S15: finds nothing wrong with the packages of this project', () => {
    const read = <T>(name: string): T =>
      JSON.parse(readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8')) as T;
    const lock = read<Lockfile>('package-lock.json');
    expect(lockfileFaults(read('package.json'), lock)).to.deep.equal([]);
    expect(Object.keys(lock.packages ?? {}).length).to.be.above(200);
  });

  it('finds nothing wrong with one that is as it should be', () => {
    expect(lockfileFaults(manifest, lockOf(sound))).to.deep.equal([]);
    expect(
      lockfileFaults(
        { devDependencies: { a: 'npm:@x/b@1.2.3' } },
        lockOf({ ...sound, dev: true, license: 'MPL-2.0' }, { devDependencies: { a: 'npm:@x/b@1.2.3' } }),
      ),
    ).to.deep.equal([]);
    expect(lockfileFaults(manifest, lockOf({ ...sound, dev: true, hasInstallScript: true }))).to.deep.equal([]);
  });

  const { integrity: _, ...unhashed } = sound;
  const faults: Readonly<Record<string, readonly [LockedPackage, string]>> = {
    'no hash': [unhashed, 'a: has no sha512 hash'],
    'a weak hash': [{ ...sound, integrity: 'sha1-abc' }, 'a: has no sha512 hash'],
    'a git address': [
      { ...sound, resolved: 'git+ssh://git@github.com/x/y.git#abc' },
      'a: comes from git+ssh:, expected https:',
    ],
    'a file': [{ ...sound, resolved: 'file:../a.tgz' }, 'a: comes from file:, expected https:'],
    'plain HTTP': [{ ...sound, resolved: 'http://host/a.tgz' }, 'a: comes from http:, expected https:'],
    'no version of a registry': [
      { ...sound, version: 'github:x/y' },
      'a: has no version of a registry, but github:x/y',
    ],
    'a link': [{ ...sound, link: true }, 'a: is a link or bundled, and not from a registry'],
    'a script at install': [{ ...sound, hasInstallScript: true }, 'a: runs a script when it is installed'],
    'a license we do not pass on': [{ ...sound, license: 'GPL-3.0' }, 'a: has the license GPL-3.0, allowed are '],
  };
  for (const [what, [locked, expected]] of Object.entries(faults))
    it(`S15: finds ${what}`, () => {
      const found = lockfileFaults(manifest, lockOf(locked));
      expect(found).to.have.length(1);
      expect(found[0]).to.satisfy((text: string) => text.startsWith(expected), found[0]);
    });

  it('S15: finds versions that may move, differ from the lockfile, or are in it alone', () => {
    expect(lockfileFaults({ dependencies: { a: '^1.2.3' } }, lockOf(sound))).to.deep.equal([
      'dependencies a: expected one exact version, got "^1.2.3"',
      'dependencies a: the lockfile has 1.2.3, wanted is ^1.2.3',
    ]);
    expect(lockfileFaults({}, lockOf(sound))).to.deep.equal(['dependencies a: is in the lockfile alone']);
    expect(
      lockfileFaults({ dependencies: { a: 'github:x/y' } }, lockOf(sound, { dependencies: { a: 'github:x/y' } })),
    ).to.have.length(1);
  });

  it('S15: finds versions that did harm, those too old, and a script of ours that runs at install', () => {
    const axios = (version: string) =>
      lockfileFaults(
        {},
        { lockfileVersion: 3, packages: { 'node_modules/x/node_modules/axios': { ...sound, version } } },
      );
    expect(axios('1.14.1')).to.deep.equal([
      'x/node_modules/axios: 1.14.1 did harm',
      'x/node_modules/axios: is 1.14.1, expected at least 1.21.1',
    ]);
    expect(axios('1.21.1')).to.deep.equal([]);
    expect(lockfileFaults({ scripts: { postinstall: 'node x' } }, { lockfileVersion: 3 })).to.deep.equal([
      'scripts postinstall: would run wherever sluice is installed',
    ]);
  });
});
