/** Bound APIs under another name for their effects: a saga step's calls keep their idempotency keys whichever message resumes it. */
import type { Api } from './api.ts';

/** How a bound API is asked for a twin in another scope. Not for authors, hence no plain name. */
export const inKeyScope = Symbol('inKeyScope');

interface Scopable {
  [inKeyScope](keyScope: string): Api;
}

const isScopable = (api: object): api is Scopable => inKeyScope in api;

/**
 * The same APIs, their idempotency keys derived under `keyScope`; identical calls are counted anew. An API that is not bound by a client
 * (a stub in a test) stays as it is.
 */
export function scopeApis<Bound extends Readonly<Record<string, Api>>>(apis: Bound, keyScope: string): Bound {
  const scoped = Object.entries(apis).map(
    ([name, api]) => [name, isScopable(api) ? api[inKeyScope](keyScope) : api] as const,
  );
  return Object.fromEntries(scoped) as Bound;
}
