/** Facts about one message, and who it is. */

/** Which message a fact is about. */
export interface MessageIdentity {
  readonly pipeline: string;
  readonly messageId: string;
  readonly correlationId: string;
  /** Of the W3C trace it belongs to: 32 hexadecimal digits. */
  readonly traceId: string;
  /** Which attempt at the message this is, from 1, over redeliveries by the retry ladder. */
  readonly messageAttempt: number;
  /** Broker's tag of the delivery, unique on its channel alone. */
  readonly deliveryTag: number;
}

interface MessageFact extends MessageIdentity {
  /** Milliseconds of the RxJS clock. */
  readonly at: number;
}

/** A delivery came in. */
export interface Delivered extends MessageFact {
  readonly type: 'delivered';
  readonly queue: string;
  /** Counted from 1, over redeliveries by the retry ladder. */
  readonly attempt: number;
  readonly redelivered: boolean;
  readonly bytes: number;
  /** By its `timestamp`, in milliseconds since 1970: the publisher's clock. */
  readonly publishedAt?: number;
}

/** The message got a slot and its handle starts. */
export interface SlotTaken extends MessageFact {
  readonly type: 'slotTaken';
  /** Time between delivery and start. */
  readonly waitedMs: number;
}

/** One attempt of a call leaves for its API. */
export interface CallStarted extends MessageFact {
  readonly type: 'callStarted';
  readonly api: string;
  /** `POST /charge`: method and path template, never the filled-in path. */
  readonly operation: string;
  /** The same for all attempts of one call; unique in this process. */
  readonly callId: number;
  readonly attempt: number;
  /** Of a compensation: the saga's step that it undoes. */
  readonly undoes?: string;
}

/** One attempt of a call ended. */
export interface CallEnded extends MessageFact {
  readonly type: 'callEnded';
  readonly api: string;
  readonly operation: string;
  readonly callId: number;
  readonly attempt: number;
  readonly outcome: 'ok' | 'failed' | 'aborted' | 'rejected';
  readonly status?: number;
  /** Error code where the attempt failed. */
  readonly code?: string;
  readonly durationMs: number;
}

/** Another attempt of a call follows after a pause. */
export interface CallRetried extends MessageFact {
  readonly type: 'callRetried';
  readonly api: string;
  readonly operation: string;
  readonly callId: number;
  /** The attempt that failed. */
  readonly attempt: number;
  readonly nextDelayMs: number;
  readonly code: string;
  /** What failed: where a branch may fail alone, nothing else of the log says it. */
  readonly reason: string;
}

/** An attempt of a call had to wait for the API's rate limit. */
export interface RateLimitWaited extends MessageFact {
  readonly type: 'rateLimitWaited';
  readonly api: string;
  readonly operation: string;
  readonly callId: number;
  readonly attempt: number;
  readonly waitedMs: number;
}

/** A call was answered without one of its own: there are no other facts of it. */
export interface CacheHit extends MessageFact {
  readonly type: 'cacheHit';
  readonly api: string;
  readonly operation: string;
  /** `fresh`: from the cache; `stale`: from the cache, while a call behind it fetches anew; `joined`: by a call that ran already. */
  readonly use: 'fresh' | 'stale' | 'joined';
}

/** A result is confirmed by the broker. */
export interface Published extends MessageFact {
  readonly type: 'published';
  readonly exchange: string;
  readonly routingKey: string;
  /** Time from publish to confirm. */
  readonly confirmedMs: number;
}

/** What became of a delivery. */
export type SettlementKind = 'ack' | 'retry' | 'deadLetter' | 'returned';

/** Where in its way a message failed. */
export type Stage = 'decode' | 'validate' | 'slot' | 'handle' | 'output' | 'publish';

/** The delivery is settled; `late` when its channel had gone, so that the broker delivers the message again. */
export interface Settled extends MessageFact {
  readonly type: 'settled';
  readonly settlement: SettlementKind;
  readonly late: boolean;
  /** Time from delivery to settlement. */
  readonly durationMs: number;
  readonly code?: string;
  readonly reason?: string;
  readonly stage?: Stage;
  /** Where it was thrown, with ERR_HANDLE_FAILED: file, line and column of the author's. */
  readonly place?: string;
  /** Pause before the next attempt, with `retry`. */
  readonly delayMs?: number;
}

/** A settlement could not be made and is tried again: the delivery stays unsettled meanwhile. */
export interface SettlementDelayed extends MessageFact {
  readonly type: 'settlementDelayed';
  readonly settlement: SettlementKind;
  readonly code: string;
  readonly reason: string;
  readonly nextDelayMs: number;
}

/** A delivery stayed unsettled for longer than its source allows; it is given back now, so that it takes no others with it. */
export interface DeliveryOverdue extends MessageFact {
  readonly type: 'deliveryOverdue';
  /** Where it was. */
  readonly stage: Stage;
  /** Time since the delivery. */
  readonly ageMs: number;
}
