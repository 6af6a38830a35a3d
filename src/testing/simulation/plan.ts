/** What is planned for a world before it begins: which messages come when, and what goes wrong when. Plain data, drawn from a seed. */

/** Several messages for one pipeline, one after the other. */
export interface Burst {
  readonly at: number;
  /** Index of the pipeline. */
  readonly pipeline: number;
  readonly count: number;
  readonly everyMs: number;
  /** Publishes each message a second time so long after the first, under the same id, as a publisher does that heard no confirm. */
  readonly againAfterMs: number | undefined;
}

/** A place in a worker's doings where a crash or a pause may strike. */
export const STEPS = [
  'now',
  'delivered',
  'beforeCall',
  'afterAnswer',
  'beforeRecord',
  'afterRecord',
  'beforePublish',
  'afterPublish',
  'afterConfirm',
  'beforeAck',
  'afterAck',
] as const;

export type Step = (typeof STEPS)[number];

export type PlannedFault =
  /** The worker is gone in that instant, and comes back. With a step other than `now`, when it next comes there. */
  | {
      readonly kind: 'crash';
      readonly at: number;
      readonly worker: number;
      readonly step: Step;
      readonly downMs: number;
    }
  /** An orderly stop and a start: a deployment. */
  | { readonly kind: 'restart'; readonly at: number; readonly worker: number; readonly downMs: number }
  | { readonly kind: 'cut'; readonly at: number; readonly worker: number }
  /** The line stands still, and nobody notices before it moves again, or is found dead. */
  | {
      readonly kind: 'freeze';
      readonly at: number;
      readonly worker: number;
      readonly direction: 'up' | 'down' | 'both';
      readonly forMs: number;
      readonly isCutAfter: boolean;
    }
  /** The process stands still, as by SIGSTOP, and wakes; meanwhile the broker finds it dead, where that takes long enough. */
  | {
      readonly kind: 'pause';
      readonly at: number;
      readonly worker: number;
      readonly step: Step;
      readonly forMs: number;
      readonly foundDeadAfterMs: number;
    }
  | { readonly kind: 'brokerRestart'; readonly at: number; readonly downMs: number }
  | { readonly kind: 'lostConfirms'; readonly at: number; readonly forMs: number; readonly areLost: boolean }
  | { readonly kind: 'nackedConfirms'; readonly at: number; readonly count: number }
  | { readonly kind: 'memoryAlarm'; readonly at: number; readonly forMs: number }
  | { readonly kind: 'cancelledConsumers'; readonly at: number; readonly pipeline: number }
  | {
      readonly kind: 'apiOutage';
      readonly at: number;
      readonly api: number;
      readonly forMs: number;
      readonly how: 'refused' | 'unavailable' | 'silent';
    }
  | {
      readonly kind: 'slowApi';
      readonly at: number;
      readonly api: number;
      readonly forMs: number;
      readonly factor: number;
    }
  | {
      readonly kind: 'tooManyRequests';
      readonly at: number;
      readonly api: number;
      readonly forMs: number;
      readonly retryAfterSeconds: number | undefined;
    }
  | { readonly kind: 'lostAnswers'; readonly at: number; readonly api: number; readonly forMs: number }
  | { readonly kind: 'journalDown'; readonly at: number; readonly forMs: number; readonly storesAnyway: boolean }
  | { readonly kind: 'slowJournal'; readonly at: number; readonly forMs: number; readonly latencyMs: number }
  /** The last record of an entry is stored torn, and its writer hears nothing; as many times. */
  | { readonly kind: 'tornRecords'; readonly at: number; readonly count: number }
  /** The wall clock, which is RxJS's, of the whole world: there is but one in a process. Timers go on as they were. */
  | { readonly kind: 'clockJump'; readonly at: number; readonly byMs: number };

export type FaultKind = PlannedFault['kind'];

export interface Plan {
  /** For what is not planned: latencies, jitter, answers. */
  readonly chance: number;
  readonly bursts: readonly Burst[];
  readonly faults: readonly PlannedFault[];
}

/** Every kind, as a table so that none is forgotten. */
const EVERY_KIND: Readonly<Record<FaultKind, true>> = {
  crash: true,
  restart: true,
  cut: true,
  freeze: true,
  pause: true,
  brokerRestart: true,
  lostConfirms: true,
  nackedConfirms: true,
  memoryAlarm: true,
  cancelledConsumers: true,
  apiOutage: true,
  slowApi: true,
  tooManyRequests: true,
  lostAnswers: true,
  journalDown: true,
  slowJournal: true,
  tornRecords: true,
  clockJump: true,
};

export const FAULT_KINDS = Object.keys(EVERY_KIND) as readonly FaultKind[];
