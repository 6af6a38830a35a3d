/** docs/guide: what the patterns need beside the packages of the first page, where somebody copies them, and beside a broker, where somebody runs them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { filesIn, type Page, readPage, readPages, root } from '../support/pages.ts';

/** Of sluice, of the first page, of Node, or files of the two folders. */
const KNOWN = /^(sluice|rxjs|zod|node:|\.)/;

const imported = [...filesIn('pipelines', '.ts'), ...filesIn('test/pipelines', '.ts')]
  .filter((path) => !path.endsWith('/every-folder.spec.ts'))
  .flatMap((path) =>
    [...readFileSync(join(root, path), 'utf8').matchAll(/ from '([^']+)'/g)].map(([, name = '']) => ({ path, name })),
  );

describe('the page of all patterns', () => {
  it('names each package that pipelines and tests need', () => {
    const page = readPage('docs/guide/README.md').text;
    const packages = new Set(imported.map(({ name }) => name).filter((name) => !KNOWN.test(name)));
    expect([...packages].filter((name) => !page.includes(name))).to.deep.equal([]);
    expect(packages.size).to.be.above(0);
  });

  it('says of one test alone that it needs more than the two folders', () => {
    const files = imported.filter(({ name }) => name.startsWith('.')).map(({ path, name }) => join(path, '..', name));
    expect(files.filter((file) => !/^(test\/)?pipelines\//.test(file))).to.deep.equal([]);
    expect(files.length).to.be.above(10);
  });
});

const commandsOf = ({ blocks }: Page): string =>
  blocks.flatMap(({ language, text }) => (language === 'sh' ? [text] : [])).join('\n');

describe('the pages of patterns', () => {
  const pages = readPages().filter(({ path }) => path.startsWith('docs/guide/'));

  it('say what a result needs on RabbitMQ, where they run a pipeline that publishes', () => {
    const publishing = pages.filter((page) => /sluice run/.test(commandsOf(page)) && /publishes:/.test(page.text));
    expect(publishing.filter(({ text }) => !text.includes('ERR_UNROUTABLE')).map(({ path }) => path)).to.deep.equal([]);
    expect(publishing).to.not.have.lengthOf(0);
  });

  it('say what the management API is asked of: the plugin, that of hash exchanges, and a worker that has declared', () => {
    const asking = pages.map(commandsOf).filter((commands) => commands.includes(':15672/api/'));
    const before = asking.map((commands) => commands.slice(0, commands.indexOf(':15672/api/')));
    for (const needed of ['-management', 'rabbitmq_consistent_hash_exchange', 'sluice run'])
      expect(before.filter((commands) => !commands.includes(needed))).to.deep.equal([]);
    expect(before).to.have.lengthOf(1);
  });
});
