/** Every example of docs/simulation.md is code that a spec runs, and every option and fault it lists exists. */
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { Accounts } from '../../../src/testing/simulation/accounts.ts';
import { builtInLaws } from '../../../src/testing/simulation/laws/built-in-laws.ts';
import { FAULT_KINDS } from '../../../src/testing/simulation/plan.ts';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');

const page = read('../../../docs/simulation.md');

/** The marked parts of the example, in one piece where they follow each other. */
function quoted(names: readonly string[]): string {
  const code = read('./example.spec.ts');
  return names
    .map((name) => new RegExp(`^ *// begin: ${name}\\n([\\s\\S]*?)^ *// end: ${name}\\n`, 'm').exec(code)?.[1] ?? '')
    .join('');
}

describe('docs/simulation.md', () => {
  it('quotes code that runs', () => {
    const blocks = [...page.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code);
    expect(blocks).to.deep.equal([quoted(['simulate', 'close']), quoted(['law'])]);
  });

  it('names every fault and every law', () => {
    for (const kind of FAULT_KINDS) expect(page).to.include(`\`${kind}\``);
    for (const { name } of builtInLaws(new Accounts(), {})) expect(page).to.include(name);
  });
});
