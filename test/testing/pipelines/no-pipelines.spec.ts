/** Who has no types, or imports by another name than what is exported, hands over what is no pipeline. */
import { expect } from 'chai';
import { advancing, marbles, simulate } from 'sluice/testing';
import { paying } from './working.ts';

const WRONG: readonly (readonly [string, unknown, string])[] = [
  ['an import that is not there', undefined, 'undefined: what is imported has no export of that name'],
  [
    'a module',
    { default: paying },
    'the module that exports one: import its default; where it is that already, package.json lacks "type": "module"',
  ],
  ['its name', 'paying', 'a string'],
  ['something else', { name: 'paying' }, 'something else'],
  ['null', null, 'something else'],
];

describe('what is no pipeline', () => {
  for (const [what, given, got] of WRONG)
    it(`is refused by name: ${what}`, async () => {
      const expected = `expected a pipeline made by definePipeline(), got ${got}`;
      const ways = [
        () => Reflect.apply(marbles, undefined, [given, () => {}])(),
        () => Reflect.apply(marbles, undefined, [[paying, given], () => {}])(),
        () => Reflect.apply(advancing, undefined, [given, async () => {}])(),
        () => Reflect.apply(simulate, undefined, [[given], {}]),
      ];
      for (const way of ways) {
        const failure: unknown = await Promise.resolve()
          .then(way)
          .catch((error: unknown) => error);
        expect(failure).to.be.instanceOf(TypeError).with.property('message', expected);
      }
    });
});
