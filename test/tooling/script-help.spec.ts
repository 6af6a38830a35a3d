/** Whoever asks a program of this project how it is called is told, and nothing is built, measured or written. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { readPage, root } from '../support/pages.ts';

const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly scripts: Readonly<Record<string, string>>;
};
/** Those that end with a program of ours, which gets what stands behind `--`. */
const programs = Object.entries(scripts).flatMap(([name, line]) => {
  const [, options, file] = /(?:^|&& )node ((?:--\S+(?: tsx)? )*)(\S+\.ts)$/.exec(line) ?? [];
  return options === undefined || file === undefined
    ? []
    : [{ name, called: `npm run ${name}`, args: [...options.trim().split(' '), file] }];
});

/** Those that the page of performance has run without npm. */
const byNode = readPage('docs/performance.md')
  .text.split('\n')
  .flatMap((line) => {
    const [, called = ''] = /^ {4}(node .*)$/.exec(line) ?? [];
    return called === '' ? [] : [{ name: called, called, args: called.split(' ').slice(1) }];
  });

describe('npm run', () => {
  it('has programs of ours, found here', () => {
    expect(programs.map(({ name }) => name)).to.include.members(['pack', 'release', 'demo', 'bench', 'check:lockfile']);
  });

  it('has others by node on the page of performance', () => {
    expect(byNode.map(({ name }) => name.split('/').at(-1))).to.deep.equal(['http-call.ts', 'observed.ts']);
  });

  for (const { name, called, args } of [...programs, ...byNode])
    it(`${name} says by --help what can be asked`, async () => {
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [...args, '--help'], { cwd: root });
      expect(stderr).to.equal('');
      expect(stdout.startsWith(called), stdout).to.equal(true);
    });

  const REFUSING = ['chaos', 'soak', 'sim', 'mutants'];
  for (const { name, args } of [...programs.filter(({ name }) => REFUSING.includes(name)), ...byNode])
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
