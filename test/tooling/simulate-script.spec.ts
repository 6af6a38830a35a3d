/** `npm run sim` as people type it. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'chai';

const root = join(import.meta.dirname, '../..');

describe('npm run sim', () => {
  const run = (...args: readonly string[]) => {
    const words = ['--import', 'tsx', '--conditions=sluice-source', 'scripts/simulate.ts', ...args];
    return spawnSync(process.execPath, words, { cwd: root, encoding: 'utf8', timeout: 60_000 });
  };

  it('says what it can be asked, and what is none of it', function anyMachine() {
    this.timeout(120_000);
    expect(run('--help').stdout).to.include('--pipelines WHICH').and.include('--path P');
    for (const [args, told] of [
      [['--seeds', 'abc'], '--seeds: expected a number above 0, got "abc"'],
      [['--pipelines', 'mine'], '--pipelines: expected project or demanding, got "mine"'],
    ] as const) {
      const { status, stderr } = run(...args);
      expect([status, stderr.trim()]).to.deep.equal([2, told]);
    }
  });

  it('says before anything else that a case may take a minute', function anyMachine() {
    this.timeout(120_000);
    expect(run('--path', '0', '--seeds', '1', '--hours', '0.01').stdout).to.match(
      /^case 0: it may take a minute\n1 seeds in /,
    );
  });
});
