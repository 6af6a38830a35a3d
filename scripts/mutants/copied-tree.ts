/** A copy of what a run of the suite in virtual time, and of the simulation, needs: faults are planted there, and never in the tree itself. */
import { cpSync, mkdtempSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PARTS = [
  'src',
  'pipelines',
  'demo',
  'test',
  'scripts',
  'bench',
  'docs',
  'bin',
  'package.json',
  'tsconfig.json',
  '.mocharc.json',
];

/** @returns its folder, which is the caller's to remove. */
export function copyTree(root: string): string {
  const tree = mkdtempSync(join(tmpdir(), 'sluice-mutants-'));
  for (const part of PARTS) cpSync(join(root, part), join(tree, part), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));
  return tree;
}
