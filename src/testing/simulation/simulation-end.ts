/** What has become of everything once a simulated world has drained and stopped: what laws of authors look at. */
import type { JournalRecord } from '../../journal/journal.ts';
import type { Headers } from '../../message/delivery.ts';

export interface EndedMessage {
  readonly pipeline: string;
  readonly messageId: string;
  /** As the message maker made it. */
  readonly body: unknown;
  /** How often the publisher published it. */
  readonly published: number;
  /** Deliveries that were acked when their handle had completed. More than were published only where twice is possible. */
  readonly done: number;
  readonly deadLettered: number;
}

/** A message that left: in an exchange the pipelines publish to, or in a dead-letter queue. */
export interface OutcomeMessage {
  readonly exchange: string;
  readonly routingKey: string;
  readonly messageId: string | undefined;
  readonly correlationId: string | undefined;
  readonly headers: Headers;
  /** JSON parsed, undefined where it is none. */
  readonly body: unknown;
}

export interface Effect {
  readonly api: string;
  readonly operation: string;
  readonly at: number;
  /** Of the message that caused it. */
  readonly correlationId: string;
  /** Of the request: JSON parsed. */
  readonly body: unknown;
  /** What was answered. */
  readonly answer: unknown;
}

export interface EndedSaga {
  readonly saga: string;
  readonly sagaId: string;
  readonly records: readonly JournalRecord[];
  /** Undefined for one that stands where it stood: its message is among the dead letters. */
  readonly end: 'completed' | 'undone' | 'abandoned' | undefined;
}

export interface SimulationEnd {
  readonly messages: readonly EndedMessage[];
  readonly results: readonly OutcomeMessage[];
  readonly deadLetters: readonly OutcomeMessage[];
  /** In the order they happened; refused and repeated requests have none. */
  readonly effects: readonly Effect[];
  readonly sagas: readonly EndedSaga[];
}
