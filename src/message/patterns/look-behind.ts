/** What a look-behind costs at each place of a text. It is read from its end, with all that stands before; so it is counted alone, by what it may try at most. */
import type { PatternTree } from './pattern-tree.ts';

/** Ways through it, each as long as the longest. Infinite: it has no bound. */
export function costOfLookingBack(tree: PatternTree): number {
  const { ways, length } = extentOf(tree);
  return ways * Math.max(1, length);
}

interface Extent {
  readonly ways: number;
  readonly length: number;
}

function extentOf(tree: PatternTree): Extent {
  switch (tree.kind) {
    case 'character':
      return { ways: 1, length: 1 };
    case 'sequence':
      return tree.parts.map(extentOf).reduce(inOrder, NOTHING);
    case 'choice':
      return tree.options.map(extentOf).reduce(either);
    case 'repeat':
      return repeated(extentOf(tree.body), tree.min, tree.max);
    case 'look':
      return inOrder(extentOf(tree.body), OPTIONAL);
    default:
      return NOTHING;
  }
}

const NOTHING: Extent = { ways: 1, length: 0 };
/** A look within a look: what it finds is one way, what it tries are others. */
const OPTIONAL: Extent = { ways: 2, length: 0 };
const MAX_ROUNDS = 100;

const inOrder = (one: Extent, other: Extent): Extent => ({
  ways: one.ways * other.ways,
  length: one.length + other.length,
});

const either = (one: Extent, other: Extent): Extent => ({
  ways: one.ways + other.ways,
  length: Math.max(one.length, other.length),
});

function repeated(body: Extent, min: number, max: number): Extent {
  if (max === 0) return NOTHING;
  if (max > MAX_ROUNDS) return { ways: Number.POSITIVE_INFINITY, length: Number.POSITIVE_INFINITY };
  let ways = 0;
  for (let rounds = min; rounds <= max; rounds++) ways += body.ways ** rounds;
  return { ways, length: body.length * max };
}
