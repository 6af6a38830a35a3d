/** Fallback: something else in place of a failure, for the causes that it is an answer to. */
import { catchError, from, type ObservableInput, type OperatorFunction, of, throwError } from 'rxjs';
import { isTransient } from '../errors.ts';
import { unbegunIn } from '../message/unbegun.ts';
import { requireKnown } from '../policies/require-known.ts';
import type { Known } from '../policies/unknown-option.ts';

export interface FallbackOptions {
  /**
   * Whether the fallback is an answer to a cause. Default: transient causes only, which say that the API is not well; a refused request
   * or a mistake of the program must not look like an answer.
   */
  readonly when?: ((cause: unknown) => boolean) | undefined;
  /** Called with the cause before the fallback takes its place. */
  readonly onFallback?: ((cause: unknown) => void) | undefined;
}

const OPTIONS: Known<FallbackOptions> = { when: true, onFallback: true };

/**
 * Mirrors the source; when it fails, goes on with the fallback instead.
 *
 * A fallback that is a function is called with the cause and gives what to subscribe to; anything else is emitted as the one value.
 * The failed source is torn down first. Values it emitted are passed on, not taken back: wrap one call, not a stream of many.
 * Other causes pass unchanged, and so does the failure of the fallback. What an option function throws becomes the error.
 * Holds nothing in memory. Unsubscribing unsubscribes whichever runs.
 *
 * @throws RangeError at once for an option it does not have. TypeError for an Observable or a promise: `() => it` is what was meant.
 */
export function fallbackTo<T, F>(
  fallback: (cause: unknown) => ObservableInput<F>,
  options?: FallbackOptions,
): OperatorFunction<T, T | F>;
export function fallbackTo<T, F>(fallback: F, options?: FallbackOptions): OperatorFunction<T, T | F>;
export function fallbackTo<T, F>(
  fallback: F | ((cause: unknown) => ObservableInput<F>),
  options: FallbackOptions = {},
): OperatorFunction<T, T | F> {
  requireKnown('fallbackTo', options, OPTIONS);
  const work = isFactory(fallback) ? undefined : unbegunIn(fallback);
  if (work !== undefined)
    throw new TypeError(`fallbackTo: expected a value, or a function that gives what to subscribe to, got ${work}`);
  const { when = isTransient, onFallback } = options;
  return catchError((cause: unknown) => {
    if (!when(cause)) return throwError(() => cause);
    onFallback?.(cause);
    return isFactory(fallback) ? from(fallback(cause)) : of(fallback);
  });
}

const isFactory = <F>(
  fallback: F | ((cause: unknown) => ObservableInput<F>),
): fallback is (cause: unknown) => ObservableInput<F> => typeof fallback === 'function';
