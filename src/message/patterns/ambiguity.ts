/**
 * The degree of ambiguity of an automaton: how the number of ways that one text has through it grows with the text. Not at all (0), with a power of
 * its length, or without bound, by a factor with each round of some loop.
 * @see https://doi.org/10.1016/0304-3975(91)90381-B (Weber and Seidl, On the degree of ambiguity of finite automata)
 */
import type { CharacterSet } from './character-sets.ts';
import { OutOfReach } from './out-of-reach.ts';
import type { Edges, PatternAutomaton } from './pattern-automaton.ts';
import { stronglyConnected } from './strongly-connected.ts';

/** Looking at one pattern must cost little itself. */
const MAX_LOOKS = 100_000;

/** Undefined: it has no loop, so that no text is too long. @throws OutOfReach where that takes too long to find out. */
export const degreeOf = (automaton: PatternAutomaton): number | undefined => new Ambiguity(automaton).degree();

/** States that can all reach each other. */
interface Loop {
  readonly states: readonly number[];
  /** Of what leads to it, and it. */
  degree: number;
}

/** States in which readers of the same text are. */
type Readers = readonly number[];

class Ambiguity {
  readonly #automaton: PatternAutomaton;
  #looks = 0;

  constructor(automaton: PatternAutomaton) {
    this.#automaton = automaton;
  }

  degree(): number | undefined {
    // From the beginning on.
    const loops = stronglyConnected(this.#automaton.edges)
      .filter(([state = 0, more]) => more !== undefined || this.#edgesOf(state).has(state))
      .map((states): Loop => ({ states, degree: 0 }))
      .reverse();
    if (loops.length === 0) return undefined;
    if (loops.some((loop) => this.#isTwofold(loop))) return Number.POSITIVE_INFINITY;
    for (const [index, loop] of loops.entries())
      for (const earlier of loops.slice(0, index))
        loop.degree = Math.max(loop.degree, this.#degreeThrough(earlier, loop));
    return Math.max(...loops.map(({ degree }) => degree));
  }

  /** Whether some text leads from a state to itself in two ways: then each round doubles them. */
  #isTwofold({ states }: Loop): boolean {
    const within = new Set(states);
    for (const state of states)
      for (const [next, count] of this.#edgesOf(state)) if (count > 1 && within.has(next)) return true;
    const next = (pair: Readers): Readers[] => this.#steps(pair, [within, within]);
    const together = states.map((state) => [state, state]);
    const apart = this.#reached(together, next).filter(([one, other]) => one !== other);
    return apart.some((pair) => this.#reached([pair], next).some(([one, other]) => one === other));
  }

  #degreeThrough(from: Loop, to: Loop): number {
    const between = this.#between(from, to);
    if (between.size === 0) return 0;
    if (from.degree + 1 <= to.degree) return to.degree;
    return from.degree + (this.#isShared(from, to, between) ? 1 : 0);
  }

  /** Whether some text leads around the one, around the other, and from the one to the other: where it parts them is open. */
  #isShared(from: Loop, to: Loop, between: ReadonlySet<number>): boolean {
    const within = [new Set(from.states), between, new Set(to.states)];
    const next = (readers: Readers): Readers[] => this.#steps(readers, within);
    return from.states.some((p) =>
      to.states.some((q) => this.#reached(next([p, p, q]), next).some(([one, way]) => one === p && way === q)),
    );
  }

  /** States on ways from the one to the other, both included. */
  #between(from: Loop, to: Loop): ReadonlySet<number> {
    const after = this.#closure(from.states, (state) => [...this.#edgesOf(state).keys()]);
    if (!to.states.some((state) => after.has(state))) return new Set();
    const backwards = new Map<number, number[]>();
    for (const state of after)
      for (const next of this.#edgesOf(state).keys()) backwards.set(next, [...(backwards.get(next) ?? []), state]);
    return this.#closure(to.states, (state) => backwards.get(state) ?? []);
  }

  #closure(from: readonly number[], nextOf: (state: number) => readonly number[]): ReadonlySet<number> {
    const reached = new Set(from);
    for (const state of reached)
      for (const next of nextOf(state)) {
        this.#look();
        reached.add(next);
      }
    return reached;
  }

  /** Those it begins with among them. */
  #reached(from: readonly Readers[], nextOf: (readers: Readers) => readonly Readers[]): readonly Readers[] {
    const name = (readers: Readers): number =>
      readers.reduce((all, state) => all * this.#automaton.sets.length + state, 0);
    const reached = new Map(from.map((readers) => [name(readers), readers]));
    for (const readers of reached.values()) for (const next of nextOf(readers)) reached.set(name(next), next);
    return [...reached.values()];
  }

  /** Where they may be after one character more, each within its states. */
  #steps(readers: Readers, within: readonly ReadonlySet<number>[]): Readers[] {
    let steps: { readonly at: Readers; readonly common: CharacterSet }[] = [{ at: [], common: -1n }];
    for (const [index, state] of readers.entries())
      steps = steps.flatMap(({ at, common }) =>
        [...this.#edgesOf(state).keys()].flatMap((next) => {
          this.#look();
          const shared = common & (this.#automaton.sets[next] ?? 0n);
          return shared !== 0n && within[index]?.has(next) === true ? [{ at: [...at, next], common: shared }] : [];
        }),
      );
    return steps.map(({ at }) => at);
  }

  #edgesOf(state: number): Edges {
    return this.#automaton.edges[state] ?? new Map();
  }

  #look(): void {
    if (++this.#looks > MAX_LOOKS) throw new OutOfReach();
  }
}
