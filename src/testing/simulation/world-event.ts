/**
 * What happens in a simulated world, in the order in which it does: what laws look at and timelines are drawn from.
 * Seen from outside of the engine, at its edges; what the engine itself reports is among it as `fact`.
 */
import type { Fact } from '../../events.ts';
import type { JournalRecord } from '../../journal/journal.ts';
import type { LedgerCounts } from '../../pipeline/ledger.ts';

/** One run of a worker process, from its start to its end. The same object for all of its events. */
export interface LifeRef {
  /** Which of the workers, from 0. */
  readonly worker: number;
  /** Which of its lives, from 1. */
  readonly life: number;
}

/** What a message on its way out is: an output of a handle, or a copy of what came in. */
export type OutgoingKind = 'result' | 'retry' | 'deadLetter';

interface AboutMessage {
  readonly pipeline: string;
  readonly messageId: string;
}

interface AboutDelivery extends AboutMessage {
  readonly life: LifeRef;
  /** Names the delivery: unique in the world. */
  readonly delivery: number;
}

interface AboutOutgoing {
  readonly life: LifeRef;
  readonly what: OutgoingKind;
  /** Of a copy: whose message it is. */
  readonly pipeline: string | undefined;
  readonly messageId: string;
  /** The message with where it goes: a result is the same whoever publishes it again. */
  readonly address: string;
  readonly correlationId: string | undefined;
}

interface AboutCall {
  readonly life: LifeRef;
  readonly api: string;
  /** `POST /charge`: as the answers are named, or method and path. */
  readonly operation: string;
  /** Names the request: unique in the world. */
  readonly request: number;
  readonly correlationId: string;
}

export type WorldEventBody =
  | (AboutMessage & { readonly kind: 'published'; readonly isAgain: boolean })
  | (AboutDelivery & {
      readonly kind: 'delivered';
      /** How many the consumer it came to has out now. */
      readonly out: number;
      /** Unsettled of the pipeline in this life, over all consumers it has had. */
      readonly inFlight: number;
      /** What the pipeline keeps messages in order by, where it does and the message can be read. */
      readonly orderKey: string | undefined;
    })
  | (AboutDelivery & {
      readonly kind: 'settled';
      readonly how: 'ack' | 'requeue';
      /** What the adapter said to it. */
      readonly result: 'sent' | 'late' | 'repeated';
    })
  /** A settlement that was on its way when the line went: the broker never heard of it. */
  | (AboutDelivery & { readonly kind: 'settlementLost' })
  | (AboutMessage & { readonly kind: 'handleStarted'; readonly life: LifeRef; readonly running: number })
  | (AboutMessage & {
      readonly kind: 'handleEnded';
      readonly life: LifeRef;
      readonly outcome: 'completed' | 'failed' | 'dropped';
      /** Addresses of the results it asks to be published, once it has completed. */
      readonly promised: readonly string[];
    })
  | (AboutOutgoing & { readonly kind: 'sent' })
  | (AboutOutgoing & { readonly kind: 'confirmed' })
  | (AboutOutgoing & { readonly kind: 'unconfirmed'; readonly why: string })
  | (AboutCall & { readonly kind: 'called'; readonly inFlight: number })
  | (AboutCall & { readonly kind: 'answered'; readonly how: number | 'broken' | 'aborted'; readonly inFlight: number })
  | {
      readonly kind: 'effect';
      readonly api: string;
      readonly operation: string;
      readonly correlationId: string;
      readonly key: string | undefined;
      /** Names what was asked for, keys aside: operation, path and body. */
      readonly identity: string;
    }
  | {
      readonly kind: 'recorded';
      readonly life: LifeRef;
      readonly saga: string;
      readonly sagaId: string;
      readonly record: JournalRecord;
    }
  | { readonly kind: 'fact'; readonly life: LifeRef; readonly fact: Fact }
  | { readonly kind: 'fault'; readonly fault: string; readonly text: string }
  | { readonly kind: 'lifeBegan' | 'lifeCrashed' | 'lifePaused' | 'lifeWoke'; readonly life: LifeRef }
  /** What a worker asked of the journal after another had taken its entry over. */
  | { readonly kind: 'fenced'; readonly life: LifeRef; readonly saga: string; readonly sagaId: string }
  | {
      readonly kind: 'lifeStopped';
      readonly life: LifeRef;
      readonly isBalanced: boolean;
      readonly inFlight: number;
    }
  /** A look at the books of one of its pipelines. */
  | { readonly kind: 'books'; readonly life: LifeRef; readonly pipeline: string; readonly counts: LedgerCounts }
  /** An error nobody caught, or that the engine calls one. */
  | { readonly kind: 'unhandled'; readonly error: unknown }
  | { readonly kind: 'healed' };

export type WorldEvent = WorldEventBody & {
  /** Milliseconds since the world began, of the one clock that does not jump. */
  readonly at: number;
};

export type EventKind = WorldEvent['kind'];
export type EventOf<Kind extends EventKind> = Extract<WorldEvent, { readonly kind: Kind }>;
