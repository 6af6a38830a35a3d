/**
 * `npm run pack`: the package as it is published, as a tarball in this folder, or in the one that is named. Refuses where something is wrong with
 * its content. Run after the build.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tellUsage } from '../bench/support/usage.ts';
import { examinePackage } from './release/package-faults.ts';
import { stagePackage } from './release/stage-package.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const staged = join(root, 'node_modules', '.cache', 'sluice-package');

tellUsage(
  'npm run pack [-- FOLDER]: the package as it is published, as a tarball in that folder, which is made where it is not there; default: in this one',
);
const target = resolve(process.argv[2] ?? root);
// `npm run package` names it, and nothing else may have been run here.
mkdirSync(dirname(staged), { recursive: true });
if (statSync(target, { throwIfNoEntry: false })?.isDirectory() === false) {
  console.error(`${target}: is no folder; npm run pack [-- the folder the tarball goes to]`);
  process.exit(2);
}

stagePackage(root, staged);
const { files, bytes, faults } = examinePackage(root, staged);
if (faults.length > 0) {
  console.error(faults.join('\n'));
  process.exit(1);
}
mkdirSync(target, { recursive: true });
const name = execFileSync('npm', ['pack', staged, '--pack-destination', target, '--ignore-scripts', '--silent'], {
  encoding: 'utf8',
});
console.log(`${join(target, name.trim())}: ${files} files, ${bytes} bytes unpacked`);
