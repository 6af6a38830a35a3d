/**
 * Which characters the parts of a regular expression take, as sets of samples: one part meets another where some sample is in both. What a class, an escape or
 * a flag means, the engine itself is asked. Samples that the same parts take are one.
 */
import type { PatternSource, PatternTree } from './pattern-tree.ts';

/** One bit for each kind of sample. */
export type CharacterSet = bigint;

/** Of one pattern: what takes one character, by its source. */
export type CharacterSets = (source: string) => CharacterSet;

/** What no part takes: it stands for the end. */
export const END: CharacterSet = 1n;

/** All of Latin 1, and of what is beyond some of each kind: letters that fold, marks, digits, spaces, ideographs, halves of pairs and pairs. */
const SAMPLES: readonly string[] = [
  ...charactersFrom(0, 0xff),
  ...'ĀāİıſŘřЖжΣσςאاम한中あアﬀǅʰ٣Ⅳ\u0301\u200b\u200d\u2028\u3000\ufeff€—“😀𝒳𠀀',
  ...['\u212a', '\ud83d', '\ude00', '\ue000', '\uffff'],
];

/** With `\p`: all of the first plane but ideographs and syllables, and of each column of the second one. */
const manySamples = (): readonly string[] => [
  ...charactersFrom(0x100, 0x33ff),
  ...charactersFrom(0xa000, 0xabff),
  ...charactersFrom(0xf900, 0xffff),
  ...charactersFrom(0x1_0000, 0x1_ffff, 16),
];

/** Codes that a source names, written out or as themselves: ranges begin and end there. */
const NAMED = String.raw`(\\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2})|\\u\{([\da-fA-F]+)\}|\\u([\da-fA-F]{4})|([^\0-\xff])`;

export function characterSets({ source: whole, flags }: PatternSource, tree: PatternTree): CharacterSets {
  const isUnicode = /[uv]/.test(flags);
  const named = new RegExp(NAMED, isUnicode ? 'gu' : 'g');
  const samples = new Set([...SAMPLES, ...[...whole.matchAll(named)].flatMap(neighbours)]);
  if (isUnicode && /\\p/i.test(whole)) for (const sample of manySamples()) samples.add(sample);

  const relevant = flags.replace(/[^iuvs]/g, '');
  const parts = [...new Set(charactersOf(tree))].map((source) => ({
    source,
    pattern: new RegExp(`^(?:${source})$`, relevant),
    set: 0n,
  }));
  const kinds = new Set<string>();
  for (const sample of samples) {
    let kind = '';
    for (const { pattern } of parts) kind += pattern.test(sample) ? '1' : '0';
    if (kinds.has(kind)) continue;
    kinds.add(kind);
    for (const [index, part] of parts.entries()) if (kind[index] === '1') part.set |= END << BigInt(kinds.size);
  }
  const all = (END << BigInt(kinds.size + 1)) - END - 1n;
  // What takes no sample may take what any other does.
  const sets = new Map(parts.map(({ source, set }) => [source, set === 0n ? all : set]));
  return (source) => sets.get(source) ?? all;
}

function charactersOf(tree: PatternTree): readonly string[] {
  switch (tree.kind) {
    case 'character':
      return [tree.source];
    case 'sequence':
      return tree.parts.flatMap(charactersOf);
    case 'choice':
      return tree.options.flatMap(charactersOf);
    case 'repeat':
    case 'look':
      return charactersOf(tree.body);
    default:
      return [];
  }
}

function neighbours([, pair, long, short, itself]: RegExpMatchArray): readonly string[] {
  const character = pair === undefined ? itself : (JSON.parse(`"${pair}"`) as string);
  const code = character?.codePointAt(0) ?? Number.parseInt(long ?? short ?? '0', 16);
  return charactersFrom(Math.max(0, code - 1), Math.min(0x10_ffff, code + 1));
}

function charactersFrom(first: number, last: number, step = 1): readonly string[] {
  return Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, index) =>
    String.fromCodePoint(first + index * step),
  );
}
