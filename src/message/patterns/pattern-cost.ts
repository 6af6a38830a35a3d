/** How much a backtracking engine may have to try on one text, told by the pattern alone. */
import { degreeOf } from './ambiguity.ts';
import type { CharacterSet } from './character-sets.ts';
import { automatonOf, type Edges, type PatternAutomaton } from './pattern-automaton.ts';
import type { PatternSource } from './pattern-tree.ts';
import { stronglyConnected } from './strongly-connected.ts';

export interface PatternCost {
  /** What is tried grows at most with this power of the text's length. Infinite: each character more may double it. */
  readonly power: number;
  /** And is at most about this many times as much. */
  readonly times: number;
}

/** Undefined: that cannot be told. */
export function costOf(pattern: PatternSource): PatternCost | undefined {
  const automaton = automatonOf(pattern);
  const degree = automaton === undefined ? undefined : degreeOf(automaton);
  if (automaton === undefined || degree === undefined) return undefined;
  return { power: degree + 1, times: degree === Number.POSITIVE_INFINITY ? 1 : branchesOf(automaton) };
}

/** Tries of a machine that take a small part of a second. */
const QUICK_TRIES = 10_000_000;
/** As many for each character are what reading it costs anyway. */
const FEW_TRIES = 32;

/** The longest text, in characters, that takes no time to speak of, whatever is in it. */
export function quickUpTo(cost: PatternCost | undefined): number {
  if (cost === undefined || cost.power === Number.POSITIVE_INFINITY) return 0;
  if (cost.power === 1 && cost.times <= FEW_TRIES) return Number.POSITIVE_INFINITY;
  return Math.floor((QUICK_TRIES / cost.times) ** (1 / cost.power));
}

/** Ways that one text has beside the rounds of its loops: where several edges take the same character. */
function branchesOf({ sets, edges, first }: PatternAutomaton): number {
  const branches: number[] = [];
  const branching = (out: Edges, loop: readonly number[]): number => {
    let parts: { readonly characters: CharacterSet; readonly count: number }[] = [{ characters: -1n, count: 0 }];
    const isStaying = loop.reduce((all, state) => (out.has(state) ? all | (sets[state] ?? 0n) : all), 0n);
    const leaving = [...out].filter(([next]) => !loop.includes(next));
    const choices = [
      { set: isStaying, count: 1 },
      ...leaving.map(([next, count]) => ({ set: sets[next] ?? 0n, count: count * (branches[next] ?? 1) })),
    ];
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
