/**
 * Consuming under a prefetch that follows what the APIs take: the broker hands over what can be worked on, the rest is there for other workers.
 *
 * A consumer's prefetch is fixed when it begins (`basic.qos` holds for new consumers, and quorum queues know no other), so a new prefetch means
 * a new consumer. That costs round trips and hands some messages back to the queue, hence the damping.
 */
import {
  asyncScheduler,
  concat,
  defer,
  first,
  ignoreElements,
  Observable,
  type Subscription,
  startWith,
  switchMap,
} from 'rxjs';
import type { Delivery } from '../message/delivery.ts';
import type { Pipeline } from './pipeline.ts';

/** One in work and one behind it, so that no call waits for the broker. */
const MESSAGES_A_CALL = 2;

/** A prefetch is replaced when it should have been other by so much of it, or more… */
const DIFFERENCE_RATIO = 0.25;

/** …for so long without a break. Adaptive limits halve themselves for a moment now and then, to measure: that is no reason. */
const STEADY_MS = 5_000;

/**
 * What the prefetch should be while the APIs take so many calls at once: from 1 to the pipeline's own. Where messages are in order it is always
 * the pipeline's: what is on its way to a consumer that is cancelled goes back to the queue, and may come after later messages.
 */
export const prefetchFor = ({ prefetch, order }: Pipeline, maxCalls: number): number =>
  order === 'none' ? Math.max(1, Math.min(prefetch, MESSAGES_A_CALL * maxCalls)) : prefetch;

/** What a pipeline has received and not settled. */
export interface MessagesInHand {
  readonly count: () => number;
  /** Emits after each settlement. */
  readonly settlements: Observable<unknown>;
}

/**
 * Deliveries of one consumer after the other, never of two at once. The first has the target of the moment; a target that differs from what holds
 * by a quarter or more, for 5 s on end, is the next one's.
 *
 * Between two, what is in hand is worked off until half of the new prefetch is left, as much as the APIs take at once. So they are kept busy,
 * and what is unsettled is at most one and a half times the prefetch, however often that changes and however long some messages take.
 * The first waits only while more than its prefetch is in hand, from before a pause of the intake: with a breaker that opens again and again
 * each consumer would leave its messages behind, and their number would have no bound. So it is at most twice the prefetch.
 * Unsubscribing cancels the consumer and clears all timers.
 */
export function followPrefetch(
  targets: Observable<number>,
  inHand: MessagesInHand,
  consume: (prefetch: number) => Observable<Delivery>,
): Observable<Delivery> {
  const workedOff = (most: number): Observable<never> =>
    inHand.settlements.pipe(
      startWith(undefined),
      first(() => inHand.count() <= most),
      ignoreElements(),
    );
  return steady(targets).pipe(
    switchMap((prefetch, changes) =>
      concat(
        workedOff(changes === 0 ? prefetch : prefetch / MESSAGES_A_CALL),
        defer(() => consume(prefetch)),
      ),
    ),
  );
}

const steady = (targets: Observable<number>): Observable<number> =>
  new Observable((sink) => {
    let held: number | undefined;
    let target = 0;
    let change: Subscription | undefined;
    const hold = (): void => {
      change = undefined;
      held = target;
      sink.next(held);
    };
    const follow = (latest: number): void => {
      target = latest;
      if (held === undefined) {
        hold();
      } else if (Math.abs(target - held) >= held * DIFFERENCE_RATIO) {
        change ??= asyncScheduler.schedule(hold, STEADY_MS);
      } else {
        change?.unsubscribe();
        change = undefined;
      }
    };
    sink.add(() => change?.unsubscribe());
    sink.add(targets.subscribe({ next: follow, error: (cause: unknown) => sink.error(cause) }));
  });
