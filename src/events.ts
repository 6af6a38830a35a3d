/**
 * The facts that stages report. Logs, metrics, traces and the dashboard listen to them; nothing on the message path
 * depends on who listens. A fact is plain data: no payload, no header values, no error objects.
 */
import { Observable, Subject, Subscription, throwError } from 'rxjs';

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
  /** Whose ingress he asked. */
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

export type Fact =
  | Delivered
  | SlotTaken
  | CallStarted
  | CallEnded
  | CallRetried
  | RateLimitWaited
  | CacheHit
  | Published
  | Settled
  | SettlementDelayed
  | DeliveryOverdue
  | ConnectionChanged
  | IntakeChanged
  | PartitionHandedOver
  | Fed
  | FeedingDelayed
  | BreakerChanged
  | RateLimitSharingChanged
  | SagaMoved
  | JournalChanged
  | JournalAsked
  | JournalCompacted
  | JournalCounted
  | QueuesMeasured
  | LimitChanged
  | EventLoopBlocked
  | RequestAnswered
  | WorkerMoved;

/** What a message, a result or an answer holds. By reference: whoever keeps it keeps the bytes, and must not change them. */
interface Held {
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Uint8Array;
}

/** Content of a delivery. */
export interface MessageContent extends MessageIdentity, Held {
  readonly type: 'message';
  /** Of AMQP: content type, reply-to and the like. */
  readonly properties: Readonly<Record<string, unknown>>;
}

/** Content of a result, as it leaves for its exchange. */
export interface ResultContent extends MessageIdentity, Held {
  readonly type: 'result';
  readonly exchange: string;
  readonly routingKey: string;
}

/** What an API answered to one attempt of a call, whatever its status. */
export interface AnswerContent extends MessageIdentity, Held {
  readonly type: 'answer';
  readonly callId: number;
  readonly attempt: number;
  readonly status: number;
}

/** What facts leave out. Personal data may be in it: whoever listens decides what of it is ever shown. */
export type Content = MessageContent | ResultContent | AnswerContent;

/** Content, told of the messages that somebody wants to have it of. */
export interface Contents {
  /** Whether anybody listens: building what nobody hears is wasted work. */
  readonly isObserved: boolean;
  report(content: Content): void;
  /** Of all messages. Hot; replays nothing. Listeners must not throw. */
  readonly stream: Observable<Content>;
  /** Whether anybody wants to have content of this message: asked before each is built. */
  isWanted(about: MessageIdentity): boolean;
  /** The content of those messages alone for which `wants` says so at that moment. Hot; `stream` has that of all. */
  of(wants: (about: MessageIdentity) => boolean): Observable<Content>;
}

export type FactType = Fact['type'];

/** What is done about each fact of the kinds it names. Must not throw. */
export type FactListeners = {
  readonly [Type in FactType]?: (fact: Extract<Fact, { readonly type: Type }>) => void;
};

/** Where stages report to, and listeners subscribe. */
export interface Facts {
  /** Whether anybody listens to facts of a kind: building what nobody hears is wasted work. */
  readonly isHeard: Readonly<Record<FactType, boolean>>;
  report(fact: Fact): void;
  /** Tells of facts of the kinds that are named, at once, and of no others, until unsubscribed; of nothing that was before. What a listener throws becomes an unhandled error: neither the others nor who reported see it. */
  listen(listeners: FactListeners): Subscription;
  /** All of them. Hot; replays nothing. Listeners must not throw. */
  readonly stream: Observable<Fact>;
  /** Apart from the facts, so that no listener gets to see content by accident. */
  readonly contents: Contents;
}

interface Listener {
  readonly tell: (fact: Fact) => void;
  hasLeft: boolean;
}
type Each<T> = { [Type in FactType]: T };

const NOT_HEARD: Readonly<Each<false>> = {
  delivered: false,
  slotTaken: false,
  callStarted: false,
  callEnded: false,
  callRetried: false,
  rateLimitWaited: false,
  cacheHit: false,
  published: false,
  settled: false,
  settlementDelayed: false,
  deliveryOverdue: false,
  connectionChanged: false,
  intakeChanged: false,
  partitionHandedOver: false,
  fed: false,
  feedingDelayed: false,
  breakerChanged: false,
  rateLimitSharingChanged: false,
  sagaMoved: false,
  journalChanged: false,
  journalAsked: false,
  journalCompacted: false,
  journalCounted: false,
  queuesMeasured: false,
  limitChanged: false,
  eventLoopBlocked: false,
  requestAnswered: false,
  workerMoved: false,
};
const FACT_TYPES = Object.keys(NOT_HEARD) as readonly FactType[];

/** For each kind of its own, so that a fact costs what those who want it do about it. A list is replaced, never changed: it may be at work. */
export function createFacts(): Facts {
  const isHeard: Each<boolean> = { ...NOT_HEARD };
  const listenersTo: Partial<Each<readonly Listener[]>> = {};
  const hear = (type: FactType, listeners: readonly Listener[]): void => {
    listenersTo[type] = listeners;
    isHeard[type] = listeners.length > 0;
  };
  const listen = (listeners: FactListeners): Subscription => {
    const listening = new Subscription();
    for (const type of FACT_TYPES) {
      const tell = listeners[type] as Listener['tell'] | undefined;
      if (tell === undefined) continue;
      const listener: Listener = { tell, hasLeft: false };
      hear(type, [...(listenersTo[type] ?? []), listener]);
      listening.add(() => {
        listener.hasLeft = true;
        hear(
          type,
          (listenersTo[type] ?? []).filter((other) => other !== listener),
        );
      });
    }
    return listening;
  };
  return {
    isHeard,
    report(fact) {
      const listeners = listenersTo[fact.type];
      if (listeners === undefined) return;
      for (const listener of listeners) {
        if (listener.hasLeft) continue;
        try {
          listener.tell(fact);
        } catch (error) {
          // As RxJS does: told as unhandled, in a turn of its own.
          throwError(() => error).subscribe();
        }
      }
    },
    listen,
    stream: new Observable((hearing) => {
      const tell = (fact: Fact): void => hearing.next(fact);
      return listen(Object.fromEntries(FACT_TYPES.map((type) => [type, tell])));
    }),
    contents: createContents(),
  };
}

function createContents(): Contents {
  const all = new Subject<Content>();
  let choosing: readonly Chooser[] = [];
  const isWanted = (about: MessageIdentity): boolean => {
    if (all.observed) return true;
    for (const one of choosing) if (one.wants(about)) return true;
    return false;
  };
  return {
    get isObserved() {
      return all.observed || choosing.length > 0;
    },
    isWanted,
    report: (content) => {
      all.next(content);
      for (const one of choosing) if (one.wants(content)) one.next(content);
    },
    stream: all.asObservable(),
    of: (wants) =>
      new Observable((listener) => {
        const one = { wants, next: (content: Content) => listener.next(content) };
        choosing = [...choosing, one];
        return () => {
          choosing = choosing.filter((other) => other !== one);
        };
      }),
  };
}

interface Chooser {
  readonly wants: (about: MessageIdentity) => boolean;
  next(content: Content): void;
}
