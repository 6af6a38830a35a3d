/** The laws ESLint keeps: time, randomness and the environment come as values, and nothing goes around the types. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { ESLint } from 'eslint';

const root = join(import.meta.dirname, '../..');

/** Text that breaks one law → the rule that says so, in a file of the message path. */
const broken: Readonly<Record<string, string>> = {
  'export const later = setTimeout(() => {}, 1);': 'no-restricted-globals',
  'export const often = globalThis.setInterval(() => {}, 1);': 'no-restricted-properties',
  "export { setTimeout } from 'node:timers/promises';": 'no-restricted-imports',
  'export const now = Date.now();': 'no-restricted-properties',
  'export const today = new Date();': 'no-restricted-syntax',
  'export const start = performance.now();': 'no-restricted-properties',
  'export const luck = Math.random();': 'no-restricted-properties',
  "import { AsyncLocalStorage } from 'node:async_hooks'; export const context = new AsyncLocalStorage();":
    'no-restricted-imports',
  'export const url = process.env.AMQP_URL;': 'no-restricted-properties',
  "import { env } from 'node:process'; export const url = env.AMQP_URL;": 'no-restricted-imports',
  'export const text = 1 as unknown as string;': 'no-restricted-syntax',
  'export const anything = (value: any): unknown => value;': '@typescript-eslint/no-explicit-any',
  'export const first = (list: string[]): string => list[0]!;': '@typescript-eslint/no-non-null-assertion',
  'export const go = (): void => { Promise.resolve(1); };': '@typescript-eslint/no-floating-promises',
  "export const word = (key: 'a' | 'b'): string => { switch (key) { case 'a': return key; } return ''; };":
    '@typescript-eslint/switch-exhaustiveness-check',
  "import { of, interval } from 'rxjs'; of(1).subscribe(() => { interval(1).subscribe(); });":
    'rxjs-x/no-nested-subscribe',
};

describe('the lint rules', () => {
  const eslint = new ESLint({ cwd: root });

  const rulesFor = async (filePath: string, text: string): Promise<readonly (string | null)[]> => {
    const [result] = await eslint.lintText(text, { filePath: join(root, filePath) });
    return result?.messages.map(({ ruleId, message }) => ruleId ?? message) ?? [];
  };

  // Types are read for the first file, which takes its time.
  before(async () => {
    expect(await rulesFor('src/errors.ts', 'export const fine = 1;\n')).to.deep.equal([]);
  });

  for (const [text, rule] of Object.entries(broken)) {
    it(`refuse ${text}`, async () => {
      expect(await rulesFor('src/errors.ts', text)).to.deep.equal([rule]);
    });
  }

  it('let the edges have the clock of the machine, but not the environment', async () => {
    const [file] = (await readdir(join(root, 'src/broker/amqp'))).filter((name) => name.endsWith('.ts'));
    const clock = 'export const later = [setTimeout(() => {}, 1), Date.now(), new Date(), Math.random()];';
    expect(await rulesFor(`src/broker/amqp/${file}`, clock)).to.deep.equal([]);
    expect(await rulesFor(`src/broker/amqp/${file}`, 'export const url = process.env.URL;')).to.deep.equal([
      'no-restricted-properties',
    ]);
  });

  it('let src/config/environment.ts alone read the environment, but not the clock', async () => {
    expect(await rulesFor('src/config/environment.ts', 'export const url = process.env.URL;')).to.deep.equal([]);
    expect(await rulesFor('src/config/environment.ts', 'export const now = Date.now();')).to.deep.equal([
      'no-restricted-properties',
    ]);
  });
});
