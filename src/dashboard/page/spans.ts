/** How something was, from when to when, out of facts that tell each change. */
import type { SurroundingFact } from './store.ts';

export interface Span {
  readonly from: number;
  readonly to: number;
  readonly state: string;
}

const span = (from: number, to: number, state: string): Span => ({ from, to, state });

/** @param before how it was before the first change that is known. */
function spans(changes: readonly { readonly at: number; readonly state: string }[], before: string): Span[] {
  const all: Span[] = [];
  let state = before;
  let from = Number.NEGATIVE_INFINITY;
  for (const change of changes) {
    if (change.at > from) all.push(span(from, change.at, state));
    from = change.at;
    state = change.state;
  }
  all.push(span(from, Number.POSITIVE_INFINITY, state));
  return all;
}

export function breakerSpans(facts: readonly SurroundingFact[], api: string, now: string): Span[] {
  const changes = facts.filter((fact) => fact.type === 'breakerChanged' && fact.api === api);
  return spans(changes, changes.length === 0 ? now : 'closed');
}

/** Where the pipeline took no messages. */
export function pausedSpans(facts: readonly SurroundingFact[], pipeline: string, now: string): Span[] {
  const changes = facts.filter((fact) => fact.type === 'intakeChanged' && fact.pipeline === pipeline);
  return spans(changes, changes.length === 0 ? now : 'consuming').filter(({ state }) => state === 'paused');
}

/** Where the connection was lost, however often it was tried again meanwhile, or blocked. */
export function lostSpans(facts: readonly SurroundingFact[]): Span[] {
  const changes: { readonly at: number; readonly state: string }[] = [];
  for (const fact of facts) {
    if (fact.type !== 'connectionChanged') continue;
    // What is tried again says why; the first try of all has no reason.
    const state = fact.state === 'connecting' && fact.reason !== undefined ? 'lost' : fact.state;
    if (changes.at(-1)?.state !== state) changes.push({ at: fact.at, state });
  }
  return spans(changes, 'connected').filter(({ state }) => state === 'lost' || state === 'blocked');
}
