/**
 * What the worker tells a browser: types alone, known to both sides. Times are milliseconds of the worker's clock.
 * Everything in it that came from outside is text to be shown, never markup.
 */
import type { Fact, Settled, SettlementKind, WorkerMoved } from '../events.ts';

export type Level = 'broken' | 'degraded' | 'noteworthy' | 'healthy' | 'idle';

/** How a pipeline is, in one sentence that names cause, number and effect. */
export interface Health {
  readonly level: Level;
  readonly sentence: string;
}

/** An API as a pipeline declares it. */
export interface ApiShape {
  readonly name: string;
  /** The name its handle knows it by. */
  readonly key: string;
  /** Whether the pipeline takes no messages while its breaker is open. */
  readonly isNeeded: boolean;
  readonly timeoutMs: number;
  /** Calls that may run at once; what it begins with, where that follows what is measured. */
  readonly limit: number;
  readonly backoff: { readonly initialMs: number; readonly maxMs: number; readonly jitter: 'none' | 'full' | 'equal' };
}

/** A pipeline as it is declared: what the graph is drawn of. */
export interface PipelineShape {
  readonly name: string;
  readonly queue: string;
  /** Queues its messages wait in: that one, or its partitions. */
  readonly workQueues: readonly string[];
  readonly bindings: readonly { readonly exchange: string; readonly key: string }[];
  readonly delays: readonly { readonly queue: string; readonly delayMs: number }[];
  readonly deadLetters: string;
  readonly concurrency: number;
  readonly prefetch: number;
  readonly publishes: readonly string[];
  readonly apis: readonly ApiShape[];
}

export interface Counts {
  readonly delivered: number;
  readonly acked: number;
  readonly retried: number;
  readonly deadLettered: number;
  readonly returned: number;
  readonly inFlight: number;
}

/** Why messages failed lately, the most frequent first. */
export interface Trouble {
  readonly settlement: SettlementKind;
  readonly code: string;
  readonly stage: string | undefined;
  /** The latest reason with this code. */
  readonly reason: string;
  readonly count: number;
  readonly lastAt: number;
}

/** What lies in a pipeline's queues, as it was looked at last; undefined where that is not known. */
export interface Waiting {
  /** In its queue, ready. */
  readonly messages: number | undefined;
  readonly deadLetters: number | undefined;
  /** From publish to delivery, of the message that came in last, where its publisher said when; in milliseconds. */
  readonly ageMs: number | undefined;
}

/** What became of messages in the last minute. */
export type MinuteCounts = Omit<Counts, 'inFlight'>;

/** Messages that are through, and whose settlement waits for what it has to publish first. */
export interface Unsettled {
  readonly messages: number;
  /** What the broker said of the latest. */
  readonly reason: string | undefined;
}

export interface PipelineView {
  readonly shape: PipelineShape;
  readonly health: Health;
  readonly counts: Counts;
  readonly minute: MinuteCounts;
  readonly waiting: Waiting;
  readonly unsettled: Unsettled;
  /** Per second, over the last 5 s. */
  readonly inRate: number;
  readonly outRate: number;
  readonly publishRate: number;
  readonly retryRate: number;
  readonly deadLetterRate: number;
  /** Over the last minute. */
  readonly retriesPerMinute: number;
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  /** Deliveries of each of the last 60 s, the latest last. */
  readonly spark: readonly number[];
  readonly intake: {
    readonly state: string;
    readonly reason: string | undefined;
    readonly prefetch: number | undefined;
  };
  readonly troubles: readonly Trouble[];
  /** Exchanges that results went to. */
  readonly exchanges: readonly string[];
  readonly calls: readonly CallView[];
}

/** The calls a pipeline makes of one API. */
export interface CallView {
  readonly api: string;
  readonly rate: number;
  readonly failedRate: number;
  readonly running: number;
}

export interface ApiView {
  readonly name: string;
  readonly breaker: 'closed' | 'open' | 'half-open' | 'isolated';
  readonly breakerReason: string | undefined;
  readonly retryAt: number | undefined;
  /** Calls that may run at once. */
  readonly limit: number | undefined;
  readonly running: number;
  readonly calls: number;
  readonly failed: number;
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  /** Calls of the last minute that waited for the rate limit, and the longest wait among them. */
  readonly waits: number;
  readonly longestWaitMs: number;
}

/** What the journal holds: by what it is for, whose it is, and the kind of the last record. */
export interface JournalView {
  readonly isAvailable: boolean;
  readonly reason: string | undefined;
  readonly counts: readonly {
    readonly space: string;
    readonly name: string;
    readonly lastKind: string;
    readonly entries: number;
  }[];
}

export interface WorkerView {
  readonly journal: JournalView;
  readonly state: WorkerMoved['state'];
  readonly broker: { readonly state: string; readonly reason: string | undefined };
  readonly startedAt: number;
}

/**
 * 100 ms of a pipeline. `values`: delivered, acked, retried, dead-lettered, returned, published, in flight at its end, ms waited for rate
 * limits; then for each API of the shape: started, failed, running at its end.
 */
export interface BinRow {
  /** Its number: milliseconds since 1970 divided by 100. */
  readonly bin: number;
  readonly values: readonly number[];
}

