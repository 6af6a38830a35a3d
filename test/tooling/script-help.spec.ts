/** Whoever asks a program of this project how it is called is told, and nothing is built, measured or written. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { root } from '../support/pages.ts';

const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly scripts: Readonly<Record<string, string>>;
};
/** Those that end with a program of ours, which gets what stands behind `--`. */
const programs = Object.entries(scripts).flatMap(([name, line]) => {
  const [, options, file] = /(?:^|&& )node ((?:--\S+(?: tsx)? )*)(\S+\.ts)$/.exec(line) ?? [];
  return options === undefined || file === undefined ? [] : [{ name, args: [...options.trim().split(' '), file] }];
});

describe('npm run', () => {
  it('has programs of ours, found here', () => {
    expect(programs.map(({ name }) => name)).to.include.members(['pack', 'release', 'demo', 'bench', 'check:lockfile']);
  });

  for (const { name, args } of programs)
    it(`${name} -- --help says what can be asked`, async () => {
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [...args, '--help'], { cwd: root });
      expect(stderr).to.equal('');
      expect(stdout.startsWith(`npm run ${name}`), stdout).to.equal(true);
    });

  for (const { name, args } of programs.filter(({ name }) => ['chaos', 'soak', 'sim', 'mutants'].includes(name)))
    it(`${name} refuses an option it does not have in one line, by exit code 2`, async () => {
      const run = promisify(execFile)(process.execPath, [...args, '--sed', '3'], { cwd: root });
      const { code, stderr } = await run.then(
        () => ({ code: 0, stderr: '' }),
        (error: { readonly code: number; readonly stderr: string }) => error,
      );
      expect({ code, stderr }).to.deep.equal({
        code: 2,
        stderr: "Unknown option '--sed'; --help says what can be asked\n",
      });
    });
});
