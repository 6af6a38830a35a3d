/** What a pattern may cost, told by itself, and whether the engine agrees. */
import { expect } from 'chai';
import * as fc from 'fast-check';
import { z } from 'zod';
import { runWithin } from '../../../src/message/parse-watch.ts';
import { costOf, quickUpTo } from '../../../src/message/patterns/pattern-cost.ts';

/** TypeScript knows no such literal before es2024. */
const withSets = (source: string): RegExp => new RegExp(source, 'v');

const DOUBLING: readonly RegExp[] = [
  /^(a+)+$/,
  /^(?<named>a+)+$/m,
  /^(a+)+$/iu,
  /^(\p{L}+)+$/u,
  withSets('^(?:[[a-z]--[x]]+)+$'),
  /(x+x+)+y/g,
  /^(a|a)*$/,
  /^(a|aa)+$/,
  /^(?:a|b|ab)*c$/,
  /(.*)*b/s,
  /^(\w+\s?)*$/y,
  /^(([a-z])+.)+[A-Z]([a-z])+$/,
  /^(a{1,30}){1,30}$/,
  /^((a+)\2)+$/,
  // By what a flag folds, by a class of Unicode, by letters that are not Latin.
  /^(?:k|\u212a)+$/iu,
  /^(\p{Lu}|[A-Z])+$/u,
  /^(?:я+|[а-я])+$/,
  /^(?:\p{Script=Thai}|\p{L})+$/u,
  /^(?:[\p{Script=Thai}a]|[\p{Script=Thai}b])+$/u,
  /^(?:[\p{Script=Gothic}a]|[\p{Script=Gothic}b])+$/u,
  /^(?:\ud83d\ude0a|[😀-😎])+$/u,
  // A part that takes none of the samples.
  /^(?:\u{2ebf1}|\p{Script=Han})+$/u,
];

