/** Tables of the documentation that say which test proves what: `` | F1 | what | … | `test/x.spec.ts`: “title”, “another” | ``. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

export interface ProvenRow {
  readonly row: string;
  /** The last column. */
  readonly proof: string;
  readonly proofs: readonly Proof[];
}

export interface Proof {
  readonly row: string;
  readonly file: string;
  readonly title: string;
}

/** Rows of a page whose name fits, in their order. */
export function provenRows(path: string, name: RegExp): readonly ProvenRow[] {
  const lines = readFileSync(at(path), 'utf8').split('\n');
  return lines.flatMap((line) => {
    const cells = line.startsWith('| ') ? line.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, '')) : [];
    const [row = '', ...rest] = cells;
    const proof = rest.at(-1) ?? '';
    return name.test(row) && rest.length > 1 ? [{ row, proof, proofs: proofsOf(row, proof) }] : [];
  });
}

const proofsOf = (row: string, proof: string): readonly Proof[] =>
  [...proof.matchAll(/`(test\/[^`]+)`: ((?:“[^”]+”(?:, )?)+)/g)].flatMap(([, file = '', titles = '']) =>
    [...titles.matchAll(/“([^”]+)”/g)].map(([, title = '']) => ({ row, file, title })),
  );

/** Every text in a source, placeholders as they are written. */
function textsOf(file: string): ReadonlySet<string> {
  const source = ts.createSourceFile(file, readFileSync(at(file), 'utf8'), ts.ScriptTarget.Latest, true);
  const texts = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) texts.add(node.text);
    else if (ts.isTemplateExpression(node)) texts.add(node.getText(source).slice(1, -1));
    ts.forEachChild(node, visit);
  };
  visit(source);
  return texts;
}

/** What is wrong with proofs: files and titles that are not there. */
export function proofFaults(proofs: readonly Proof[]): readonly string[] {
  const files = new Map<string, ReadonlySet<string>>();
  return proofs.flatMap(({ row, file, title }) => {
    if (!existsSync(at(file))) return [`${row}: there is no ${file}`];
    const texts = files.get(file) ?? textsOf(file);
    files.set(file, texts);
    return texts.has(title) ? [] : [`${row}: ${file} has no test “${title}”`];
  });
}

/** `F1` to `F44`. */
export const numbered = (letter: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${letter}${index + 1}`);
