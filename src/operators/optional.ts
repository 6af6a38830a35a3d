/** A branch of a gather that may fail: the gather goes on without it. */
import type { ObservableInput } from 'rxjs';

/** Made by `optional`; `gather` knows it. */
export class OptionalBranch<T, F> {
  readonly source: ObservableInput<T>;
  readonly fallback: F;

  constructor(source: ObservableInput<T>, fallback: F) {
    this.source = source;
    this.fallback = fallback;
  }
}

/**
 * Marks a branch of `gather` as one it can do without: when it fails, gives no value or is not done in time, `fallback` stands in its
 * place (undefined when none is given) and the gather does not fail. It is waited for like any other, so give the gather a `within`.
 * Its failure is not reported: whoever wants to hear of it taps the branch.
 */
export function optional<T>(branch: ObservableInput<T>): OptionalBranch<T, undefined>;
export function optional<T, F>(branch: ObservableInput<T>, fallback: F): OptionalBranch<T, F>;
export function optional<T, F>(branch: ObservableInput<T>, fallback?: F): OptionalBranch<T, F | undefined> {
  return new OptionalBranch(branch, fallback);
}
