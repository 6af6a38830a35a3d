/** How much a backtracking engine may have to try on one text, told by the pattern alone. */
import { degreeOf } from './ambiguity.ts';
import type { CharacterSet } from './character-sets.ts';
import { automatonOf, type Edges, type PatternAutomaton } from './pattern-automaton.ts';
import type { PatternSource } from './pattern-tree.ts';
import { stronglyConnected } from './strongly-connected.ts';

export interface PatternCost {
  /** What is tried grows at most with this power of the text's length, 0 not at all. Infinite: each character more may double it. */
  readonly power: number;
  /** And is at most about this many times as much. */
  readonly times: number;
}

/** Undefined: that cannot be told. Throws nothing. */
export function costOf(pattern: PatternSource): PatternCost | undefined {
  try {
    const automaton = automatonOf(pattern);
    const degree = degreeOf(automaton);
    const times = degree === Number.POSITIVE_INFINITY ? 1 : branchesOf(automaton);
    return {
      power: degree === undefined ? 0 : degree + 1,
      times: isFoldingUnicode(pattern) ? times * FOLDING_UNICODE : times,
    };
  } catch {
    // Out of reach, or brackets within brackets, more than the stack has room for.
    return undefined;
  }
}

const isFoldingUnicode = ({ flags }: PatternSource): boolean => flags.includes('i') && /[uv]/.test(flags);
/** Measured: a try among all letters in both their cases, for one among those of a class. */
const FOLDING_UNICODE = 8;

/** Tries of a machine that take a small part of a second. */
const QUICK_TRIES = 3_000_000;
/** Of one way through a pattern without a loop: it may be long itself. */
const MOST_STEPS = 1_000;
/** As many for each character are what reading it costs anyway. */
const FEW_TRIES = 32;

/** The longest text, in characters, that takes no time to speak of, whatever is in it; `patterns`: as many of the kind look at it. */
export function quickUpTo(cost: PatternCost | undefined, patterns = 1): number {
  if (cost === undefined || cost.power === Number.POSITIVE_INFINITY) return 0;
  if (cost.power === 0 && cost.times <= QUICK_TRIES / MOST_STEPS / patterns) return Number.POSITIVE_INFINITY;
  if (cost.power === 0) return 0;
  if (cost.power === 1 && cost.times <= FEW_TRIES) return Number.POSITIVE_INFINITY;
  return Math.floor((QUICK_TRIES / patterns / cost.times) ** (1 / cost.power));
}

/** Ways that one text has beside the rounds of its loops: where several edges take the same character. */
function branchesOf({ sets, edges, first }: PatternAutomaton): number {
  const branches: number[] = [];
  const branching = (out: Edges, loop: readonly number[]): number => {
    let parts: { readonly characters: CharacterSet; readonly count: number }[] = [{ characters: -1n, count: 0 }];
    const within = new Set(loop);
    const choices = [...out].map(([next, count]) => ({
      set: sets[next] ?? 0n,
      count: within.has(next) ? count : count * (branches[next] ?? 1),
    }));
    for (const { set, count } of choices)
      parts = parts.flatMap((part) =>
        [
          { characters: part.characters & set, count: part.count + count },
          { characters: part.characters & ~set, count: part.count },
        ].filter(({ characters }) => characters !== 0n),
      );
    return Math.max(1, ...parts.map(({ count }) => count));
  };
  // What follows is known before what it follows.
  for (const states of stronglyConnected(edges)) {
    const most = Math.max(...states.map((state) => branching(edges[state] ?? new Map(), states)));
    for (const state of states) branches[state] = most;
  }
  return branching(first, []);
}