const PROPORTIONAL: readonly RegExp[] = [
  /^a+$/,
  /^(a|b)*$/,
  /^(a?)*$/,
  /^(\w+\s)*$/,
  /^[a-z0-9]+(?:-[a-z0-9]+)*$/,
  /^([A-Z]{2,3}-\d+,)*$/,
  /^(?:[^"\\]|\\.)*$/,
  /^(?=.*\d)(?=.*[a-z]).{8,}$/,
  /^(?:k|\u212a)+$/,
  /^(?:ž|ř)+$/,
  /^(?<!x)\d{1,3}(?:\.\d{1,3}){3}$/,
  /^[\]{}\-\x41\u{42}\cJ\0]+$/u,
  withSets('^[[a-z]&&[aeiou]]+[0-9]*$'),
  /^P(?:\d+Y)?(?:\d+M)?(?:\d+D)?$/,
  /foo/,
  /(?<=^|\s)#[a-z]+/,
  /(?<![\w.]{2,4})@[a-z]+$/,
  /^(?:\.(?!$)|\d|$){4}$/,
  /^(?:(?:(?:){1000}){1000}){1000}a$/,
  /^(?:\b){1000000000}a$/,
];

describe('the cost of a pattern', () => {
  for (const pattern of DOUBLING)
    it(`doubles with each character where one text fits in two ways within a repetition: ${pattern}`, () => {
      expect(costOf(pattern)?.power).to.equal(Number.POSITIVE_INFINITY);
      expect(quickUpTo(costOf(pattern))).to.equal(0);
    });

  for (const pattern of PROPORTIONAL)
    it(`is in proportion to the text where each fits in one way: ${pattern}`, () => {
      expect(quickUpTo(costOf(pattern))).to.equal(Number.POSITIVE_INFINITY);
    });

  for (const [pattern, power] of [
    [/\s+$/, 2],
    [/^\s+|\s+$/, 2],
    [/foo.*bar/, 2],
    [/^[^\s@]+@[^\s@]+\.[^\s@]+$/, 2],
    [/^(['"]).*\1$/, 2],
    [/^(?:(?=a*b)a)+$/, 2],
    [/^a*a*a*$/, 3],
    [/^(.*?,){11}P/, 11],
  ] as const)
    it(`grows with a power of the length where repetitions share texts: ${pattern}, with ${power}`, () => {
      expect(costOf(pattern)?.power).to.equal(power);
      expect(quickUpTo(costOf(pattern))).to.be.below(4_000);
    });

  it('has what may be left out, one after the other, in it', () => {
    expect(quickUpTo(costOf(/^(a?){30}a{30}$/))).to.equal(0);
    expect(quickUpTo(costOf(new RegExp(`^${'a?'.repeat(24)}${'a'.repeat(24)}$`)))).to.equal(0);
  });

  it('has what takes nothing in as many ways in it, wherever it is', () => {
    const empty = '(?:|)'.repeat(24);
    for (const source of [
      empty,
      `^${empty}$`,
      `a${empty}b`,
      `^(?=${empty}b)a`,
      `^(?:${empty}a)+$`,
      `^(?:${empty}|a)*$`,
    ])
      expect(quickUpTo(costOf(new RegExp(source))), source).to.equal(0);
    expect(quickUpTo(costOf(/^(?:\$?|a){30}$/))).to.be.below(10);
  });

  it('is not known of what may look back in many ways', () => {
    for (const pattern of [
      new RegExp(`(?<=${'x?'.repeat(24)}y)$`),
      /(?<=(?:x?){24}y)$/,
      /(?<!(?:x|x){20})$/,
      /(?<=(?:a|b){1,9})c/,
      /(?<=(?=a*)b)c/,
      /(?<=(?:a){60})c/,
      /(a+)(?<=\1)b/,
      /(?<!(?:a*){0}(?:a|aa)+)b/,
      /(?<!a+|(?:a*b){0})b/,
    ])
      expect(costOf(pattern), String(pattern)).to.equal(undefined);
  });

  it('is not known of brackets deeper than the stack, and asking for it throws nothing', () => {
    const source = `${'(?:'.repeat(20_000)}a${')'.repeat(20_000)}`;
    expect(costOf({ source, flags: '' })).to.equal(undefined);
    expect(costOf({ source: '(', flags: '' })).to.equal(undefined);
    expect(costOf({ source: '[a', flags: 'v' })).to.equal(undefined);
  });

  it('is none that grows where nothing repeats without a bound', () => {
    expect(costOf(/^(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}$/)).to.deep.include({ power: 0 });
    expect(quickUpTo(costOf(/^(?:\.?\d?\d?){5}$/))).to.equal(Number.POSITIVE_INFINITY);
    expect(quickUpTo(costOf(/^(?:\d?){24}$/))).to.equal(0);
  });

  it('is more for each try where letters fold over all of Unicode', () => {
    expect(quickUpTo(costOf(/\w+$/iu))).to.be.below(quickUpTo(costOf(/\w+$/i)) / 2);
  });

  it('is not known of what looks back without a bound, has flags of a part, takes texts for characters, or is too large', () => {
    for (const pattern of [
      /(?<=a+)b/,
      withSets('^[\\q{abc|a}]+$'),
      withSets('^\\p{RGI_Emoji}+$'),
      new RegExp(`^(?:${'[a-z]?'.repeat(2_100)})$`),
    ])
      expect(costOf(pattern), String(pattern).slice(0, 40)).to.equal(undefined);
    expect(costOf({ source: '^(?i:a+)+$', flags: '' })).to.equal(undefined);
    expect(quickUpTo(undefined)).to.equal(0);
  });

  it('is no matter with the formats of zod itself', () => {
    const formats = Object.entries(z.regexes).filter((entry): entry is [string, RegExp] => entry[1] instanceof RegExp);
    expect(formats.length).to.be.above(30);
    for (const [name, pattern] of formats) expect(quickUpTo(costOf(pattern)), name).to.be.above(5_000);
  });

  const character = fc.constantFrom('a', 'b', 'k', '\\u212a', 'ř', '.', '\\w', '\\W', '\\s', '[ab]', '[^a]', '[^\\n]');
  const assertion = fc.constantFrom('^', '$', '\\b', '\\B');
  const { pattern: patterns } = fc.letrec<Record<'pattern' | 'sequence' | 'term' | 'group', string>>((tie) => ({
    pattern: fc.array(tie('sequence'), { minLength: 1, maxLength: 3 }).map((options) => options.join('|')),
    sequence: fc.array(tie('term'), { maxLength: 4 }).map((terms) => terms.join('')),
    term: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      fc
        .tuple(
          fc.oneof(character, tie('group')),
          fc.constantFrom('', '', '*', '+', '?', '*?', '{2}', '{0,3}', '{3,50}', '{2,}'),
        )
        .map(([atom, times]) => atom + times),
      assertion,
      fc
        .tuple(fc.constantFrom('(?=', '(?!', '(?<=', '(?<!'), tie('sequence'))
        .map(([opening, body]) => `${opening}${body})`),
      fc.constant('\\1'),
    ),
    group: tie('pattern').map((body) => `(${body})`),
  }));
  const flags = fc.subarray(['i', 'm', 's']).map((some) => some.join(''));

  it('is never more than it says, to the engine', function () {
    this.timeout(120_000);
    const pieces = ['a', 'ab', 'aab', 'k', 'K', 'ř', ' ', 'a\n', 'b'];
    fc.assert(
      fc.property(patterns, flags, fc.constantFrom('^', ''), fc.constantFrom('$', ''), (body, some, from, to) => {
        const pattern = new RegExp(`${from}(?:()${body})${to}`, some);
        const length = Math.min(1_000, quickUpTo(costOf(pattern)));
        for (const piece of pieces) {
          const text = `${piece.repeat(Math.floor(length / piece.length))}!`;
          expect(
            runWithin(2_000, () => pattern.test(text)),
            `${pattern} on ${length} of ${piece}`,
          ).to.equal(true);
        }
      }),
      { numRuns: 300 },
    );
  });
});
