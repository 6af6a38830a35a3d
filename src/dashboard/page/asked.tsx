/** Questions to the worker, from the asking to the answer or to why there is none. */
import { Refused } from './connection.ts';

/** What was asked, and what came of it. */
export type Asked<T> =
  | { readonly state: 'none' | 'asking' }
  | { readonly state: 'answered'; readonly value: T; readonly at: number }
  | { readonly state: 'refused'; readonly why: string; readonly needsToken: boolean };

export async function asked<T>(work: Promise<T>): Promise<Asked<T>> {
  try {
    return { state: 'answered', value: await work, at: Date.now() };
  } catch (error) {
    if (!(error instanceof Refused)) return { state: 'refused', why: 'the worker does not answer', needsToken: false };
    // 403: this worker takes none, so asking for one would lead nowhere.
    return { state: 'refused', why: error.message, needsToken: error.status === 401 };
  }
}

export function Problem({ asked: refused, onToken }: { readonly asked: Asked<unknown>; readonly onToken: () => void }) {
  if (refused.state !== 'refused') return null;
  return (
    <p class="problem" role="status">
      {refused.why}
      {refused.needsToken ? (
        <button type="button" class="button" onClick={onToken}>
          Give the token
        </button>
      ) : null}
    </p>
  );
}
