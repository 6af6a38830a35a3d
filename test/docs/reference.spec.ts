/** Pages that are made of the source: they are what `npm run reference` writes, and leave out nothing that is public. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { documentedOptions, settings, variables } from '../../scripts/configuration-page.ts';
import { withoutRemedy } from '../../scripts/error-page.ts';
import { operatorPages, publicNames } from '../../scripts/operator-pages.ts';
import { referencePages } from '../../scripts/reference.ts';
import { root } from '../support/pages.ts';

const read = (path: string): string => (existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : '');

describe('the pages of reference', () => {
  for (const [path, text] of referencePages()) {
    it(`${path} says what the source says`, () => {
      expect(read(path), 'npm run reference writes it').to.equal(text);
    });
  }

  it('have every name of sluice/operators, and none that cannot be imported from there', () => {
    const told = [...operatorPages().values()].flatMap((text) => text.match(/(?<=^## ).*$/gm) ?? []);
    // A class that nobody but `optional` makes, and nobody looks into.
    const names = [...publicNames].filter((name) => name !== 'OptionalBranch');
    expect([...new Set(told)].sort()).to.deep.equal(names.sort());
    expect(names.length).to.be.above(50);
  });

  it("name no neighbour by its file, which is in nobody's reach, where that has a page", () => {
    const pages = operatorPages();
    const named = [...pages].flatMap(([path, text]) =>
      [...text.matchAll(/`([\w-]+)\.ts`/g)]
        .filter(([, name]) => pages.has(`docs/operators/${name}.md`))
        .map(([file]) => `${path}: ${file}`),
    );
    expect(named).to.deep.equal([]);
  });

  it('of operators name no other file of the source either, but where they link to it', () => {
    const named = [...operatorPages()].flatMap(([path, text]) =>
      (text.replace(/\]\([^)]*\)/g, ']').match(/\b[\w-]+\.ts\b|\b(?:policies|operators)\/[\w-]+/g) ?? []).map(
        (file) => `${path}: ${file}`,
      ),
    );
    expect(named).to.deep.equal([]);
  });

  it('name errors that sluice exports', () => {
    const exported = read('src/index.ts');
    const thrown = new Set([...operatorPages().values()].flatMap((text) => text.match(/(?<=Throws `)\w+/g) ?? []));
    const missing = [...thrown].filter((name) => !(name in globalThis) && !new RegExp(`\\b${name}\\b`).test(exported));
    expect(missing).to.deep.equal([]);
    expect(thrown.size).to.be.above(10);
  });

  it('say which options another table has too', () => {
    expect(operatorPages().get('docs/operators/gather-quorum.md')).to.include(
      '## GatherOptions\n\n`GatherQuorumOptions` has these too.',
    );
  });

  it('show no tag of a docstring', () => {
    const tags = [...referencePages()].flatMap(([path, text]) =>
      (text.match(/(?<=^|\s)@(?:param|returns|see|throws) .{0,20}/gm) ?? []).map((tag) => `${path}: ${tag}`),
    );
    expect(tags).to.deep.equal([]);
  });

  it('say of every error what to do about it', () => {
    expect(withoutRemedy(), '`@remedy …` in its docstring says it').to.deep.equal([]);
  });

  it('have every setting of the worker', () => {
    const known = variables().map(({ name }) => name);
    expect(settings().filter((name) => !known.includes(name))).to.deep.equal([]);
    expect(settings().length).to.be.above(10);
  });

  it('have the defaults of the schema', () => {
    const told = new Map(variables().map((variable) => [variable.name, variable.default]));
    const defaults = [
      ...read('src/config/config-schema.ts').matchAll(
        /^ {2}([A-Z_]+): z(?:(?!^ {2}[A-Z_]+:)[\s\S])*?\.default\(([^)]*)\)/gm,
      ),
    ];
    const wrong = defaults.filter(
      ([, name = '', value = '']) => value !== '[]' && told.get(name) !== value.replace(/['_]/g, ''),
    );
    expect(wrong.map(([, name, value]) => `${name}: ${value}`)).to.deep.equal([]);
    expect(defaults.length).to.be.above(5);
  });

  it('have the options of every definition', () => {
    const names = [...read('src/index.ts').matchAll(/\b(\w+Options)\b/g)].map(([, name = '']) => name);
    const missing = names.filter((name) => !documentedOptions.has(name));
    expect(missing, 'scripts/configuration-page.ts has a section for each').to.deep.equal([]);
  });
});
