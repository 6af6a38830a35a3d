/** Runners check no types, so what is misspelt is refused when the test runs. */
import { expect } from 'chai';
import { call, marbles, message, published } from 'sluice/testing';
import { done, paying } from './working.ts';

describe('marbles of a pipeline: an option that is misspelt', () => {
  const misspelt = { boddy: 1 } as object;

  for (const [where, say, problem] of [
    [
      'a call',
      () => call('pay', 'POST /pay', misspelt),
      `call('pay', 'POST /pay'): no option "boddy", only body, query, headers, params`,
    ],
    ['a result', () => published(done, 1, misspelt), 'published(…): no option "boddy", only headers, messageId, '],
    ['a message', () => message(1, misspelt), 'message(…): no option "boddy", only headers, attempt, deadline, '],
    [
      'a test',
      () => marbles(paying, misspelt, () => undefined)(),
      'options: no option "boddy", only seed, random, within',
    ],
    [
      'the facts that are looked at',
      () => marbles(paying, ({ expectFacts }) => expectFacts([], '-'))(),
      'expectFacts: expected a type of facts, or several',
    ],
  ] as const) {
    it(`is refused in ${where}`, () => {
      expect(say).to.throw(TypeError, problem);
    });
  }
});
