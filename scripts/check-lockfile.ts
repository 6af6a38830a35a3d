/** `npm run check:lockfile`: what is wrong with the packages this project is made of, one mistake a line; exits 1 where there is one. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { argumentsOf } from '../bench/support/arguments.ts';
import { type Lockfile, lockfileFaults, type Manifest } from './release/lockfile-faults.ts';

argumentsOf(
  'npm run check:lockfile: what is wrong with the packages this project is made of; exits 1 where there is something',
  {},
  {},
);
const read = <T>(name: string): T =>
  JSON.parse(readFileSync(fileURLToPath(new URL(`../${name}`, import.meta.url)), 'utf8')) as T;

const lock = read<Lockfile>('package-lock.json');
const faults = lockfileFaults(read<Manifest>('package.json'), lock);
console.log(
  faults.length === 0
    ? `${Object.keys(lock.packages ?? {}).length - 1} packages, each pinned and hashed`
    : faults.join('\n'),
);
process.exitCode = faults.length === 0 ? 0 : 1;
