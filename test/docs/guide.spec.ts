/** docs/guide/README.md: what the patterns need beside the packages of the first page, where somebody copies them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { filesIn, readPage, root } from '../support/pages.ts';

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
