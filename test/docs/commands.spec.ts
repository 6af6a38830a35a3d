/** Commands in the documentation: `sluice …` with its subcommands and options, and `npm run …`, are commands there are. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { readPages, root } from '../support/pages.ts';

/** Words that may follow others: `''` → `run`, `dlq`, …; `dlq` → `ls`, `--json`, … As `sluice completion` tells them to shells. */
function knownWords(): ReadonlyMap<string, ReadonlySet<string>> {
  const args = ['--import', 'tsx', '--conditions=sluice-source', 'src/cli/main.ts', 'completion', 'bash'];
  const script = execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  return new Map(
    [...script.matchAll(/^ +'([\w -]*)'\) words='(.*)' ;;$/gm)].map(([, after = '', words = '']) => [
      after,
      new Set(words.split(' ')),
    ]),
  );
}

const scripts = new Set(
  Object.keys((JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object }).scripts),
);

interface Command {
  readonly place: string;
  readonly words: readonly string[];
}

/** The commands of a line, without what is set before them, quoted, commented, or redirected. */
function commandsIn(line: string, place: string): readonly Command[] {
  return line
    .replace(/(^|\s)#.*$/, '')
    .split(/&&|\|\|?|;|\$\(/)
    .map((part) =>
      part
        .replace(/["'][^"']*["']/g, 'quoted')
        .trim()
        .split(/\s+/),
    )
    .map((words) => words.slice(words.findIndex((word) => !/^[A-Z_]+=/.test(word))))
    .map((words) => (words[0] === 'npx' || words[0] === '$' ? words.slice(1) : words))
    .map((words) => ({ place, words: words.map((word) => word.replace(/^(\.\/)?node_modules\/\.bin\//, '')) }));
}

const commands = readPages().flatMap(({ path, blocks, inlineCode }) => [
  ...blocks
    .filter(({ language }) => language === 'sh')
    .flatMap(({ text, line }) =>
      text.split('\n').flatMap((content, index) => commandsIn(content, `${path}:${line + index}`)),
    ),
  ...inlineCode.flatMap(({ text, line }) => commandsIn(text, `${path}:${line}`)),
]);

/** What of a `sluice …` is no command or option there is. */
function unknownIn(words: readonly string[], known: ReadonlyMap<string, ReadonlySet<string>>): string | undefined {
  let at = '';
  for (const word of words) {
    const follow = known.get(at) ?? new Set<string>();
    const [name = ''] = word.split('=');
    if (name.startsWith('--')) {
      if (!follow.has(name) && name !== '--version') return name;
    } else if (follow.has(word)) at = at === '' ? word : `${at} ${word}`;
    // A command that has commands of its own takes no other words.
    else if ([...follow].some((next) => !next.startsWith('--')) && /^[a-z-]+$/.test(word)) return word;
  }
  return undefined;
}

describe('commands in the documentation', () => {
  it('of sluice exist, with their options', () => {
    const known = knownWords();
    const called = commands.filter(({ words }) => words[0] === 'sluice' && words.length > 1);
    const wrong = called.flatMap(({ words, place }) => {
      const unknown = unknownIn(words.slice(1), known);
      return unknown === undefined ? [] : [`${place}: sluice knows no ${unknown}: ${words.join(' ')}`];
    });
    expect(wrong).to.deep.equal([]);
    expect(called.length).to.be.above(40);
  });

  it('of sluice are found by a shell: by npx, where the page does not say at its head that it is left out', () => {
    const bare = readPages()
      .filter(({ text }) => !text.includes('type `npx sluice`'))
      .flatMap(({ path, blocks }) =>
        blocks
          .filter(({ language }) => language === 'sh')
          .flatMap(({ text, line }) =>
            text.split('\n').map((content, index) => ({ content, at: `${path}:${line + index}` })),
          ),
      )
      .filter(({ content }) => /(?:^|&&|[|;(])\s*(?:[A-Z_]+=\S+\s+)*sluice\s/.test(content));
    expect(bare).to.deep.equal([]);
  });

  it('of npm name scripts of package.json', () => {
    const called = commands.filter(({ words }) => words[0] === 'npm' && words[1] === 'run' && words.length > 2);
    const wrong = called.filter(({ words }) => !scripts.has(words[2] ?? ''));
    expect(wrong.map(({ words, place }) => `${place}: ${words.join(' ')}`)).to.deep.equal([]);
    expect(called.length).to.be.above(15);
  });
});
