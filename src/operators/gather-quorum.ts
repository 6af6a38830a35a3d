/**
 * Gather a quorum: all branches at once, and one object of the first few that gave something; the others are aborted.
 * See `gather.ts` for all or nothing, `gather-settled.ts` for hearing every branch out.
 */
import { asyncScheduler, type Observable } from 'rxjs';
import { BranchTimeoutError, GatherFailedError } from '../errors.ts';
import { requireKnown } from '../policies/require-known.ts';
import type { Known } from '../policies/unknown-option.ts';
import { asError, type Branches, type BranchValue, scatter, timeLimitMs } from './branches.ts';
import { ColdResult } from './cold.ts';
import type { GatherOptions } from './gather.ts';
import { requireCount } from './require-count.ts';

/** The last values of the branches that were fulfilled in time, under their names; the others have no key. */
export type GatheredQuorum<B extends Branches> = { readonly [Name in keyof B]?: BranchValue<B[Name]> };

export interface GatherQuorumOptions extends GatherOptions {
  /** Branches that must be fulfilled. Integer, at least 1, at most the number of branches. */
  readonly atLeast: number;
}

const OPTIONS: Known<GatherQuorumOptions> = { within: true, atLeast: true };

/**
 * Subscribes to all branches at once and emits one object of the first `atLeast` that complete with a value, its keys in the order of
 * declaration; the other branches are unsubscribed, and those not subscribed to yet never are.
 *
 * A branch that fails or gives no value does no harm as long as enough others are left; when they are not, the gather fails at once and
 * the others are unsubscribed. Unsubscribing unsubscribes all. Holds one value per branch.
 *
 * @throws GatherFailedError when fewer than `atLeast` branches can still be fulfilled, or are after `within`. `reasons` are those of the
 * branches that failed until then; a branch still running after `within` failed with BranchTimeoutError.
 * @throws RangeError at once when an option is out of its range, or is none it has.
 */
export function gatherQuorum<B extends Branches>(
  branches: B,
  options: GatherQuorumOptions,
): Observable<GatheredQuorum<B>> {
  requireKnown('gatherQuorum', options, OPTIONS);
  const { atLeast, within } = options;
  const names = Object.keys(branches);
  const withinMs = timeLimitMs(within);
  requireCount('atLeast', atLeast, 1);
  if (atLeast > names.length)
    throw new RangeError(`atLeast: expected at most the ${names.length} branches, got ${atLeast}`);

  return new ColdResult('gatherQuorum({ … })', (sink) => {
    const values = new Map<number, unknown>();
    const reasons = new Map<number, Error>();
    const named = <V>(outcomes: ReadonlyMap<number, V>): Record<string, V> =>
      Object.fromEntries(
        [...outcomes]
          .toSorted(([one], [other]) => one - other)
          .map(([index, outcome]): [string, V] => [String(names[index]), outcome]),
      );
    const fail = (): void => sink.error(new GatherFailedError(values.size, atLeast, named(reasons)));

    const subscribers = scatter(branches, sink, {
      fulfilled(index, value) {
        values.set(index, value);
        // One more than asked for comes when the answer makes another branch end.
        if (values.size !== atLeast) return;
        sink.next(named(values) as GatheredQuorum<B>);
        sink.complete();
      },
      rejected(index, reason) {
        reasons.set(index, asError(reason));
        if (names.length - reasons.size < atLeast) fail();
      },
    });
    // The clock starts after the branches, so a value that comes exactly at the limit is in time.
    if (withinMs !== undefined && !sink.closed) {
      const failRunning = (): void => {
        for (const [index, { closed }] of subscribers.entries()) {
          if (!closed) reasons.set(index, new BranchTimeoutError(withinMs));
        }
        fail();
      };
      sink.add(asyncScheduler.schedule(failRunning, withinMs));
    }
  });
}
