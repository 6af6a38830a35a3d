/**
 * The automaton of a pattern's positions (Glushkov): a state for each place that takes a character, an edge where one may follow another, with the
 * number of ways in which it may. How a backtracking engine fares is how many ways through it one text has.
 */
import { type CharacterSet, type CharacterSets, characterSets, END } from './character-sets.ts';
import { costOfLookingBack } from './look-behind.ts';
import { OutOfReach } from './out-of-reach.ts';
import { type PatternSource, type PatternTree, readPattern } from './pattern-tree.ts';

/** Following states, and in how many ways each follows. */
export type Edges = ReadonlyMap<number, number>;

export interface PatternAutomaton {
  /** What each state takes. */
  readonly sets: readonly CharacterSet[];
  readonly edges: readonly Edges[];
  readonly first: Edges;
}

/** @throws OutOfReach where the pattern holds what is not known here, or is too large to be looked at. */
export function automatonOf(pattern: PatternSource): PatternAutomaton {
  const tree = readPattern(pattern);
  const isTriedOnce = isBound(tree) || pattern.flags.includes('y');
  const whole: PatternTree = isTriedOnce ? tree : { kind: 'sequence', parts: [BEFORE, tree] };
  return new Builder(characterSets(pattern, whole)).build(whole);
}

const MAX_STATES = 2_000;
const MAX_EDGES = 100_000;
const MAX_FRAGMENTS = 20_000;
/** A repetition with a bound is written out up to this many states; a longer one is taken for one without. */
const MAX_WRITTEN_OUT = 60;
/** In how many ways a round may take nothing: the engine throws each away, which costs a little. */
const MAX_EMPTY = 8;
/** Of a look-behind, at each place. */
const FEW_TRIES = 32;
/** Ways are counted up to here: more than there is time for. */
const MOST_WAYS = 1_000_000_000;

/** Whether each way through it starts at the beginning of the text, as the engine sees it. Any other pattern is tried at each place. */
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
  #fragments = 0;

  constructor(setOf: CharacterSets) {
    this.#setOf = setOf;
  }

  build(tree: PatternTree): PatternAutomaton {
    const { first } = this.#ended(tree);
    return { sets: this.#sets, edges: this.#edges, first };
  }

  /** Ways that take nothing to the last are ways too: all of them lead to an end. */
  #ended(tree: PatternTree): Fragment {
    return this.#joined(this.#fragment(tree), this.#state(END));
  }

  #fragment(tree: PatternTree): Fragment {
    if (++this.#fragments > MAX_FRAGMENTS) throw new OutOfReach();
    switch (tree.kind) {
      case 'character':
        return this.#state(this.#setOf(tree.source));
      case 'end':
        return this.#state(END);
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

  #state(set: CharacterSet): Fragment {
    const state = this.#sets.push(set) - 1;
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
    // The engine asks once for what never takes a character.
    if (max === 1 || size === 0) return min > 0 ? once : orNothing(once);
    if ((Number.isFinite(max) ? max : min) * size > MAX_WRITTEN_OUT) {
      // What takes nothing may do so in each of the rounds that there have to be.
      if (once.empty > 0 && min > 1) throw new OutOfReach();
      return this.#unbounded(once, min);
    }
    // x{3,} is xxx+, x{2,4} is xx(x(x)?)?
    let all = Number.isFinite(max) ? once : this.#unbounded(once, Math.min(min, 1));
    const rounds = Number.isFinite(max) ? max : Math.max(min, 1);
    for (let round = rounds - 1; round > 0; round--)
      all = this.#joined(this.#fragment(body), round >= min && Number.isFinite(max) ? orNothing(all) : all);
    return min === 0 && Number.isFinite(max) ? orNothing(all) : all;
  }

  /** A round that takes nothing is thrown away, but the first that there has to be. */
  #unbounded(body: Fragment, min: number): Fragment {
    if (body.empty > MAX_EMPTY) throw new OutOfReach();
    this.#connect(body.last, body.first);
    return { ...body, empty: min === 0 ? 1 : body.empty };
  }

  /** What is tried ahead branches off, and ends there. Behind, only what is tried soon is known to cost little. */
  #look({ isAhead, body }: Extract<PatternTree, { kind: 'look' }>): Fragment {
    if (isAhead) return { empty: 1, first: this.#ended(body).first, last: NONE };
    if (costOfLookingBack(body) > FEW_TRIES) throw new OutOfReach();
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

const ways = (count: number): number => Math.min(count, MOST_WAYS);

const orNothing = (one: Fragment): Fragment => ({ ...one, empty: ways(one.empty + 1) });

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
