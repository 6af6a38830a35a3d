/**
 * The pages of `docs/operators`, made from the docstrings of `src/operators`: what an operator does, its options with their defaults and bounds,
 * and its picture. `npm run reference` writes them; a spec fails when they are not up to date.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cell, type Declared, readModule, root, toMarkdown } from './docstrings.ts';

const index = readFileSync(`${root}src/operators/index.ts`, 'utf8');

/** What `sluice/operators` gives to everybody; modules export more, for each other. */
const publicNames = new Set(
  [...index.matchAll(/export (?:type )?\{([^}]*)\}/g)].flatMap(([, names = '']) =>
    names.split(',').map((name) => name.trim().replace(/^type /, '')),
  ),
);

/** Modules that `sluice/operators` lists, in its order. */
function listedModules(): readonly string[] {
  const names = new Set([...index.matchAll(/from '\.\/([\w-]+)\.ts'/g)].map(([, name]) => name ?? ''));
  // Modules of types alone belong to the page of the operator that uses them.
  return [...names].filter((name) => existsSync(`${root}test/operators/${name}.spec.ts`));
}

/** Interfaces of every module, to find those that a page's own extend. */
function allInterfaces(): ReadonlyMap<string, Declared> {
  const modules = readdirSync(`${root}src/operators`).map((file) => file.replace(/\.ts$/, ''));
  return new Map(
    modules
      .flatMap((name) => readModule(`src/operators/${name}.ts`).interfaces)
      .map((declared) => [declared.name, declared]),
  );
}

function withBases(own: readonly Declared[], all: ReadonlyMap<string, Declared>): readonly Declared[] {
  const named = new Map(own.map((declared) => [declared.name, declared]));
  for (const declared of own) {
    for (const base of declared.bases.map((name) => all.get(name))) if (base !== undefined) named.set(base.name, base);
  }
  return [...named.values()];
}

/** Every page by its path. */
export function operatorPages(): ReadonlyMap<string, string> {
  const pages = new Map<string, string>();
  const rows: string[] = [];
  const known = allInterfaces();
  for (const name of listedModules()) {
    const { opening, functions: exported, interfaces } = readModule(`src/operators/${name}.ts`);
    const functions = exported.filter((declared) => publicNames.has(declared.name));
    const title = functions.map((declared) => declared.name).join(', ');
    const picture = existsSync(`${root}docs/operators/${name}.svg`)
      ? [`![marble diagram of ${name}](${name}.svg)`]
      : [];
    const sections = functions.flatMap((declared) => [
      `## ${declared.name}`,
      `\`\`\`ts\n${declared.signature}\n\`\`\``,
      toMarkdown(declared.doc),
    ]);
    const own = interfaces.filter((declared) => publicNames.has(declared.name));
    const tables = withBases(own, known)
      .filter(({ members }) => members.length > 0)
      .flatMap(({ name: type, doc, members }) => [
        `## ${type}`,
        ...(doc === '' ? [] : [toMarkdown(doc)]),
        [
          '| | type | |',
          '| --- | --- | --- |',
          ...members.map((member) => `| \`${member.name}\` | \`${cell(member.type)}\` | ${cell(member.doc)} |`),
        ].join('\n'),
      ]);
    pages.set(
      `docs/operators/${name}.md`,
      `${[`# ${title}`, opening, ...picture, ...sections, ...tables, `[Source](../../src/operators/${name}.ts) · [spec](../../test/operators/${name}.spec.ts) · [all operators](README.md)`].join('\n\n')}\n`,
    );
    rows.push(`| [${title}](${name}.md) | ${cell(opening.split('\n\n')[0] ?? '')} |`);
  }
  const overview = [
    '# Operators',
    "`import { … } from 'sluice/operators'`: each usable alone on any Observable, cancellable by unsubscribing, right in virtual time, bounded in memory. These pages are made from the docstrings, the pictures from the specs' diagrams.",
    ['| operator | what it is |', '| --- | --- |', ...rows].join('\n'),
  ];
  pages.set('docs/operators/README.md', `${overview.join('\n\n')}\n`);
  return pages;
}
