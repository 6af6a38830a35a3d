/** Facts about the worker, its parts and what it speaks to. */
import type { MessageIdentity } from './message.ts';

/** What may not be known. */
type Unsure<T> = { readonly [Name in keyof T]?: T[Name] | undefined };

interface WorkerFact {
  readonly at: number;
}

/** The connection to the broker changed. */
export interface ConnectionChanged extends WorkerFact {
  readonly type: 'connectionChanged';
  readonly state: 'connecting' | 'connected' | 'blocked' | 'lost' | 'closed';
  readonly reason?: string;
}

/** A pipeline began or ceased to take messages from its queue. */
export interface IntakeChanged extends WorkerFact {
  readonly type: 'intakeChanged';
  readonly pipeline: string;
  readonly state: 'consuming' | 'paused' | 'stopped';
  readonly reason?: string;
  /** Of `consuming`: the unsettled deliveries the broker may have out. A new one is told as another `consuming`. */
  readonly prefetch?: number;
}

/** A worker had more than its share of a source's partitions, and leaves one to the next in line, as soon as what it has of it is settled. */
export interface PartitionHandedOver extends WorkerFact {
  readonly type: 'partitionHandedOver';
  readonly pipeline: string;
  readonly queue: string;
  /** Workers that consume the partitions, this one included. */
  readonly workers: number;
}

/** A source that feeds its queue has put messages there: a firing, rows of an outbox. */
export interface Fed extends WorkerFact {
  readonly type: 'fed';
  readonly pipeline: string;
  readonly messages: number;
}

/** A source cannot feed its queue now, and tries again: what is in the queue is handled meanwhile. */
export interface FeedingDelayed extends WorkerFact {
  readonly type: 'feedingDelayed';
  readonly pipeline: string;
  readonly code: string;
  readonly reason: string;
  readonly nextDelayMs: number;
}

/** The circuit breaker of an API changed: `open` fails calls at once, `half-open` lets probes through, `isolated` is held open by hand. */
export interface BreakerChanged extends WorkerFact {
  readonly type: 'breakerChanged';
  readonly api: string;
  readonly state: 'closed' | 'open' | 'half-open' | 'isolated';
  readonly reason: string;
  /** Of `open`: the moment of the first probe, in milliseconds of the RxJS clock. */
  readonly retryAt?: number;
}

/**
 * The store of a rate limit that workers share went away, or is back. `local`: until it is back this worker keeps to its own share of
 * the limit.
 */
export interface RateLimitSharingChanged extends WorkerFact {
  readonly type: 'rateLimitSharingChanged';
  readonly api: string;
  readonly state: 'local' | 'shared';
  /** Of `local`: why the store cannot be asked. */
  readonly reason?: string;
}

/**
 * A move of a saga is written down: begun, done, decided, ended. `stuck` needs somebody to look. It names the message that runs the saga; where
 * no pipeline does, there is none.
 */
export interface SagaMoved extends WorkerFact, Unsure<MessageIdentity> {
  readonly type: 'sagaMoved';
  readonly saga: string;
  readonly sagaId: string;
  /** Kind of the journal's record: `stepDone`, `stuck`, `completed` … */
  readonly move: string;
  readonly step?: string | undefined;
  /** Error code of what failed: a step, a compensation, the saga. */
  readonly code?: string | undefined;
  /** The same in words. */
  readonly reason?: string | undefined;
}

/** The journal's store went away, or is back: while it is away, messages that need it wait. */
export interface JournalChanged extends WorkerFact {
  readonly type: 'journalChanged';
  readonly state: 'available' | 'unavailable';
  /** Of `unavailable`: what the store said. */
  readonly reason?: string;
}

/** The journal was asked: to open an entry, or to store a record. */
export interface JournalAsked extends WorkerFact {
  readonly type: 'journalAsked';
  /** What the entry is for: a saga, a message's key, a firing. */
  readonly space: string;
  /** Of the saga, the pipeline, the schedule. */
  readonly name: string;
  readonly asked: 'open' | 'append';
  /** Of `append`: the kind of the record. */
  readonly record?: string;
  /** False when it could not be done: held by another owner, fenced, away. */
  readonly isDone: boolean;
  readonly durationMs: number;
}

/** Entries of the journal whose time was over were forgotten. */
export interface JournalCompacted extends WorkerFact {
  readonly type: 'journalCompacted';
  readonly forgotten: number;
}

/** What the journal holds, by what it is for, whose it is, and the kind of the last record: a saga whose last is `stuck` is stuck. */
export interface JournalCounted extends WorkerFact {
  readonly type: 'journalCounted';
  readonly counts: readonly {
    readonly space: string;
    readonly name: string;
    readonly lastKind: string;
    readonly entries: number;
  }[];
}

/** How much lay in the queues of the pipelines and among their dead letters; one that is not told could not be looked at. */
export interface QueuesMeasured extends WorkerFact {
  readonly type: 'queuesMeasured';
  readonly queues: readonly {
    readonly queue: string;
    /** Ready: those in flight are not among them. */
    readonly messages: number;
    readonly consumers: number;
  }[];
}

/** The concurrency of an API followed what was measured. */
export interface LimitChanged extends WorkerFact {
  readonly type: 'limitChanged';
  readonly api: string;
  /** Calls that may be in flight from now on. */
  readonly limit: number;
}

/** One turn of the event loop took so long, and has ended: meanwhile nothing else happened in this process. */
export interface EventLoopBlocked extends WorkerFact {
  readonly type: 'eventLoopBlocked';
  readonly blockedMs: number;
}

/** A client of the front door was answered, or left before he was. */
export interface RequestAnswered extends WorkerFact {
  readonly type: 'requestAnswered';
  /** Whose ingress he asked; empty for what is no message of one: another path or method, the state of a message, what is no HTTP. */
  readonly pipeline: string;
  /** Of the answer; 499 for who left. */
  readonly status: number;
  /** From the end of its head to its answer. */
  readonly durationMs: number;
}

/** The worker moved on: starting, running, draining, stopped. */
export interface WorkerMoved extends WorkerFact {
  readonly type: 'workerMoved';
  readonly state: 'starting' | 'running' | 'draining' | 'stopped';
}
