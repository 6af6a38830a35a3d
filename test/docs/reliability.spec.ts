/** docs/reliability.md says which test proves what: every row is there, and every test it names exists and names the row. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import ts from 'typescript';

const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

interface Proof {
  readonly row: string;
  readonly file: string;
  readonly title: string;
}

const page = readFileSync(at('docs/reliability.md'), 'utf8');
/** `| F1 | what | proof |` */
const rows = [...page.matchAll(/^\| ([FB]\d+) \| (.*?) \| (.*) \|$/gm)].map(([, row = '', what = '', proof = '']) => ({
  row,
  what,
  proof,
}));

/** `` `test/x.spec.ts`: “title”, “another” `` */
const proofs: readonly Proof[] = rows.flatMap(({ row, proof }) =>
  [...proof.matchAll(/`(test\/[^`]+)`: ((?:“[^”]+”(?:, )?)+)/g)].flatMap(([, file = '', titles = '']) =>
    [...titles.matchAll(/“([^”]+)”/g)].map(([, title = '']) => ({ row, file, title })),
  ),
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

const numbered = (letter: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${letter}${index + 1}`);

describe('docs/reliability.md', () => {
  it('has every fault and every bad input, once', () => {
    expect(rows.map(({ row }) => row)).to.deep.equal([...numbered('F', 44), ...numbered('B', 42)]);
  });

  it('gives a test or a reason for each', () => {
    const bare = rows.filter(
      ({ row, proof }) => !proofs.some((each) => each.row === row) && !proof.includes('Reason:'),
    );
    expect(bare.map(({ row }) => row)).to.deep.equal([]);
  });

  it('names tests that exist, by titles that name their row', () => {
    const files = new Map<string, ReadonlySet<string>>();
    const wrong: string[] = [];
    for (const { row, file, title } of proofs) {
      if (!existsSync(at(file))) {
        wrong.push(`${row}: there is no ${file}`);
        continue;
      }
      const texts = files.get(file) ?? textsOf(file);
      files.set(file, texts);
      if (!texts.has(title)) wrong.push(`${row}: ${file} has no test “${title}”`);
      if (!new RegExp(`\\b${row}\\b`).test(title)) wrong.push(`${row}: “${title}” does not name it`);
    }
    expect(wrong).to.deep.equal([]);
    expect(proofs.length).to.be.above(80);
  });
});
