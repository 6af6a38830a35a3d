/** The strongly connected components of a graph: states that can all reach each other. @see https://doi.org/10.1137/0201010 (Tarjan) */
import type { Edges } from './pattern-automaton.ts';

/** In an order in which what is reached comes before what reaches it. */
export function stronglyConnected(edges: readonly Edges[]): readonly (readonly number[])[] {
  const components: number[][] = [];
  const order: number[] = [];
  const lowest: number[] = [];
  const open: number[] = [];
  const isOpen = new Set<number>();
  let count = 0;

  const visit = (state: number): void => {
    order[state] = count;
    lowest[state] = count;
    count++;
    open.push(state);
    isOpen.add(state);
    for (const next of (edges[state] ?? new Map<number, number>()).keys()) {
      if (order[next] === undefined) visit(next);
      if (isOpen.has(next)) lowest[state] = Math.min(lowest[state] ?? 0, lowest[next] ?? 0);
    }
    if (lowest[state] !== order[state]) return;
    const component = open.splice(open.indexOf(state));
    for (const member of component) isOpen.delete(member);
    components.push(component);
  };
  for (const state of edges.keys()) if (order[state] === undefined) visit(state);
  return components;
}
