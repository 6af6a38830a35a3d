/**
 * The automaton of a pattern's positions (Glushkov): a state for each place that takes a character, an edge where one may follow another, with the
 * number of ways in which it may. How a backtracking engine fares is how many ways through it one text has.
 */
import { type CharacterSet, type CharacterSets, characterSets } from './character-sets.ts';
import { type PatternSource, type PatternTree, readPattern } from './pattern-tree.ts';

/** Following states, and in how many ways each follows: 2 stands for more. */
export type Edges = ReadonlyMap<number, number>;

export interface PatternAutomaton {
  /** What each state takes. */
  readonly sets: readonly CharacterSet[];
  readonly edges: readonly Edges[];
  readonly first: Edges;
}

/** Undefined: the pattern holds what is not known here, or is too large to be looked at. */
export function automatonOf(pattern: PatternSource): PatternAutomaton | undefined {
  const tree = readPattern(pattern);
  if (tree === undefined) return undefined;
  const builder = new Builder(characterSets(pattern));
  try {
    return builder.build(tree, isBound(tree) || pattern.flags.includes('y'));
  } catch (error) {
    if (error instanceof OutOfReach) return undefined;
    throw error;
  }
}

class OutOfReach extends Error {}

const MAX_STATES = 2_000;
const MAX_EDGES = 100_000;
/** A repetition with a bound is written out up to this many states; a longer one is taken for one without. */
const MAX_WRITTEN_OUT = 40;

/** Whether each way through it starts at the beginning of the text. Any other pattern is tried at each place. */
function isBound(tree: PatternTree): boolean {
  switch (tree.kind) {
    case 'beginning':
      return true;
    case 'sequence': {
      const opening = tree.parts.find(({ kind }) => kind !== 'nothing' && kind !== 'look');
      return opening !== undefined && isBound(opening);
    }
    case 'choice':
      return tree.options.every(isBound);
    case 'repeat':
      return tree.min > 0 && isBound(tree.body);
    default:
      return false;
  }
}

/** A part of the pattern. `empty`: in how many ways it takes nothing. */
interface Fragment {
  readonly empty: number;
  readonly first: Edges;
  readonly last: Edges;
}

const NONE: Edges = new Map();
const EMPTY: Fragment = { empty: 1, first: NONE, last: NONE };

class Builder {
  readonly #setOf: CharacterSets;
  readonly #sets: CharacterSet[] = [];
  readonly #edges: Map<number, number>[] = [];
  #joints = 0;

  constructor(setOf: CharacterSets) {
    this.#setOf = setOf;
  }

  build(tree: PatternTree, isBoundToBeginning: boolean): PatternAutomaton {
    const whole = this.#fragment(isBoundToBeginning ? tree : { kind: 'sequence', parts: [BEFORE, tree] });
    return { sets: this.#sets, edges: this.#edges, first: whole.first };
  }

  #fragment(tree: PatternTree): Fragment {
    switch (tree.kind) {
      case 'character':
        return this.#character(tree.source);
      case 'sequence':
        return tree.parts.reduce<Fragment>((before, part) => this.#joined(before, this.#fragment(part)), EMPTY);
      case 'choice':
        return tree.options.map((option) => this.#fragment(option)).reduce(either);
      case 'repeat':
        return this.#repeated(tree);
      case 'look':
        return this.#look(tree);
      default:
        return EMPTY;
    }
  }

  #character(source: string): Fragment {
    const state = this.#sets.push(this.#setOf(source)) - 1;
    if (state >= MAX_STATES) throw new OutOfReach();
    this.#edges.push(new Map());
    const only: Edges = new Map([[state, 1]]);
    return { empty: 0, first: only, last: only };
  }

  #joined(before: Fragment, after: Fragment): Fragment {
    this.#connect(before.last, after.first);
    return {
      empty: ways(before.empty * after.empty),
      first: plus(before.first, after.first, before.empty),
      last: plus(after.last, before.last, after.empty),
    };
  }

  #connect(from: Edges, to: Edges): void {
    this.#joints += from.size * to.size;
    if (this.#joints > MAX_EDGES) throw new OutOfReach();
    for (const [state, out] of from)
      for (const [next, into] of to)
        this.#edges[state]?.set(next, ways((this.#edges[state].get(next) ?? 0) + out * into));
  }

  #repeated({ body, min, max }: Extract<PatternTree, { kind: 'repeat' }>): Fragment {
    if (max === 0) return EMPTY;
    const before = this.#sets.length;
    const once = this.#fragment(body);
    const size = this.#sets.length - before;
    // What takes nothing may do so in each of its rounds.
    if (Number.isFinite(max) ? size * max > MAX_WRITTEN_OUT : size * min > MAX_WRITTEN_OUT) {
      if (once.empty > 0 && min > 1) throw new OutOfReach();
      return this.#unbounded(once, min);
    }
    if (max === 1) return min === 1 ? once : { ...once, empty: ways(once.empty + 1) };
    if (!Number.isFinite(max)) {
      // x{3,} is xxx+
      let all = this.#unbounded(once, Math.min(min, 1));
      for (let round = 1; round < min; round++) all = this.#joined(this.#fragment(body), all);
      return all;
    }
    // x{2,4} is xx(x(x)?)?
    let rest: Fragment | undefined;
    for (let round = max; round > 1; round--) {
      const one: Fragment = this.#fragment(body);
      const joined: Fragment = rest === undefined ? one : this.#joined(one, rest);
      rest = round > min ? { ...joined, empty: ways(joined.empty + 1) } : joined;
    }
    const all = rest === undefined ? once : this.#joined(once, rest);
    return min === 0 ? { ...all, empty: ways(all.empty + 1) } : all;
  }

  /** A round that takes nothing counts for nothing. */
  #unbounded(body: Fragment, min: number): Fragment {
    this.#connect(body.last, body.first);
    return { ...body, empty: min === 0 || body.empty > 0 ? 1 : 0 };
  }

  /** What is tried ahead branches off, and ends there. Behind, only what has a bound is known to cost little. */
  #look({ isAhead, body }: Extract<PatternTree, { kind: 'look' }>): Fragment {
    if (isAhead) return { empty: 1, first: this.#fragment(body).first, last: NONE };
    if (hasNoBound(body)) throw new OutOfReach();
    return EMPTY;
  }
}

/** What a search skips. */
const BEFORE: PatternTree = {
  kind: 'repeat',
  body: { kind: 'character', source: '[^]' },
  min: 0,
  max: Number.POSITIVE_INFINITY,
};

const ways = (count: number): number => Math.min(count, 2);

const either = (one: Fragment, other: Fragment): Fragment => ({
  empty: ways(one.empty + other.empty),
  first: plus(one.first, other.first, 1),
  last: plus(one.last, other.last, 1),
});

/** Both, the second in as many ways more. */
function plus(one: Edges, other: Edges, times: number): Edges {
  if (times === 0) return one;
  const sum = new Map(one);
  for (const [state, count] of other) sum.set(state, ways((sum.get(state) ?? 0) + count * times));
  return sum;
}

function hasNoBound(tree: PatternTree): boolean {
  switch (tree.kind) {
    case 'repeat':
      return tree.max > MAX_WRITTEN_OUT || hasNoBound(tree.body);
    case 'sequence':
      return tree.parts.some(hasNoBound);
    case 'choice':
      return tree.options.some(hasNoBound);
    case 'look':
      return hasNoBound(tree.body);
    default:
      return false;
  }
}
