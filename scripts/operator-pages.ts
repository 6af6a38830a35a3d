/**
 * The pages of `docs/operators`, made from the docstrings of `src/operators`: what an operator does, its options with their defaults and bounds,
 * whatever its types name, and its picture. `npm run reference` writes them; a spec fails when they are not up to date.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cell, type Declared, readModule, root, toCell, toMarkdown } from './docstrings.ts';

const index = readFileSync(`${root}src/operators/index.ts`, 'utf8');

/** What `sluice/operators` gives to everybody; modules export more, for each other. */
export const publicNames: ReadonlySet<string> = new Set(
  [...index.matchAll(/export (?:type )?\{([^}]*)\}/g)].flatMap(([, names = '']) =>
    names
      .split(',')
      .map((name) => name.trim().replace(/^type /, ''))
      .filter((name) => name !== ''),
  ),
);

const isPublic = ({ name }: Declared): boolean => publicNames.has(name);

/** Modules that `sluice/operators` lists, in its order. Those of types alone belong to the page of the operator that uses them. */
function listedModules(): readonly string[] {
  const names = new Set([...index.matchAll(/from '\.\/([\w-]+)\.ts'/g)].map(([, name]) => name ?? ''));
  return [...names].filter((name) => readModule(`src/operators/${name}.ts`).functions.some(isPublic));
}

/** A type, and the public functions by which it is made where its module has no page of its own. */
interface Named {
  readonly declared: Declared;
  readonly makers: readonly Declared[];
}

/** Interfaces and types of the operators and of what they decide by, by name. */
function allTypes(): ReadonlyMap<string, Named> {
  const own = new Set(listedModules().map((name) => `src/operators/${name}.ts`));
  const paths = ['src/policies', 'src/operators'].flatMap((folder) =>
    readdirSync(`${root}${folder}`)
      .filter((file) => file.endsWith('.ts') && file !== 'index.ts')
      .map((file) => `${folder}/${file}`),
  );
  return new Map(
    paths.flatMap((path) => {
      const { functions, interfaces, types } = readModule(path);
      const makers = own.has(path) ? [] : functions.filter(isPublic);
      return [...interfaces, ...types].map((declared) => [declared.name, { declared, makers }] as const);
    }),
  );
}

/** And what they rest on, in turn: interfaces that they extend, types that they name. */
function withNamed(own: readonly Declared[], all: ReadonlyMap<string, Named>): readonly Declared[] {
  const found = new Map(own.map((declared) => [declared.name, declared]));
  // A map goes on to what is added to it meanwhile.
  for (const { bases, signature, members } of found.values()) {
    const text = [...bases, signature, ...members.map(({ type }) => type)].join(' ');
    for (const [name] of text.matchAll(/\b[A-Z]\w+/g)) {
      const named = all.get(name);
      if (named === undefined || found.has(name)) continue;
      for (const declared of [named.declared, ...named.makers]) found.set(declared.name, declared);
    }
  }
  return [...found.values()];
}

const isInterface = ({ signature }: Declared): boolean => signature === '';

function sectionOf(declared: Declared, heirs: readonly string[]): readonly string[] {
  const { name, signature, doc, members } = declared;
  const words = doc === '' ? [] : [toMarkdown(doc)];
  if (!isInterface(declared)) return [`## ${name}`, `\`\`\`ts\n${signature}\n\`\`\``, ...words];
  const rows = members.map((member) => `| \`${member.name}\` | \`${cell(member.type)}\` | ${toCell(member.doc)} |`);
  return [
    `## ${name}`,
    ...words,
    ...heirs.map((heir) => `\`${heir}\` has these too.`),
    ['| | type | |', '| --- | --- | --- |', ...rows].join('\n'),
  ];
}

/** A docstring names a neighbour by its file, a page links to that one's page. */
const withLinks = (text: string, pages: readonly string[]): string =>
  text.replace(/`([\w-]+)\.ts`/g, (file, name: string) => (pages.includes(name) ? `[${name}](${name}.md)` : file));

/** Every page by its path. */
export function operatorPages(): ReadonlyMap<string, string> {
  const pages = new Map<string, string>();
  const rows: string[] = [];
  const known = allTypes();
  const listed = listedModules();
  for (const name of listed) {
    const { opening: words, functions: exported, interfaces, types } = readModule(`src/operators/${name}.ts`);
    const opening = withLinks(words, listed);
    const functions = exported.filter(isPublic);
    const title = functions.map((declared) => declared.name).join(', ');
    const picture = existsSync(`${root}docs/operators/${name}.svg`)
      ? [`![marble diagram of ${name}](${name}.svg)`]
      : [];
    const shown = withNamed([...functions, ...interfaces.filter(isPublic), ...types.filter(isPublic)], known);
    const sections = shown
      .filter((declared) => !isInterface(declared) || declared.members.length > 0)
      .flatMap((declared) => {
        const heirs = shown.filter(({ bases }) => bases.includes(declared.name));
        return sectionOf(
          declared,
          heirs.map((heir) => heir.name),
        );
      });
    pages.set(
      `docs/operators/${name}.md`,
      `${[`# ${title}`, toMarkdown(opening), ...picture, ...sections, `[Source](../../src/operators/${name}.ts) · [spec](../../test/operators/${name}.spec.ts) · [all operators](README.md)`].join('\n\n')}\n`,
    );
    rows.push(`| [${title}](${name}.md) | ${cell(opening.split('\n\n')[0] ?? '')} |`);
  }
  const overview = [
    '# Operators',
    "`import { … } from 'sluice/operators'`: each usable alone on any Observable, cancellable by unsubscribing, right in virtual time, bounded in memory. The types on these pages are exported there too, the errors by `sluice`: [each, and what to do](../errors.md). The pages are made from the docstrings, the pictures from the specs' diagrams.",
    ['| operator | what it is |', '| --- | --- |', ...rows].join('\n'),
  ];
  pages.set('docs/operators/README.md', `${overview.join('\n\n')}\n`);
  return pages;
}
