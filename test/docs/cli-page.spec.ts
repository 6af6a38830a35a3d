/** docs/cli.md has the exit codes there are, and every command with what it prints for programs. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { EXIT } from '../../src/cli/exit-code.ts';
import { root } from '../support/pages.ts';

const page = readFileSync(join(root, 'docs/cli.md'), 'utf8');
const BIN = ['--import', 'tsx', '--conditions=sluice-source', 'src/cli/main.ts'];

/** Commands that do something, help aside, and what may follow them, as `sluice completion` tells shells. */
function commandsThere(): ReadonlyMap<string, readonly string[]> {
  const script = execFileSync(process.execPath, [...BIN, 'completion', 'bash'], { cwd: root, encoding: 'utf8' });
  const all = [...script.matchAll(/^ +'([\w -]*)'\) words='(.*)' ;;$/gm)].map(
    ([, name = '', words = '']) => [name, words.split(' ')] as const,
  );
  const isHelp = (name: string): boolean => /^(.* )?help$/.test(name);
  return new Map(all.filter(([name, words]) => !isHelp(name) && words.every((word) => word.startsWith('--'))));
}

describe('the page of the command line', () => {
  it('lists the exit codes there are, by name', () => {
    const listed = [...page.matchAll(/^\| (\d) \| `(\w+)` \| .+ \|$/gm)].map(([, code, name]) => [name, Number(code)]);
    expect(Object.fromEntries(listed)).to.deep.equal(EXIT);
    expect(listed, 'each once').to.have.length(Object.keys(EXIT).length);
  });

  it('lists every command, and says of each without --json why there is none', () => {
    const rows = new Map(
      [...page.matchAll(/^\| `sluice ([\w ]+)` \| .+ \| (.+) \|$/gm)].map(([, name = '', json = '']) => [name, json]),
    );
    const there = commandsThere();
    expect([...rows.keys()]).to.have.members([...there.keys()]);
    const WITHOUT = /^none: |^as `run`$|LOG_FORMAT=json/;
    for (const [name, words] of there)
      expect(words.includes('--json'), `${name} has --json`).to.equal(!WITHOUT.test(rows.get(name) ?? ''));
  });

  for (const args of [['check', '--jsn'], ['run', 'a', 'b'], ['dlq', 'show'], ['nothing-there'], ['top', '--json=1']])
    it(`ends with ${EXIT.misconfigured} for a wrong argument: ${args.join(' ')}`, () => {
      const { status, stderr, stdout } = spawnSync(process.execPath, [...BIN, ...args], {
        cwd: root,
        encoding: 'utf8',
      });
      expect([status, stdout], stderr).to.deep.equal([EXIT.misconfigured, '']);
      expect(stderr).to.match(/^error: /);
    });

  it(`ends with ${EXIT.ok} for --help and --version`, () => {
    for (const asked of [['--help'], ['--version'], ['dlq', 'ls', '--help']])
      expect(spawnSync(process.execPath, [...BIN, ...asked], { cwd: root }).status, asked.join(' ')).to.equal(EXIT.ok);
  });
});
