/**
 * What a pipeline has taken and not settled: the one list of it, and the watch over it. A delivery that stays too long makes the broker close
 * its channel and take back all others with it; so it is named, and given back alone, before that. Whatever kept it loses its slot.
 */
import { asyncScheduler, Observable, type Subscription } from 'rxjs';
import type { Stage } from '../events.ts';
import type { Journey } from './journey.ts';

/** A time is measured in so many looks. Counted looks, because a wall clock that is set forward would make everything too old at once. */
const LOOKS = 20;

/** What is known of a delivery in flight. */
interface Whereabouts {
  /** Looks the watch had taken when it came. */
  readonly since: number;
  stage: Stage;
  /** Ends whatever works on it, where something does. */
  interrupt: ((reason: string) => void) | undefined;
}

export interface InFlightOptions {
  /** From delivery to settlement, in milliseconds; noticed at most a twentieth later. Infinity: nothing is watched. */
  readonly limitMs: number;
  /** Told of each that stays too long, before it is given back. */
  readonly onOverdue: (journey: Journey, stage: Stage) => void;
  /** Settles what nobody works on: it waits for a slot, or was lost on its way through the engine. */
  readonly giveBack: (journey: Journey, reason: string) => void;
}

export class InFlight {
  readonly #options: InFlightOptions;
  /** In the order of arrival. */
  readonly #journeys = new Map<Journey, Whereabouts>();
  #looks = 0;
  /** Runs while something is in flight. */
  #watch: Subscription | undefined;

  constructor(options: InFlightOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#journeys.size;
  }

  add(journey: Journey): void {
    this.#journeys.set(journey, { since: this.#looks, stage: 'slot', interrupt: undefined });
    if (Number.isFinite(this.#options.limitMs)) this.#watch ??= this.#lookLater();
  }

  /** It is settled. False where it was before. */
  remove(journey: Journey): boolean {
    const isRemoved = this.#journeys.delete(journey);
    if (this.#journeys.size === 0) this.#stopWatching();
    return isRemoved;
  }

  /** Says how far it has come. */
  reached(journey: Journey, stage: Stage): void {
    const whereabouts = this.#journeys.get(journey);
    if (whereabouts !== undefined) whereabouts.stage = stage;
  }

  /** Mirrors the source. When the journey is overdue first, unsubscribes it, emits what `giveUp` makes of the reason, and completes. */
  unlessOverdue<T>(journey: Journey, source: Observable<T>, giveUp: (reason: string) => T): Observable<T> {
    return new Observable((sink) => {
      const whereabouts = this.#journeys.get(journey);
      if (whereabouts === undefined) {
        sink.next(giveUp('it was settled while it waited'));
        sink.complete();
        return undefined;
      }
      const work = source.subscribe({
        next: (value) => sink.next(value),
        error: (error: unknown) => sink.error(error),
        complete: () => sink.complete(),
      });
      if (work.closed) return undefined;
      const interrupt = (reason: string): void => {
        work.unsubscribe();
        sink.next(giveUp(reason));
        sink.complete();
      };
      whereabouts.interrupt = interrupt;
      return () => {
        if (whereabouts.interrupt === interrupt) whereabouts.interrupt = undefined;
        work.unsubscribe();
      };
    });
  }

  /** Gives back everything there is, and watches no more. */
  giveBackAll(reason: string): void {
    this.#giveBack([...this.#journeys], reason);
  }

  #lookLater(): Subscription {
    return asyncScheduler.schedule(() => {
      this.#looks++;
      this.#watch = this.#lookLater();
      this.#look();
    }, this.#options.limitMs / LOOKS);
  }

  #look(): void {
    const { limitMs, onOverdue } = this.#options;
    const overdue: [Journey, Whereabouts][] = [];
    for (const entry of this.#journeys) {
      const [journey, { since, stage }] = entry;
      // One look more: it may have come right before the first.
      if (this.#looks - since <= LOOKS) break;
      onOverdue(journey, stage);
      overdue.push(entry);
    }
    this.#giveBack(overdue, `unsettled for ${limitMs} ms`);
  }

  /** Those that wait go first: the slots of the others would be given to them. */
  #giveBack(entries: readonly [Journey, Whereabouts][], reason: string): void {
    for (const [journey, { interrupt }] of entries)
      if (interrupt === undefined) this.#options.giveBack(journey, reason);
    for (const [journey, { interrupt }] of entries) {
      interrupt?.(reason);
      if (this.#journeys.has(journey)) this.#options.giveBack(journey, reason);
    }
  }

  #stopWatching(): void {
    this.#watch?.unsubscribe();
    this.#watch = undefined;
  }
}
