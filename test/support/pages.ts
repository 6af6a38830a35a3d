/** The pages of the documentation as the specs of `test/docs` read them: code blocks, headings, links, commands. Markdown as these pages use it, no more. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

export const root = join(import.meta.dirname, '../..');

export interface Block {
  readonly page: string;
  /** Line of the page where its text begins, from 1. */
  readonly line: number;
  readonly language: string;
  /** The other words behind the backticks: `no-run`. */
  readonly flags: readonly string[];
  readonly text: string;
  /** What the page does not show, in a comment right before the block: `<!-- ts … -->`. With the line where its text begins. */
  readonly before: { readonly line: number; readonly text: string } | undefined;
}

export interface Page {
  /** Path from the root of the project. */
  readonly path: string;
  readonly text: string;
  readonly blocks: readonly Block[];
  /** What a link can name behind its `#`, as GitHub makes it. */
  readonly anchors: ReadonlySet<string>;
  readonly links: readonly { readonly target: string; readonly line: number }[];
  /** Texts between single backticks. */
  readonly inlineCode: readonly { readonly text: string; readonly line: number }[];
}

/** Files of a folder and of those in it, as paths from the root. */
export function filesIn(folder: string, ending: string): readonly string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => `${folder}/${name}`)
    .sort();
}

export function readPages(): readonly Page[] {
  const top = readdirSync(root).filter((name) => name.endsWith('.md'));
  return [...top.sort(), ...filesIn('docs', '.md')].map(readPage);
}

export function readPage(path: string): Page {
  const text = readFileSync(join(root, path), 'utf8');
  const blocks: Block[] = [];
  const anchors = new Set<string>();
  const links: { target: string; line: number }[] = [];
  const inlineCode: { text: string; line: number }[] = [];
  let open: { fence: string; line: number; info: string; lines: string[] } | undefined;
  let comment: { line: number; lines: string[] } | undefined;
  let before: Block['before'];
  for (const [index, content] of text.split('\n').entries()) {
    const line = index + 1;
    const [, fence = '', info = ''] = /^ *(```+)(.*)$/.exec(content) ?? [];
    if (open !== undefined) {
      if (fence !== open.fence) open.lines.push(content);
      else {
        const [language = '', ...flags] = open.info.trim().split(/\s+/);
        blocks.push({ page: path, line: open.line, language, flags, text: `${open.lines.join('\n')}\n`, before });
        open = undefined;
        before = undefined;
      }
    } else if (comment !== undefined) {
      if (content !== '-->') comment.lines.push(content);
      else {
        before = { line: comment.line, text: `${comment.lines.join('\n')}\n` };
        comment = undefined;
      }
    } else if (content === '<!-- ts') comment = { line: line + 1, lines: [] };
    else if (fence !== '') open = { fence, line: line + 1, info, lines: [] };
    else {
      const [, heading] = /^#{1,6} (.*)$/.exec(content) ?? [];
      if (heading !== undefined) anchors.add(unusedAnchor(heading, anchors));
      for (const [, code = ''] of content.matchAll(/`([^`]+)`/g)) inlineCode.push({ text: code, line });
      const words = content.replace(/`[^`]*`/g, (code) => 'x'.repeat(code.length));
      for (const [, target = ''] of words.matchAll(/\]\(([^)\s]+)\)/g)) links.push({ target, line });
    }
  }
  // A block that is not closed has no language there is: a test fails for it, and not the loading of all tests.
  if (open !== undefined)
    blocks.push({ page: path, line: open.line, language: 'unclosed', flags: [], text: '', before: undefined });
  return { path, text, blocks, anchors, links, inlineCode };
}

function unusedAnchor(heading: string, taken: ReadonlySet<string>): string {
  const anchor = heading
    .toLowerCase()
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/ /g, '-');
  for (let number = 0; ; number++) {
    const candidate = number === 0 ? anchor : `${anchor}-${number}`;
    if (!taken.has(candidate)) return candidate;
  }
}

/** The tokens of TypeScript in order, each behind a zero byte. Layout, comments and commas before a closing bracket say nothing. */
export function tokensOf(text: string): string {
  const scanner = ts.createScanner(ts.ScriptTarget.Latest, true, ts.LanguageVariant.Standard, text);
  const tokens: string[] = [];
  /** Open braces; true for those of a `${` in a template. */
  const braces: boolean[] = [];
  for (let kind = scanner.scan(); kind !== ts.SyntaxKind.EndOfFileToken; kind = scanner.scan()) {
    if (kind === ts.SyntaxKind.OpenBraceToken) braces.push(false);
    if (kind === ts.SyntaxKind.TemplateHead) braces.push(true);
    if (kind === ts.SyntaxKind.CloseBraceToken && braces.pop() === true) {
      if (scanner.reScanTemplateToken(false) === ts.SyntaxKind.TemplateMiddle) braces.push(true);
    }
    if (kind === ts.SyntaxKind.SlashToken && /^[(,=:[!&|?{};]$/.test(tokens.at(-1) ?? '(')) scanner.reScanSlashToken();
    const token = scanner.getTokenText();
    if (/^[)\]}]$/.test(token) && tokens.at(-1) === ',') tokens.pop();
    tokens.push(token);
  }
  return tokens.map((token) => `\0${token}`).join('');
}

/** The parts of an excerpt: what stands between lines of `// …` or `...` */
export const partsOf = (text: string): readonly string[] => text.split(/^\s*(?:\/\/ )?(?:…|\.\.\.)\s*$/m);
