/** A delivery on its way through the engine: who it is, since when it is here, which try it is, and how it ended. */
import type { Observable } from 'rxjs';
import type { MessageIdentity, Stage } from '../events.ts';
import type { Delivery } from '../message/delivery.ts';
import type { OutgoingMessage } from '../message/outgoing.ts';
import type { Waiting } from '../operators/waiting-line.ts';
import type { MessageSpan, TraceContext } from '../tracing.ts';

/** Work on a journey, in its slot or on its way out. */
export interface Interruptible {
  /** Must end at once, and hand the journey over as given back. */
  interrupt(reason: string): void;
}

/** Where a journey is while it is in flight; in-flight.ts keeps it. */
export interface Whereabouts extends Waiting<Whereabouts> {
  readonly journey: Journey;
  /** Looks the watch had taken when it came. */
  readonly since: number;
  stage: Stage;
  work: Interruptible | undefined;
  /** What its channel is lost by, and why nothing may begin for it any more. */
  readonly lost: Observable<string>;
  lostBy: string | undefined;
}

export interface Journey {
  /** Undefined: it is not in flight, or no more. */
  whereabouts: Whereabouts | undefined;
  readonly delivery: Delivery;
  readonly identity: MessageIdentity;
  /** Milliseconds of the RxJS clock. */
  readonly receivedAt: number;
  /** Counted from 1; within 1 and the tries there can be, whatever the message's headers say. */
  readonly attempt: number;
  /** The context its effects are in. */
  readonly trace: TraceContext;
  /** Where a tracer listens: from now to the settlement. Its context is `trace`. */
  readonly span?: MessageSpan | undefined;
  /** When the message is too late to be handled, in milliseconds of the RxJS clock. */
  readonly deadlineAt?: number | undefined;
}

/** Why a message could not be done. */
export interface Failure {
  readonly stage: Stage;
  readonly error: unknown;
}

/** A message's key, held until the message is settled. */
export interface Claim {
  /** Cold. Writes down that the message is done; completes when that is stored. Fails where it is not known whether it is. */
  done(): Observable<never>;
  /** Lets others have it. Idempotent. */
  release(): void;
}

/** What leaves for one message's results. */
export interface Outgoing {
  /** To the destinations of `output`. */
  readonly results: readonly OutgoingMessage[];
  /** To its `reply-to`, which is told of nothing that may still fail: they leave once the results are confirmed. */
  readonly answers: readonly OutgoingMessage[];
}

/** What the engine decides about a journey; `settle.ts` carries it out. */
export type Verdict =
  | {
      readonly kind: 'done';
      /** Default: nothing. */
      readonly outgoing?: Outgoing;
      /** Why there was nothing to do. */
      readonly reason?: string;
      /** What the handle emitted, where that is to be remembered. */
      readonly emitted?: readonly unknown[];
      /** To be written when all that is outgoing is confirmed, before the ack. */
      readonly claim?: Claim;
    }
  | { readonly kind: 'failed'; readonly failure: Failure }
  /** It is laid into its queue again, as a message that does not expire there; its deadline goes with it. */
  | { readonly kind: 'renewed'; readonly reason: string }
  | { readonly kind: 'returned'; readonly reason: string };

/** A journey whose handle is over. */
export interface Judged {
  readonly journey: Journey;
  readonly verdict: Verdict;
}
