/**
 * Gather what comes: all branches at once, and one object that says of each what it gave or why it failed. Partial on purpose.
 * See `gather.ts` for all or nothing.
 */
import { asyncScheduler, type Observable } from 'rxjs';
import { BranchTimeoutError, GatherFailedError } from '../errors.ts';
import { requireKnown } from '../policies/require-known.ts';
import type { Known } from '../policies/unknown-option.ts';
import { asError, type Branches, type BranchValue, byName, scatter, timeLimitMs } from './branches.ts';
import { ColdResult } from './cold.ts';
import type { GatherOptions } from './gather.ts';
import { requireCount } from './require-count.ts';

/** How a branch ended. */
export type Settled<T> =
  | { readonly status: 'fulfilled'; readonly value: T }
  | { readonly status: 'rejected'; readonly reason: Error };

/** How each branch ended, under its name. */
export type GatheredSettled<B extends Branches> = { readonly [Name in keyof B]: Settled<BranchValue<B[Name]>> };

export interface GatherSettledOptions extends GatherOptions {
  /** Branches that must be fulfilled. Integer, at least 0. Default: 0. */
  readonly atLeast?: number | undefined;
}

const OPTIONS: Known<GatherSettledOptions> = { within: true, atLeast: true };

/**
 * Subscribes to all branches at once and emits one object of their outcomes, its keys in the order of declaration, when all have ended
 * or `within` is over; `{}` at once for no branches. A fulfilled branch carries its last value.
 *
 * A branch still running after `within` is unsubscribed and rejected with BranchTimeoutError, one that completes without a value is
 * rejected with NoValueError. A reason that is no Error is wrapped in one, as transient as it says itself; `cause` is the reason.
 * Every branch is heard out, even when `atLeast` can no longer be reached. Unsubscribing unsubscribes all. Holds one value per branch.
 *
 * @throws GatherFailedError when fewer than `atLeast` branches are fulfilled.
 * @throws RangeError at once when an option is out of its range, or is none it has.
 */
export function gatherSettled<B extends Branches>(
  branches: B,
  options: GatherSettledOptions = {},
): Observable<GatheredSettled<B>> {
  requireKnown('gatherSettled', options, OPTIONS);
  const { within, atLeast = 0 } = options;
  const withinMs = timeLimitMs(within);
  requireCount('atLeast', atLeast, 0);

  return new ColdResult('gatherSettled({ … })', (sink) => {
    let running = Object.keys(branches).length;
    const outcomes = new Array<Settled<unknown>>(running);
    const emitOrFail = (): void => {
      const failure = failureOf(branches, outcomes, atLeast);
      if (failure === undefined) {
        sink.next(byName(branches, outcomes) as GatheredSettled<B>);
        sink.complete();
      } else {
        sink.error(failure);
      }
    };
    const settle = (index: number, outcome: Settled<unknown>): void => {
      outcomes[index] = outcome;
      running--;
      if (running === 0) emitOrFail();
    };

    if (running === 0) emitOrFail();
    const subscribers = scatter(branches, sink, {
      fulfilled: (index, value) => settle(index, { status: 'fulfilled', value }),
      rejected: (index, reason) => settle(index, rejectedWith(reason)),
    });
    // The clock starts after the branches, so a value that comes exactly at the limit is in time.
    if (withinMs !== undefined && !sink.closed) {
      const rejectRunning = (): void => {
        for (const subscriber of subscribers) {
          if (!subscriber.closed) subscriber.error(new BranchTimeoutError(withinMs));
        }
      };
      sink.add(asyncScheduler.schedule(rejectRunning, withinMs));
    }
  });
}

const rejectedWith = (reason: unknown): Settled<never> => ({ status: 'rejected', reason: asError(reason) });

function failureOf(
  branches: Branches,
  outcomes: readonly Settled<unknown>[],
  atLeast: number,
): GatherFailedError | undefined {
  const fulfilled = outcomes.filter(({ status }) => status === 'fulfilled').length;
  if (fulfilled >= atLeast) return undefined;
  const named = Object.entries(byName(branches, outcomes));
  const reasons = named.flatMap(([name, outcome]) =>
    outcome.status === 'rejected' ? [[name, outcome.reason] as const] : [],
  );
  return new GatherFailedError(fulfilled, atLeast, Object.fromEntries(reasons));
}
