/**
 * Gather: all branches at once, and one object of what they gave; all or nothing.
 * `forkJoin` by name with a time limit and without its silent end: a branch that gives nothing is a failure. See `gather-settled.ts`
 * for results that may be partial, `gather-quorum.ts` for the first few.
 */
import { asyncScheduler, type Observable } from 'rxjs';
import { BranchTimeoutError } from '../errors.ts';
import type { Duration } from '../policies/duration.ts';
import { requireKnown } from '../policies/require-known.ts';
import type { Known } from '../policies/unknown-option.ts';
import { type BranchValue, byName, type MarkedBranches, scatter, timeLimitMs } from './branches.ts';
import { ColdResult } from './cold.ts';

/** The last value of each branch, under its name; of an optional one that, or its fallback. */
export type Gathered<B extends MarkedBranches> = { readonly [Name in keyof B]: BranchValue<B[Name]> };

export interface GatherOptions {
  /** Time for all branches, counted from the subscription. Default: no limit. */
  readonly within?: Duration | undefined;
}

const OPTIONS: Known<GatherOptions> = { within: true };

/**
 * Subscribes to all branches at once and emits one object of their last values, its keys in the order of declaration, when all have
 * completed; `{}` at once for no branches.
 *
 * The first branch to fail fails the gather with its error, unchanged; the others are unsubscribed. A branch that was not subscribed to
 * yet, because one before it failed at once, never is. A branch marked with `optional` never fails the gather: its fallback stands
 * in, also when it is still running after `within`. Unsubscribing unsubscribes all. Holds one value per branch.
 *
 * @throws BranchTimeoutError when a branch that is not optional is still running after `within`.
 * @throws NoValueError when a branch that is not optional completes without a value.
 * @throws RangeError at once when `within` is no duration, or for an option it does not have.
 */
export function gather<B extends MarkedBranches>(branches: B, options: GatherOptions = {}): Observable<Gathered<B>> {
  requireKnown('gather', options, OPTIONS);
  const { within } = options;
  const withinMs = timeLimitMs(within);

  return new ColdResult('gather({ … })', (sink) => {
    let running = Object.keys(branches).length;
    const values = new Array<unknown>(running);
    const emitAll = (): void => {
      sink.next(byName(branches, values) as Gathered<B>);
      sink.complete();
    };

    if (running === 0) emitAll();
    const subscribers = scatter(branches, sink, {
      fulfilled(index, value) {
        values[index] = value;
        running--;
        if (running === 0) emitAll();
      },
      rejected(_index, reason) {
        sink.error(reason);
      },
    });
    // The clock starts after the branches, so a value that comes exactly at the limit is in time.
    if (withinMs !== undefined && !sink.closed) {
      const endRunning = (): void => {
        const failure = new BranchTimeoutError(withinMs);
        for (const subscriber of subscribers) subscriber.error(failure);
      };
      sink.add(asyncScheduler.schedule(endRunning, withinMs));
    }
  });
}
