/**
 * Which characters the parts of a regular expression take, as sets of samples: one part meets another where some sample is in both. What a class, an escape or
 * a flag means, the engine itself is asked.
 */
import type { PatternSource } from './pattern-tree.ts';

/** One bit for each sample. */
export type CharacterSet = bigint;

/** Of one pattern: what takes one character, by its source. */
export type CharacterSets = (source: string) => CharacterSet;

/** All of Latin 1, and of what is beyond some of each kind: letters that fold, marks, digits, spaces, ideographs, halves of pairs and pairs. */
const SAMPLES: readonly string[] = [
  ...Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)),
  ...'ĀāİıſŘřЖжΣσςאاम한中あアﬀǅʰ٣Ⅳ\u0301\u200b\u200d\u2028\u3000\ufeff€—“😀𝒳𠀀',
  ...['\u212a', '\ud83d', '\ude00', '\ue000', '\uffff'],
];

/** Codes that a source names, written out or as themselves: ranges begin and end there. */
const NAMED = /\\u\{([\da-fA-F]+)\}|\\u([\da-fA-F]{4})|([^\0-\xff])/gu;

export function characterSets({ source: whole, flags }: PatternSource): CharacterSets {
  const samples = [...new Set([...SAMPLES, ...[...whole.matchAll(NAMED)].flatMap(neighbours)])];
  const relevant = flags.replace(/[^iuvs]/g, '');
  const known = new Map<string, CharacterSet>();
  return (source) => {
    const found = known.get(source);
    if (found !== undefined) return found;
    const pattern = new RegExp(`^(?:${source})$`, relevant);
    const set = samples.reduce((all, sample, bit) => (pattern.test(sample) ? all | (1n << BigInt(bit)) : all), 0n);
    known.set(source, set);
    return set;
  };
}

function neighbours([, long, short, itself]: RegExpMatchArray): readonly string[] {
  const code = itself?.codePointAt(0) ?? Number.parseInt(long ?? short ?? '0', 16);
  return [code - 1, code, code + 1]
    .filter((one) => one >= 0 && one <= 0x10ffff)
    .map((one) => String.fromCodePoint(one));
}
