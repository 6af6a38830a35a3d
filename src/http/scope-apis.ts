/** Bound APIs under another name for their effects: a saga step's calls keep their idempotency keys whichever message resumes it. */
import type { BuiltCalls } from './built-calls.ts';
import type { BoundTarget } from './call-target.ts';

/**
 * How a bound API is asked for a twin in another scope. Not for authors, hence no plain name. Of the registry: where a saga and its worker
 * come from two copies of this package, the keys must still be the saga's.
 */
export const inKeyScope: unique symbol = Symbol.for('sluice.inKeyScope');

interface Scopable {
  [inKeyScope](twin: TwinScope): BoundTarget;
}

/** In what a twin differs. */
export interface TwinScope {
  /** Of its idempotency keys; identical calls are counted anew. */
  readonly keyScope: string;
  /** Of a compensation: the step that its calls undo, told by their facts. */
  readonly undoes?: string | undefined;
  /** Told of its calls. */
  readonly calls?: BuiltCalls | undefined;
}

const isScopable = (api: object): api is Scopable => inKeyScope in api;

/** The same APIs in another scope. An API that is not bound by a client (a stub in a test) stays as it is. */
export function scopeApis<Bound extends Readonly<Record<string, BoundTarget>>>(apis: Bound, twin: TwinScope): Bound {
  const scoped = Object.entries(apis).map(
    ([name, api]) => [name, isScopable(api) ? api[inKeyScope](twin) : api] as const,
  );
  return Object.fromEntries(scoped) as Bound;
}
