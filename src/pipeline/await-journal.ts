/**
 * What to do with messages while the journal is away: they wait in their slots, and are handled again when it is back, on the same try. None
 * is given back, so that neither their tries nor the broker's delivery limit are spent on an outage of ours; the intake pauses meanwhile.
 */
import { BehaviorSubject, filter, map, merge, type Observable, of, Subscription, switchMap, take, timer } from 'rxjs';
import { codeOf, type JournalUnavailableError } from '../errors.ts';
import type { ApiAvailability } from '../http/api-client.ts';
import type { Engine } from './engine.ts';
import type { InFlight } from './in-flight.ts';
import type { Interruptible, Journey, Verdict } from './journey.ts';

/** A journal that answers others, and fails this message, is asked again after this pause at the soonest. */
const AGAIN_AFTER_MS = 1_000;

const AWAY: JournalUnavailableError['code'] = 'ERR_JOURNAL_UNAVAILABLE';

/** Whether the journal is what keeps a message from a verdict. */
export const isJournalAway = (verdict: Verdict): boolean =>
  verdict.kind === 'failed' && codeOf(verdict.failure.error) === AWAY;

/** How a wait ends. */
export interface WaitEnds {
  readonly handleAgain: () => void;
  readonly giveBack: (reason: string) => void;
}

/** The messages of a pipeline that wait for the journal. */
export class JournalWait {
  readonly #engine: Engine;
  readonly #inFlight: InFlight;
  /** Known from the first message that was failed by its journal: a pipeline without sagas does not care about it. */
  readonly #isNeeded = new BehaviorSubject(false);

  constructor(engine: Engine, inFlight: InFlight) {
    this.#engine = engine;
    this.#inFlight = inFlight;
  }

  /** Whether messages may start, for all the journal knows. Replays; never ends. */
  get availability(): Observable<ApiAvailability> {
    const free = of<ApiAvailability>({ isAvailable: true });
    return this.#isNeeded.pipe(switchMap((isNeeded) => (isNeeded ? this.#engine.journal.availability : free)));
  }

  /** Unsubscribing gives up, and tells nobody. */
  wait(journey: Journey, { handleAgain, giveBack }: WaitEnds): Subscription {
    const waiting = new Subscription();
    const work: Interruptible = {
      interrupt: (reason) => {
        waiting.unsubscribe();
        giveBack(reason);
      },
    };
    const reason = this.#inFlight.begin(journey, work);
    if (reason !== undefined) {
      giveBack(reason);
      return waiting;
    }
    waiting.add(() => this.#inFlight.end(journey, work));
    this.#isNeeded.next(true);
    waiting.add(
      this.#back().subscribe((isBack) => {
        waiting.unsubscribe();
        if (isBack) handleAgain();
        else giveBack('the worker is draining, and the journal is away');
      }),
    );
    return waiting;
  }

  /** Emits once: whether the journal is back, or the worker has no time to wait for it. */
  #back(): Observable<boolean> {
    const { journal, drain } = this.#engine;
    const back = timer(AGAIN_AFTER_MS).pipe(
      switchMap(() => journal.availability),
      filter(({ isAvailable }) => isAvailable),
    );
    return merge(drain.pipe(map(() => false)), back.pipe(map(() => true))).pipe(take(1));
  }
}
