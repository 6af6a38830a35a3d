/**
 * Where a pipeline stands in a stream: the latest message of a queue with a single active consumer. Whoever is handed it reads, and holds it unsettled
 * for as long; when that worker ends, the broker hands it to the next in line. So the place is its own lock, and outlives every worker.
 */
import type { StreamOffset } from '../broker/broker.ts';
import type { Delivery } from '../message/delivery.ts';
import type { OutgoingMessage } from '../message/outgoing.ts';

/** What a message of the queue says. */
interface Token {
  /** The offset to read next; undefined where nothing was read yet. */
  readonly next: number | undefined;
  /** When the pipeline first looked, in milliseconds since 1970. */
  readonly since: number;
}

export class StreamPlace {
  readonly #queue: string;
  readonly #from: StreamOffset;
  readonly #beganAt: number;
  #held: { readonly delivery: Delivery; readonly token: Token } | undefined;
  #next: number | undefined;
  #since: number;
  #isWritten = true;

  /** @param from where to begin where nothing was read yet. */
  constructor(queue: string, from: StreamOffset, now: number) {
    this.#queue = queue;
    this.#from = from;
    this.#beganAt = now;
    this.#since = now;
  }

  /** Everything before this offset is copied; undefined where nothing was read yet. */
  get next(): number | undefined {
    return this.#next;
  }

  /** Where to read, now. */
  get offset(): StreamOffset {
    if (this.#next !== undefined) return this.#next;
    const isRelative = this.#from === 'next' || this.#from === 'last';
    // An earlier worker looked, and nothing came while it did: what came since must not be left out.
    return isRelative && this.#since < this.#beganAt ? new Date(this.#since) : this.#from;
  }

  /** The message that says that nothing was read yet. */
  seed(): OutgoingMessage {
    return this.#toMessage({ next: undefined, since: this.#beganAt });
  }

  /** Takes what the queue hands over. @returns whether reading has to begin anew, at `offset`. */
  take(delivery: Delivery): boolean {
    const token = tokenOf(delivery);
    const held = this.#held;
    if (held !== undefined && (token.next ?? -1) < (held.token.next ?? -1)) {
      // Of one that died after it had written a later place, and before it let go of this one.
      delivery.ack();
      return false;
    }
    held?.delivery.ack();
    this.#held = { delivery, token };
    // What we wrote ourselves is where we stand, or stood.
    if (held !== undefined && (token.next ?? -1) <= (this.#next ?? -1)) return false;
    this.#next = token.next;
    this.#since = token.since;
    // Soon written anew: the broker drops a message that it has handed over too often.
    this.#isWritten = false;
    return true;
  }

  reached(next: number): void {
    this.#next = next;
    this.#isWritten = false;
  }

  /** The message that says where we stand, unless it is with the broker. */
  unwritten(): OutgoingMessage | undefined {
    if (this.#isWritten || this.#held === undefined) return undefined;
    this.#isWritten = true;
    return this.#toMessage({ next: this.#next, since: this.#since });
  }

  /** It is written anew though it did not move: the broker bears nothing unsettled for ever. */
  renew(): void {
    this.#isWritten = false;
  }

  /** Its channel is gone: another may have it. */
  lost(): void {
    this.#held = undefined;
  }

  /** A later one is with the broker. */
  replaced(): void {
    this.#held?.delivery.ack();
    this.#held = undefined;
  }

  /** The next in line goes on from what is written. */
  letGo(): void {
    this.#held?.delivery.requeue();
    this.#held = undefined;
  }

  #toMessage(token: Token): OutgoingMessage {
    return {
      exchange: '',
      routingKey: this.#queue,
      body: Buffer.from(JSON.stringify(token)),
      headers: {},
      properties: { contentType: 'application/json', persistent: true },
    };
  }
}

/** Whatever a stranger has put there is the place of one who has read nothing. */
function tokenOf({ body }: Delivery): Token {
  try {
    const { next, since } = JSON.parse(Buffer.from(body).toString()) as Partial<Token>;
    return { next: isCount(next) ? next : undefined, since: isCount(since) ? since : 0 };
  } catch {
    return { next: undefined, since: 0 };
  }
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
