/**
 * Code blocks of the documentation. A block of TypeScript is an excerpt of a file that the suite compiles and runs (`pipelines`, `test/pipelines`,
 * `test/docs`), word by word, or a module by itself: then it is written to a folder beside the others of its page, compiled together with them,
 * and imported, so that pipelines are checked as at a worker's start and the tests of a spec run here. `// pipelines/apis.ts` in the first line is its
 * name, by which the page's other modules import it. What a reader knows already stands in a comment before the block, `<!-- ts … -->`. ` ```ts no-run ` is
 * compiled and not run: what would connect to something.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { transformSync } from 'esbuild';
import { type Block, filesIn, partsOf, readPages, root, tokensOf } from '../support/pages.ts';

/** Made by scripts from docstrings: signatures, not programs. Their own specs compare them with the source. */
const GENERATED = /^docs\/operators\//;

const shown = readPages()
  .filter(({ path }) => !GENERATED.test(path))
  .flatMap(({ blocks }) => blocks);

const corpus = ['pipelines', 'test/pipelines', 'test/docs']
  .flatMap((folder) => filesIn(folder, '.ts'))
  .map((file) => tokensOf(readFileSync(join(root, file), 'utf8')));

/** Whether one file has all parts of it, in their order. */
function isExcerpt({ text }: Block): boolean {
  const parts = partsOf(text).map(tokensOf);
  return corpus.some((file) => {
    let from = 0;
    return parts.every((part) => {
      const at = file.indexOf(part, from);
      from = at + part.length;
      return at >= 0;
    });
  });
}

const place = ({ page, line }: Block): string => `${page}:${line}`;

/** Lines keep their numbers, so that what the compiler says names the line of the page. */
function sourceOf({ line, text, before }: Block): string {
  if (before === undefined) return '\n'.repeat(line - 1) + text;
  const hidden = '\n'.repeat(before.line - 1) + before.text;
  return hidden + '\n'.repeat(line - hidden.split('\n').length) + text;
}

interface Module {
  readonly block: Block;
  /** Below the folder of all modules. */
  readonly path: string;
}

const named = (block: Block, index: number): Module => {
  const [, name = `block-${index}.ts`] = /^\/\/ ([\w./-]+\.ts)\b/.exec(block.text) ?? [];
  return { block, path: join(block.page.replace(/\.md$/, '').replaceAll('/', '-'), name) };
};

const isFirst = ({ path }: Module, index: number, all: readonly Module[]): boolean =>
  all.findIndex((other) => other.path === path) === index;

const found = shown
  .filter(({ language }) => language === 'ts')
  .filter((block) => !isExcerpt(block))
  .map(named);
const modules = found.filter(isFirst);

/** Inside the project, so that `sluice` is this package. */
const folder = mkdtempSync(join(root, '.docs-'));
const removeFolder = (): void => rmSync(folder, { recursive: true, force: true });
process.once('exit', removeFolder);

for (const { path, block } of modules) {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, sourceOf(block), { flag: 'wx' });
}

/** What the compiler says of all modules at once, with the lines of the pages. */
async function compile(): Promise<readonly string[]> {
  const config = join(folder, 'tsconfig.json');
  writeFileSync(
    config,
    JSON.stringify({
      extends: '../tsconfig.json',
      compilerOptions: { skipLibCheck: true, experimentalDecorators: true, erasableSyntaxOnly: false },
      include: ['**/*.ts', '../test/docs/foreign/*.d.ts'],
      exclude: [],
    }),
  );
  const tsc = join(root, 'node_modules/.bin/tsc');
  const { stdout } = await promisify(execFile)(tsc, ['-p', config, '--pretty', 'false'], { cwd: folder }).catch(
    (error: unknown) => {
      if (error instanceof Error && 'stdout' in error && typeof error.stdout === 'string' && error.stdout !== '')
        return { stdout: error.stdout };
      throw error;
    },
  );
  return stdout
    .split('\n')
    .filter((line) => /error TS/.test(line))
    .map((line) => {
      const [, path, number, text] = /^(.*?)\((\d+),\d+\): error (.*)$/.exec(line) ?? [];
      const module = modules.find((one) => one.path === path);
      return module === undefined ? line : `${module.block.page}:${number}: ${text}`;
    });
}

const load = createRequire(import.meta.url);

function failureOf(task: () => void): Error | undefined {
  try {
    task();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

describe('code blocks of the documentation', () => {
  after(removeFolder);

  it('compile, where they are no excerpt of a file that does', async () => {
    expect(await compile()).to.deep.equal([]);
    expect(shown.filter(({ language }) => language === 'ts').length).to.be.above(20);
  });

  it('are called by names of their own, where they are no excerpts', () => {
    const again = found.filter((module) => !modules.includes(module));
    expect(again.map(({ block }) => place(block))).to.deep.equal([]);
  });

  it('are JSON and JavaScript that can be read', () => {
    const unreadable = shown
      .filter(({ language }) => language === 'json' || language === 'js')
      .filter(({ language, text }) =>
        failureOf(() => (language === 'json' ? JSON.parse(text) : transformSync(text, { format: 'esm' }))),
      );
    expect(unreadable.map(place)).to.deep.equal([]);
  });

  it('name a language, unless they are drawings', () => {
    const known = ['ts', 'js', 'json', 'sh', 'sql', 'text', 'mermaid', 'yaml', 'promql', 'dockerfile', 'http', ''];
    expect(shown.filter(({ language }) => !known.includes(language)).map(place)).to.deep.equal([]);
  });

  for (const { block, path } of modules.filter(({ block }) => !block.flags.includes('no-run'))) {
    describe(place(block), () => {
      // Loaded here: the tests of a spec become tests of this suite. One that cannot be loaded is one test that fails.
      const failure = failureOf(() => load(join(folder, path)));
      it('can be loaded', () => {
        if (failure !== undefined) throw failure;
      });
    });
  }
});
