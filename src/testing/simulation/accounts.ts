/**
 * What became of each message, counted at the workers' edge: deliveries that were done, and how many ends more than publishes the faults
 * may have caused. Each copy the broker may have stored without our original being acked is one.
 */
import type { EventOf, LifeRef, WorldEvent } from './world-event.ts';

export interface Account {
  published: number;
  done: number;
  /** Copies for people, as far as their confirms came. */
  deadLettered: number;
  /** Ends beyond those published that faults explain. */
  spare: number;
}

/** A message in one life of a worker. */
interface Handling {
  /** Addresses of the results of the last handle that completed; undefined while none has. */
  promised: readonly string[] | undefined;
  /** Copies confirmed whose originals are not acked yet. */
  copies: number;
  /** Deliveries that are not settled. */
  out: number;
}

export type AckReason = 'copied' | 'done' | 'nothing';

export class Accounts {
  readonly #accounts = new Map<string, Account>();
  readonly #handlings = new Map<LifeRef, Map<string, Handling>>();
  readonly #confirmed = new Set<string>();
  /** Acks as they were booked, while they may still be lost on the line. */
  readonly #acks = new Map<number, AckReason>();

  of(pipeline: string, messageId: string): Account {
    const name = `${pipeline} ${messageId}`;
    const account = this.#accounts.get(name) ?? { published: 0, done: 0, deadLettered: 0, spare: 0 };
    this.#accounts.set(name, account);
    return account;
  }

  /** The id of a message that has not ended, where there is one. */
  anUnfinished(): string | undefined {
    for (const [name, { published, done, deadLettered }] of this.#accounts)
      if (done + deadLettered < published) return name.slice(name.indexOf(' ') + 1);
    return undefined;
  }

  /** What an ack that comes now rests on. */
  reasonOf({ life, pipeline, messageId }: EventOf<'settled'>): AckReason {
    const { promised, copies } = this.#handling(life, pipeline, messageId);
    if (copies > 0) return 'copied';
    return promised?.every((address) => this.#confirmed.has(address)) === true ? 'done' : 'nothing';
  }

  /** Whether each delivery of the message in that life has its copy already. */
  hasCopies({ life, messageId }: EventOf<'confirmed'>, pipeline: string): boolean {
    const { copies, out } = this.#handling(life, pipeline, messageId);
    return copies >= out;
  }

  see(event: WorldEvent): void {
    switch (event.kind) {
      case 'published':
        this.of(event.pipeline, event.messageId).published++;
        break;
      case 'delivered':
        this.#handling(event.life, event.pipeline, event.messageId).out++;
        break;
      case 'handleEnded':
        if (event.outcome === 'completed')
          this.#handling(event.life, event.pipeline, event.messageId).promised = event.promised;
        break;
      case 'confirmed':
        if (event.pipeline === undefined) this.#confirmed.add(event.address);
        else this.#copied(event, event.pipeline);
        break;
      case 'unconfirmed':
        // The broker may have it all the same.
        if (event.pipeline !== undefined) this.of(event.pipeline, event.messageId).spare++;
        break;
      case 'settled':
        this.#settled(event);
        break;
      case 'settlementLost':
        this.#undo(event);
        break;
      case 'lifeCrashed':
        this.#crashed(event.life);
        break;
      default:
    }
  }

  #copied({ what, life, messageId }: EventOf<'confirmed'>, pipeline: string): void {
    this.#handling(life, pipeline, messageId).copies++;
    if (what === 'deadLetter') this.of(pipeline, messageId).deadLettered++;
  }

  #settled(event: EventOf<'settled'>): void {
    const { how, result, life, pipeline, messageId, delivery } = event;
    if (result === 'repeated') return;
    const handling = this.#handling(life, pipeline, messageId);
    handling.out--;
    const account = this.of(pipeline, messageId);
    const reason = this.reasonOf(event);
    const isAcked = how === 'ack' && result === 'sent';
    if (reason === 'copied') {
      handling.copies--;
      if (!isAcked) account.spare++;
    } else if (isAcked) {
      account.done++;
    }
    if (isAcked) this.#acks.set(delivery, reason);
  }

  #undo({ pipeline, messageId, delivery }: EventOf<'settlementLost'>): void {
    const account = this.of(pipeline, messageId);
    const reason = this.#acks.get(delivery);
    if (reason === 'copied') account.spare++;
    // It was done, and is done again.
    else if (reason !== undefined) account.done--;
  }

  #crashed(life: LifeRef): void {
    for (const [name, { copies }] of this.#handlings.get(life) ?? []) {
      const account = this.#accounts.get(name);
      if (account !== undefined) account.spare += copies;
    }
    this.#handlings.delete(life);
  }

  #handling(life: LifeRef, pipeline: string, messageId: string): Handling {
    const name = `${pipeline} ${messageId}`;
    const handlings = this.#handlings.get(life) ?? new Map<string, Handling>();
    this.#handlings.set(life, handlings);
    const handling = handlings.get(name) ?? { promised: undefined, copies: 0, out: 0 };
    handlings.set(name, handling);
    return handling;
  }
}
