/**
 * What a pipeline has taken and not settled: the one list of it, and the one place from where its work is ended: because the delivery is lost,
 * because the engine halts, or because it stays too long. That makes the broker close its channel and take back all others with it; so it is
 * named, and given back alone, before that. Whatever kept it loses its slot.
 */
import { asyncScheduler, type Observable, type Subscription } from 'rxjs';
import type { Stage } from '../events.ts';
import { WaitingLine } from '../operators/waiting-line.ts';
import type { Interruptible, Journey, Whereabouts } from './journey.ts';

/** A time is measured in so many looks. Counted looks, because a wall clock that is set forward would make everything too old at once. */
const LOOKS = 20;

/** The loss of a channel, listened to once for all of its deliveries. */
interface LossWatch {
  deliveries: number;
  subscription: Subscription | undefined;
}

export interface InFlightOptions {
  /** Emits the reason when all work has to end; replays it. */
  readonly halt: Observable<string>;
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
  readonly #line = new WaitingLine<Whereabouts>();
  readonly #losses = new Map<Observable<string>, LossWatch>();
  #looks = 0;
  /** Runs while something is in flight. */
  #watch: Subscription | undefined;
  #haltedBy: string | undefined;

  constructor(options: InFlightOptions) {
    this.#options = options;
    options.halt.subscribe((reason) => {
      this.#haltedBy = reason;
      this.#interrupt(() => true, reason);
    });
  }

  get size(): number {
    return this.#line.length;
  }

  add(journey: Journey): void {
    const { lost } = journey.delivery;
    const whereabouts: Whereabouts = {
      before: undefined,
      behind: undefined,
      journey,
      since: this.#looks,
      stage: 'slot',
      work: undefined,
      lost,
      lostBy: undefined,
    };
    journey.whereabouts = whereabouts;
    this.#line.join(whereabouts);
    if (Number.isFinite(this.#options.limitMs)) this.#watch ??= this.#lookLater();
    const known = this.#losses.get(lost);
    if (known === undefined) this.#listenTo(lost);
    else known.deliveries++;
  }

  /** It is settled. False where it was before. */
  remove(journey: Journey): boolean {
    const { whereabouts } = journey;
    if (whereabouts === undefined) return false;
    journey.whereabouts = undefined;
    this.#line.leave(whereabouts);
    const loss = this.#losses.get(whereabouts.lost);
    if (loss !== undefined && --loss.deliveries === 0) {
      this.#losses.delete(whereabouts.lost);
      loss.subscription?.unsubscribe();
    }
    if (this.#line.length === 0) this.#stopWatching();
    return true;
  }

  /** Says how far it has come. */
  reached(journey: Journey, stage: Stage): void {
    if (journey.whereabouts !== undefined) journey.whereabouts.stage = stage;
  }

  /** Work on it begins, and is interrupted where it has to end before its time. Gives the reason where it must not begin. */
  begin(journey: Journey, work: Interruptible): string | undefined {
    const { whereabouts } = journey;
    if (whereabouts === undefined) return 'it was settled while it waited';
    const reason = whereabouts.lostBy ?? this.#haltedBy;
    if (reason === undefined) whereabouts.work = work;
    return reason;
  }

  /** The work is over, whatever ended it. */
  end(journey: Journey, work: Interruptible): void {
    const { whereabouts } = journey;
    if (whereabouts?.work === work) whereabouts.work = undefined;
  }

  /** Gives back everything there is, and watches no more. */
  giveBackAll(reason: string): void {
    this.#giveBack([...this.#line.members()], reason);
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
    const overdue: Whereabouts[] = [];
    for (const whereabouts of [...this.#line.members()]) {
      const { journey, since, stage } = whereabouts;
      // One look more: it may have come right before the first.
      if (this.#looks - since <= LOOKS) break;
      onOverdue(journey, stage);
      overdue.push(whereabouts);
    }
    this.#giveBack(overdue, `unsettled for ${limitMs} ms`);
  }

  /** Those that wait go first: the slots of the others would be given to them. */
  #giveBack(those: readonly Whereabouts[], reason: string): void {
    for (const { journey, work } of those) if (work === undefined) this.#options.giveBack(journey, reason);
    for (const { journey, work } of those) {
      work?.interrupt(reason);
      if (journey.whereabouts !== undefined) this.#options.giveBack(journey, reason);
    }
  }

  #listenTo(lost: Observable<string>): void {
    const loss: LossWatch = { deliveries: 1, subscription: undefined };
    this.#losses.set(lost, loss);
    loss.subscription = lost.subscribe((reason) => {
      const isOfIt = (whereabouts: Whereabouts): boolean => whereabouts.lost === lost;
      for (const whereabouts of this.#line.members()) if (isOfIt(whereabouts)) whereabouts.lostBy = reason;
      this.#interrupt(isOfIt, reason);
    });
    if (loss.deliveries === 0) loss.subscription.unsubscribe();
  }

  #interrupt(isMeant: (whereabouts: Whereabouts) => boolean, reason: string): void {
    // Work that ends may let other work begin.
    for (const whereabouts of [...this.#line.members()]) if (isMeant(whereabouts)) whereabouts.work?.interrupt(reason);
  }

  #stopWatching(): void {
    this.#watch?.unsubscribe();
    this.#watch = undefined;
  }
}
