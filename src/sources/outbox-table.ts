/** What a relay needs of an outbox table: to be woken, to hold a lane of rows, to say which were sent. */
import type { Observable } from 'rxjs';

export interface OutboxRow {
  /** A bigint, as text. */
  readonly id: string;
  readonly messageId: string;
  readonly key: string | null;
  /** JSON, as it was written. */
  readonly body: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly correlationId: string | null;
}

/** Rows of a lane, by their ids. */
export interface SettledRows {
  readonly sent: readonly string[];
  /** Their bodies are nowhere else. */
  readonly kept: readonly string[];
}

/** Rows of one lane, the oldest first; nobody else has any of that lane. */
export interface OutboxLane {
  readonly rows: readonly OutboxRow[];
  /**
   * Cold. Marks or deletes the rows that were sent, keeps those that no broker takes without relaying them again, and gives the lane back;
   * completes when that is committed.
   */
  settle(ids: SettledRows): Observable<never>;
}

export interface OutboxTable {
  /** Emits when rows have come, if the database tells. Hot; fails when the connection is lost. */
  readonly arrivals: Observable<unknown>;
  /**
   * Cold. Emits a lane that has rows and nobody holds, with its oldest; completes without one where there is none. Unsubscribing before
   * `settle` has completed gives the lane back as it was.
   */
  takeLane(maxRows: number): Observable<OutboxLane>;
}

/** Cold. Opens the table, mirrors what `use` makes of it, and closes it when that is over. Fails with OutboxUnavailableError. */
export type OpenOutbox = <T>(use: (table: OutboxTable) => Observable<T>) => Observable<T>;
