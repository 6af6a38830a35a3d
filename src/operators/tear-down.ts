/** What throws while a source is torn down is a failure like any other: it must neither hide the end of the source nor reach its producer. */
import type { Unsubscribable } from 'rxjs';

/** Unsubscribes and gives what a teardown threw, undefined when nothing did. */
export function tearDown(subscription: Unsubscribable): unknown {
  try {
    subscription.unsubscribe();
    return undefined;
  } catch (thrown) {
    return thrown;
  }
}
