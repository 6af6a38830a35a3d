/** Bound APIs under another name for their effects: a saga step's calls keep their idempotency keys whichever message resumes it. */
import type { BoundTarget } from './call-target.ts';

/**
 * How a bound API is asked for a twin in another scope. Not for authors, hence no plain name. Of the registry: where a saga and its worker
 * come from two copies of this package, the keys must still be the saga's.
 */
export const inKeyScope: unique symbol = Symbol.for('sluice.inKeyScope');

interface Scopable {
  [inKeyScope](keyScope: string, undoes?: string): BoundTarget;
}

const isScopable = (api: object): api is Scopable => inKeyScope in api;

/**
 * The same APIs, their idempotency keys derived under `keyScope`; identical calls are counted anew. An API that is not bound by a client
 * (a stub in a test) stays as it is.
 * @param undoes Of a compensation: the step that its calls undo, told by their facts.
 */
export function scopeApis<Bound extends Readonly<Record<string, BoundTarget>>>(
  apis: Bound,
  keyScope: string,
  undoes?: string,
): Bound {
  const scoped = Object.entries(apis).map(
    ([name, api]) => [name, isScopable(api) ? api[inKeyScope](keyScope, undoes) : api] as const,
  );
  return Object.fromEntries(scoped) as Bound;
}
