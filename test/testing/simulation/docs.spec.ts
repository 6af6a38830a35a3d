/** Every example of docs/simulation.md is code that a spec runs, and every option and fault it lists exists. */
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { Accounts } from '../../../src/testing/simulation/accounts.ts';
import { builtInLaws } from '../../../src/testing/simulation/laws/built-in-laws.ts';
import { FAULT_KINDS } from '../../../src/testing/simulation/plan.ts';
import { setupOf } from '../../../src/testing/simulation/setup.ts';
import { SimulationError } from '../../../src/testing/simulation/simulation-error.ts';
import { Tally } from '../../../src/testing/simulation/tally.ts';
import { orders } from './broken.ts';

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

  it('says what each of the totals counts', () => {
    const told = [...page.matchAll(/^\| (`\w+`(?:, `\w+`)*) \|/gm)].flatMap(([, names]) => names?.match(/\w+/g) ?? []);
    expect(told).to.include.members(Object.keys(new Tally().totals(0)));
  });

  it('explains a plan as it is printed', () => {
    const burst = { at: 1_000, pipeline: 0, count: 3, everyMs: 0, againAfterMs: 2_000 };
    const plan = { chance: 0, bursts: [burst], faults: [] };
    const violation = { law: 'a law', text: 'is broken', at: 2_000, messageId: undefined };
    const setup = setupOf([orders], { messages: { orders: ({ id }) => ({ id }) } });
    const { message } = new SimulationError({ seed: 1, path: '0', plan, shrinks: 0, violation, timeline: '' }, setup);
    for (const printed of ['chance 0', '3 for orders, every 0 ms, each again after 2000 ms']) {
      expect(message).to.include(printed);
      expect(page).to.include(`\`${printed}\``);
    }
  });
});