/** A fact that is drawn. `seq` grows by at least one from each to the next. */
export interface DrawnFact {
  readonly seq: number;
  readonly fact: Fact;
}

/** One message of the event stream. */
export interface Frame {
  /** What is asked for after a reconnect. */
  readonly seq: number;
  readonly at: number;
  /** Whether all the browser knew before is to be forgotten: the worker began anew, or the browser lagged too far behind. */
  readonly isFresh: boolean;
  readonly events: readonly DrawnFact[];
  readonly bins: Readonly<Record<string, readonly BinRow[]>>;
  /** About once a second, and in every first frame. */
  readonly worker?: WorkerView;
  readonly pipelines?: readonly PipelineView[];
  readonly apis?: readonly ApiView[];
  /** Messages whose story can be asked for, the latest first. */
  readonly recent?: readonly RecentMessage[];
  /** With the views, while one is under way. */
  readonly replay?: ReplayUnderWay | undefined;
}

export interface RecentMessage {
  readonly key: string;
  readonly pipeline: string;
  readonly messageId: string;
  readonly at: number;
  readonly settlement: SettlementKind;
  readonly durationMs: number;
  readonly code: string | undefined;
  readonly attempt: number;
}

/** A body or a header as it may be shown. */
export interface Shown {
  readonly text: string;
  /** Whether values in it are masked. */
  readonly isMasked: boolean;
  readonly bytes: number;
}

/** One message's whole story. */
export interface Story {
  readonly key: string;
  readonly pipeline: string;
  readonly messageId: string;
  readonly correlationId: string;
  readonly traceId: string;
  readonly facts: readonly Fact[];
  readonly settled: Settled | undefined;
  /** Whether something of it was not kept: what came before its first failure, or what is above a bound. */
  readonly isPartial: boolean;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  readonly body: Shown | undefined;
  readonly results: readonly { readonly exchange: string; readonly routingKey: string; readonly body: Shown }[];
  readonly test: MarbleTest;
}

/** A message's story as a marble test, or why there is none. */
export type MarbleTest =
  | {
      readonly isPossible: true;
      readonly text: string;
      /** What a reader has to fill in or look at before it passes; empty where it passes as it is. */
      readonly notes: readonly string[];
    }
  | { readonly isPossible: false; readonly why: string };

export interface LetterGroup {
  readonly pipeline: string;
  readonly queue: string;
  readonly code: string;
  readonly stage: string;
  readonly fingerprint: string;
  readonly letters: number;
  readonly message: string;
  readonly oldestAt: number | undefined;
  readonly newestAt: number | undefined;
}

export interface LetterList {
  readonly at: number;
  readonly letters: number;
  readonly groups: readonly LetterGroup[];
  /** Queues that could not be looked through to their end, and why. */
  readonly gaps: readonly string[];
}

export interface LetterView {
  readonly id: string;
  readonly correlationId: string;
  readonly code: string;
  readonly stage: string;
  readonly message: string;
  readonly attempts: number | undefined;
  readonly firstFailedAt: number | undefined;
  readonly lastFailedAt: number | undefined;
  readonly retries: number;
  readonly bytes: number;
  readonly body: Shown;
}

/** What today's code would make of letters, without calling an API. */
export interface DryRun {
  readonly letters: number;
  /** Handled to the end, or up to a first call. */
  readonly accepted: number;
  readonly refused: number;
  readonly triedAgainLater: number;
  readonly notKnown: number;
  readonly details: readonly { readonly text: string; readonly letters: number }[];
}

export interface Replay {
  readonly matched: number;
  readonly replayed: number;
  readonly inDoubt: number;
  readonly unsendable: number;
  readonly failure: string | undefined;
}

/** A replay that is not over: one is at a time. */
export interface ReplayUnderWay {
  readonly queue: string;
  readonly fingerprint: string;
  readonly perSecond: number;
  /** Letters of its queue when it began; 0 until that is known. */
  readonly letters: number;
  readonly looked: number;
  readonly replayed: number;
}

/** Which sagas: those that go on or wait, those that need somebody to look, those that have ended. */
export type SagaSelection = 'unended' | 'stuck' | 'ended' | 'all';

export type SagaStands = 'running' | 'waiting' | 'stuck' | 'completed' | 'undone' | 'abandoned';

export interface SagaRow {
  readonly saga: string;
  readonly id: string;
  readonly stands: SagaStands;
  readonly beganAt: number;
  readonly changedAt: number;
  readonly records: number;
}

export interface SagaList {
  readonly at: number;
  readonly sagas: readonly SagaRow[];
  /** Whether there are more. */
  readonly isCut: boolean;
}

export interface SagaStory extends SagaRow {
  /** Undefined while nobody works on it. */
  readonly heldBy: string | undefined;
  /** What is written of it, without what its steps gave. */
  readonly lines: readonly {
    readonly seq: number;
    /** Undefined where the record is not what was written. */
    readonly at: number | undefined;
    readonly kind: string | undefined;
    readonly text: string;
  }[];
}

/** What came of an action on a saga, in one sentence. */
export interface SagaDone {
  readonly isDone: boolean;
  readonly text: string;
}
