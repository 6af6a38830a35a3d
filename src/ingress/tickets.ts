/**
 * What the front door remembers of the messages it accepted: how each stands, as far as that is known here. In memory, bounded by number,
 * by bytes and by time; what is forgotten is with the broker all the same.
 */
import { LRUCache } from 'lru-cache';
import { BehaviorSubject, type Subscription } from 'rxjs';
import type { ForwardClock } from '../operators/forward-clock.ts';
import type { Answer, Refusal } from './problem.ts';

/** How a message stands. `publishing` and `accepted` move on, and so does `dead-lettered`, where people mend what was wrong and try it again. */
export type Progress =
  | { readonly state: 'publishing' }
  /** The broker did not take it: nothing will come of it, as far as that is known. */
  | { readonly state: 'refused'; readonly refusal: Refusal }
  /** The broker has confirmed it. */
  | { readonly state: 'accepted' }
  /** It is done; `answer` is made of its result, and undefined where it had none. */
  | { readonly state: 'done'; readonly answer: Answer | undefined }
  /** It lies among the dead letters. */
  | { readonly state: 'dead-lettered'; readonly code: string }
  /** Accepted, and what became of it will not be told here any more. */
  | { readonly state: 'untold' };

export class Ticket {
  readonly id: string;
  /** Name of the pipeline. */
  readonly pipeline: string;
  /** Who sent it: nobody else is told of it. */
  readonly client: string;
  readonly correlationId: string;
  /** Fingerprint of the body and of what is said of it. */
  readonly print: string;
  /** Milliseconds since 1970. */
  acceptedAt: number | undefined;
  /** Never completes: who asks later is told how it ended. */
  readonly progress = new BehaviorSubject<Progress>({ state: 'publishing' });
  /** What listens for its end. */
  following: Subscription | undefined;

  constructor(fields: Pick<Ticket, 'id' | 'pipeline' | 'client' | 'correlationId' | 'print'>) {
    this.id = fields.id;
    this.pipeline = fields.pipeline;
    this.client = fields.client;
    this.correlationId = fields.correlationId;
    this.print = fields.print;
  }

  /** Whether more may be heard of it. */
  get isOpen(): boolean {
    return !LAST.has(this.progress.value.state);
  }

  /** What is done stays so, whatever is told of its copies. A dead letter may be done after all, or be one for another reason; it stays one where no more will be told. */
  move(progress: Progress): void {
    const { state } = this.progress.value;
    const isAboutDead = progress.state === 'done' || progress.state === 'dead-lettered';
    if (this.isOpen && (state !== 'dead-lettered' || isAboutDead)) this.progress.next(progress);
    if (LAST.has(progress.state)) this.following?.unsubscribe();
  }
}

const LAST: ReadonlySet<Progress['state']> = new Set(['refused', 'done', 'untold']);

export interface TicketBounds {
  readonly maxTickets: number;
  /** Of answers that are kept. */
  readonly maxBytes: number;
  readonly keepMs: number;
  readonly clock: ForwardClock;
}

/** What a ticket takes beside its answer, about. */
const TICKET_BYTES = 1_024;

/** What a ticket takes is counted anew only for another value. */
interface Kept {
  readonly ticket: Ticket;
}

export class Tickets {
  readonly #tickets: LRUCache<string, Kept>;

  constructor({ maxTickets, maxBytes, keepMs, clock }: TicketBounds) {
    this.#tickets = new LRUCache<string, Kept>({
      max: maxTickets,
      maxSize: maxBytes + maxTickets * TICKET_BYTES,
      maxEntrySize: maxBytes + TICKET_BYTES,
      ttl: keepMs,
      // The clock is asked each time: a cached moment would be kept by a timer.
      ttlResolution: 0,
      noUpdateTTL: true,
      perf: { now: () => clock.now() },
      // Who still waits for it is told that it is accepted.
      dispose: ({ ticket }, _id, reason) => {
        if (reason !== 'set') ticket.move({ state: 'untold' });
      },
    });
  }

  get size(): number {
    return this.#tickets.size;
  }

  find(id: string): Ticket | undefined {
    return this.#tickets.get(id)?.ticket;
  }

  add(ticket: Ticket): void {
    this.#tickets.set(ticket.id, { ticket }, { size: TICKET_BYTES });
  }

  /** An answer that is larger than all that may be kept is kept for nobody. */
  grow(ticket: Ticket, bytes: number): void {
    if (this.#tickets.peek(ticket.id)?.ticket === ticket)
      this.#tickets.set(ticket.id, { ticket }, { size: TICKET_BYTES + bytes });
  }

  remove(ticket: Ticket): void {
    if (this.#tickets.peek(ticket.id)?.ticket === ticket) this.#tickets.delete(ticket.id);
  }

  clear(): void {
    this.#tickets.clear();
  }
}
