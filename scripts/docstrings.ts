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
  /** Aliases of types. */
  readonly types: readonly Declared[];
} {
  const text = readFileSync(`${root}${path}`, 'utf8');
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const isExported = (node: ts.Node): boolean =>
    ts.canHaveModifiers(node) &&
    (ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false);
  const functions: Declared[] = [];
  const interfaces: Declared[] = [];
  const types: Declared[] = [];
  for (const node of file.statements) {
    if (!isExported(node)) continue;
    if (ts.isFunctionDeclaration(node) && node.name !== undefined) {
      const signature = text
        .slice(node.getStart(file), node.body?.getStart(file) ?? node.end)
        .replace(/^export /, '')
        .trim();
      const known = functions.findIndex((one) => one.name === node.name?.text);
      const overloaded = functions[known];
      // Of an overloaded function, the first signature carries the words, and the last, with the body, is nobody's.
      if (overloaded === undefined)
        functions.push({ name: node.name.text, signature, doc: docOf(node), bases: [], members: [] });
      else if (node.body === undefined)
        functions[known] = { ...overloaded, signature: `${overloaded.signature}\n${signature}` };
    }
    if (ts.isTypeAliasDeclaration(node)) {
      const signature = node.getText(file).replace(/^export /, '');
      types.push({ name: node.name.text, signature, doc: docOf(node), bases: [], members: [] });
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
  return { opening: plain(opening), functions, interfaces, types };
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

/** A docstring's words, and its tags in words: `@throws X when …`, `@param x …`, `@see …`. */
function partsOf(doc: string): { readonly words: string; readonly tags: readonly string[] } {
  const [words = '', ...tags] = doc.split(/^(?=@)/m);
  return {
    words: words.trim(),
    tags: tags.map((tag) =>
      tag
        .trim()
        .replace(/\s*\n\s*/g, ' ')
        .replace(/^@throws (\S+)/, 'Throws `$1`')
        .replace(/^@param (\S+)/, '`$1`:')
        .replace(/^@see /, 'See '),
    ),
  };
}

/** With the tags as a list below the words. */
export function toMarkdown(doc: string): string {
  const { words, tags } = partsOf(doc);
  return [words, tags.map((tag) => `- ${tag}`).join('\n')].filter((part) => part !== '').join('\n\n');
}

/** A text in one cell of a table. */
export const cell = (text: string): string => text.replace(/\s*\n\s*/g, ' ').replace(/\|/g, '\\|');

/** With the tags behind the words, in one cell of a table. */
export function toCell(doc: string): string {
  const { words, tags } = partsOf(doc);
  return cell([words, ...tags].filter((part) => part !== '').join(' '));
}
