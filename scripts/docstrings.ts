/** Docstrings of the source as the pages of reference show them: what modules export, in the words that stand there. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

export const root = fileURLToPath(new URL('..', import.meta.url));

export interface Declared {
  readonly name: string;
  readonly signature: string;
  readonly doc: string;
  /** Interfaces it extends. */
  readonly bases: readonly string[];
  readonly members: readonly { readonly name: string; readonly type: string; readonly doc: string }[];
}

/** What a module exports, from its path below the root. */
export function readModule(path: string): {
  readonly opening: string;
  readonly functions: readonly Declared[];
  readonly interfaces: readonly Declared[];
} {
  const text = readFileSync(`${root}${path}`, 'utf8');
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
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

export function docOf(node: ts.Node): string {
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
export function toMarkdown(doc: string): string {
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

/** A text in one cell of a table. */
export const cell = (text: string): string => text.replace(/\s*\n\s*/g, ' ').replace(/\|/g, '\\|');
