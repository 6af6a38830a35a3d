/** The last word of a handle whose message would be dead-lettered: it is said in the message's slot, and holds its delivery until it is said. */
import { Subscription, take } from 'rxjs';
import type { InFlight } from './in-flight.ts';
import type { Interruptible, Journey } from './journey.ts';
import type { LastWord } from './pipeline.ts';

/** How it ends. */
export interface LastWordEnds {
  /** The error that counts. */
  readonly onSaid: (error: unknown) => void;
  /** It could not be said. */
  readonly onFailed: (error: unknown) => void;
  readonly giveBack: (reason: string) => void;
}

/** Unsubscribing leaves it unsaid, and tells nobody. */
export function sayLastWord(
  journey: Journey,
  inFlight: InFlight,
  word: ReturnType<LastWord>,
  { onSaid, onFailed, giveBack }: LastWordEnds,
): Subscription {
  const saying = new Subscription();
  const work: Interruptible = {
    interrupt: (reason) => {
      saying.unsubscribe();
      giveBack(reason);
    },
  };
  const reason = inFlight.begin(journey, work);
  if (reason !== undefined) {
    giveBack(reason);
    return saying;
  }
  saying.add(() => inFlight.end(journey, work));
  const over = (then: () => void): void => {
    if (saying.closed) return;
    saying.unsubscribe();
    then();
  };
  saying.add(
    word.pipe(take(1)).subscribe({
      next: (error) => over(() => onSaid(error)),
      error: (error: unknown) => over(() => onFailed(error)),
      complete: () => over(() => onFailed(new TypeError('a handle has no last word'))),
    }),
  );
  return saying;
}
