/**
 * A broker model that runs by the RxJS clock: what it has to tell arrives a moment later, what expires does so in its time.
 * Inside `TestScheduler.run` all of it is virtual. Ports connect to it; tests make it misbehave. In memory, never for production.
 */
import { asyncScheduler, BehaviorSubject, Subject, type Subscription } from 'rxjs';
import type { Random } from '../../../policies/random.ts';
import { BrokerModel } from '../model/broker-model.ts';
import type { Channel, Connection } from '../model/channel.ts';
import type { Effect } from '../model/effect.ts';
import type { RestartOptions } from '../model/lifecycle-commands.ts';

export interface InProcessBrokerOptions {
  /** For generated names. */
  readonly random: Random;
  /** Milliseconds from a command to its effects at the client. Default: 0, later in the same moment. */
  readonly latencyMs?: number;
  /** The broker's own clock, in milliseconds, where it is another than its clients'. Default: that of RxJS. */
  readonly now?: () => number;
}

export class InProcessBroker {
  readonly model: BrokerModel;
  /** Emits why, when all connections are cut. */
  readonly cuts = new Subject<string>();
  /** Whether a connection can be made. */
  readonly isReachable = new BehaviorSubject<boolean>(true);
  /** Why publishers are blocked; undefined while they are not. */
  readonly blocked = new BehaviorSubject<string | undefined>(undefined);
  readonly #latencyMs: number;
  readonly #now: () => number;
  #flush: Subscription | undefined;
  #alarm: { readonly at: number; readonly subscription: Subscription } | undefined;
  #alarmedAt = 0;
  #dialledAt = 0;
  #isClockStopped = false;
  #isResting = false;

  constructor({ random, latencyMs = 0, now = () => asyncScheduler.now() }: InProcessBrokerOptions) {
    this.model = new BrokerModel({ now, random });
    this.#now = now;
    this.#latencyMs = latencyMs;
  }

  /** When it last looked for what expired, by itself; 0 before. */
  get alarmedAt(): number {
    return this.#alarmedAt;
  }

  /** What waits goes on waiting for ever: for where nobody is left to see it expire. */
  stopClock(): void {
    this.#isClockStopped = true;
    this.#alarm?.subscription.unsubscribe();
  }

  /** Runs a command; its effects arrive later, its answer is there at once. */
  run<T>(command: (model: BrokerModel) => T): T {
    try {
      return command(this.model);
    } finally {
      this.#follow();
    }
  }

  /** A connection of a port. */
  openConnection(): Connection {
    return this.model.openConnection('guest');
  }

  /** A channel of a port. @param receive Hears what the broker has to tell it. */
  openChannel(connection: Connection, receive: (effect: Effect) => void): Channel {
    return this.model.openChannel(connection, receive);
  }

  /** Ends all connections, as a failing network does. New ones are let through. */
  cutConnections(reason = 'the connection was cut'): void {
    this.cuts.next(reason);
  }

  /** Ends all connections and lets none be made, or lets them be made again. */
  setReachable(isReachable: boolean): void {
    if (isReachable) this.#isResting = false;
    this.isReachable.next(isReachable);
    if (!isReachable) this.cutConnections('the broker is not reachable');
  }

  /** Where it is unreachable, nobody dials any more until it is reachable: that may never be said, and time has to come to an end. */
  restWhileUnreachable(): void {
    this.#isResting = !this.isReachable.value;
  }

  /** Whether a port has to wait for `isReachable`, and may not dial. */
  get isResting(): boolean {
    return this.#isResting;
  }

  /** A port tries to connect. @returns whether it can. */
  dial(): boolean {
    this.#dialledAt = this.#now();
    return this.isReachable.value;
  }

  /** When anybody last tried to connect; 0 before. */
  get dialledAt(): number {
    return this.#dialledAt;
  }

  block(reason: string): void {
    this.blocked.next(reason);
  }

  unblock(): void {
    this.blocked.next(undefined);
  }

  /** Ends all connections, then goes on with what a broker would find on its disk. */
  restart(options: RestartOptions): void {
    this.cutConnections('the broker restarts');
    this.run((model) => model.restart(options));
  }

  #follow(): void {
    if (this.#flush === undefined && this.model.hasEffects) {
      this.#flush = asyncScheduler.schedule(() => {
        this.#flush = undefined;
        this.model.flush();
        this.#follow();
      }, this.#latencyMs);
    }
    this.#watchClock();
  }

  #watchClock(): void {
    if (this.#isClockStopped) return;
    const at = this.model.nextExpiryAt();
    if (at === this.#alarm?.at) return;
    if (at === undefined || (this.#alarm !== undefined && this.#alarm.at <= at)) return;
    this.#alarm?.subscription.unsubscribe();
    const subscription = asyncScheduler.schedule(
      () => {
        this.#alarm = undefined;
        this.#alarmedAt = this.#now();
        this.run((model) => model.advance());
      },
      Math.max(at - this.#now(), 0),
    );
    this.#alarm = { at, subscription };
  }
}
