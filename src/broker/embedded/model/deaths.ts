/** The record a broker keeps of the deaths of a message. Beside its headers, which anybody may have written. */

export type DeadLetterReason = 'rejected' | 'expired' | 'maxlen' | 'delivery_limit';

export interface Death {
  readonly queue: string;
  readonly reason: DeadLetterReason;
  readonly atMs: number;
}

/** A queue and a reason for which a message died there, once or more often. */
export interface DeathEntry extends Death {
  /** When it died so first. */
  readonly atMs: number;
  readonly count: number;
  readonly exchange: string;
  readonly routingKeys: readonly string[];
  readonly originalExpiration: string | undefined;
}

export interface Deaths {
  readonly first: DeathEntry;
  /** Newest event first; never empty. */
  readonly entries: readonly [DeathEntry, ...DeathEntry[]];
}
