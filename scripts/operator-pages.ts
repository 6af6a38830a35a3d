/**
 * The pages of `docs/operators`, made from the docstrings of `src/operators`: what an operator does, its options with their defaults and bounds,
 * and its picture. `node --import tsx scripts/operator-pages.ts` writes them; a spec fails when they are not up to date.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('..', import.meta.url));

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

interface Declared {
  readonly name: string;
  readonly signature: string;
  readonly doc: string;
  /** Interfaces it extends. */
  readonly bases: readonly string[];
  readonly members: readonly { readonly name: string; readonly type: string; readonly doc: string }[];
}

function readModule(name: string): {
  readonly opening: string;
  readonly functions: readonly Declared[];
  readonly interfaces: readonly Declared[];
} {
  const text = readFileSync(`${root}src/operators/${name}.ts`, 'utf8');
  const file = ts.createSourceFile(`${name}.ts`, text, ts.ScriptTarget.Latest, true);
  const isExported = (node: ts.Node): boolean =>
    ts.canHaveModifiers(node) &&
    (ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false);
  const functions: Declared[] = [];
  const interfaces: Declared[] = [];
  for (const node of file.statements) {
    if (!isExported(node)) continue;
    if (ts.isFunctionDeclaration(node) && node.name !== undefined) {
      const signature = text
        .slice(node.getStart(file), node.body?.getStart(file) ?? node.end)
        .replace(/^export /, '')
        .trim();
      // Of an overloaded function, the first signature carries the words.
      if (!functions.some((known) => known.name === node.name?.text))
        functions.push({ name: node.name.text, signature, doc: docOf(node), bases: [], members: [] });
    }
    if (ts.isInterfaceDeclaration(node)) {
      const members = node.members
        .filter((member) => member.name !== undefined)
        .map((member) => ({
          name: `${member.name?.getText(file) ?? ''}${'questionToken' in member && member.questionToken !== undefined ? '?' : ''}`,
          type: (ts.isPropertySignature(member) ? (member.type?.getText(file) ?? '') : member.getText(file)).replace(
            /\s+/g,
            ' ',
          ),
          doc: docOf(member),
        }));
      const bases = (node.heritageClauses ?? []).flatMap(({ types }) =>
        types.map(({ expression }) => expression.getText(file)),
      );
      interfaces.push({ name: node.name.text, signature: '', doc: docOf(node), bases, members });
    }
  }
  const opening = /^\/\*\*([\s\S]*?)\*\//.exec(text)?.[1] ?? '';
  return { opening: plain(opening), functions, interfaces };
}

const plain = (comment: string): string =>
  comment
    .split('\n')
    .map((line) => line.replace(/^\s*\*? ?/, ''))
    .join('\n')
    .trim();

function docOf(node: ts.Node): string {
  const comment = ts.getJSDocCommentsAndTags(node).find(ts.isJSDoc);
  if (comment === undefined) return '';
  return plain(
    comment
      .getText()
      .replace(/^\/\*\*/, '')
      .replace(/\*\/$/, ''),
  );
}

/** `@throws X when …` and `@see …` as lists below the words. */
function toMarkdown(doc: string): string {
  const [words = '', ...tags] = doc.split(/^(?=@)/m);
  const listed = tags
    .map((tag) => tag.trim().replace(/\s*\n\s*/g, ' '))
    .map((tag) =>
      tag
        .replace(/^@throws (\S+)/, '- Throws `$1`')
        .replace(/^@see /, '- See ')
        .replace(/^@example\s*/, '\n'),
    );
  return [words.trim(), listed.join('\n')].filter((part) => part !== '').join('\n\n');
}

const cell = (text: string): string => text.replace(/\s*\n\s*/g, ' ').replace(/\|/g, '\\|');

/** Interfaces of every module, to find those that a page's own extend. */
function allInterfaces(): ReadonlyMap<string, Declared> {
  const modules = readdirSync(`${root}src/operators`).map((file) => file.replace(/\.ts$/, ''));
  return new Map(modules.flatMap((name) => readModule(name).interfaces).map((declared) => [declared.name, declared]));
}

function withBases(own: readonly Declared[], all: ReadonlyMap<string, Declared>): readonly Declared[] {
  const named = new Map(own.map((declared) => [declared.name, declared]));
  for (const declared of own) {
    for (const base of declared.bases.map((name) => all.get(name))) if (base !== undefined) named.set(base.name, base);
  }
  return [...named.values()];
}

/** Every page by its file name. */
export function operatorPages(): ReadonlyMap<string, string> {
  const pages = new Map<string, string>();
  const rows: string[] = [];
  const known = allInterfaces();
  for (const name of listedModules()) {
    const { opening, functions: exported, interfaces } = readModule(name);
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
      `${name}.md`,
      `${[`# ${title}`, opening, ...picture, ...sections, ...tables, `[Source](../../src/operators/${name}.ts) · [spec](../../test/operators/${name}.spec.ts) · [all operators](README.md)`].join('\n\n')}\n`,
    );
    rows.push(`| [${title}](${name}.md) | ${cell(opening.split('\n\n')[0] ?? '')} |`);
  }
  const overview = [
    '# Operators',
    "`import { … } from 'sluice/operators'`: each usable alone on any Observable, cancellable by unsubscribing, right in virtual time, bounded in memory. These pages are made from the docstrings, the pictures from the specs' diagrams.",
    ['| operator | what it is |', '| --- | --- |', ...rows].join('\n'),
  ];
  pages.set('README.md', `${overview.join('\n\n')}\n`);
  return pages;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, text] of operatorPages()) writeFileSync(`${root}docs/operators/${name}`, text);
}
