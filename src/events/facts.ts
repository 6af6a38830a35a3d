/** Where stages report facts to, and listeners hear them. */
import { Observable, Subscription, throwError } from 'rxjs';
import { type Contents, createContents } from './contents.ts';
import type {
  CacheHit,
  CallEnded,
  CallRetried,
  CallStarted,
  Delivered,
  DeliveryOverdue,
  Published,
  RateLimitWaited,
  Settled,
  SettlementDelayed,
  SlotTaken,
} from './message.ts';
import type {
  BreakerChanged,
  ConnectionChanged,
  EventLoopBlocked,
  Fed,
  FeedingDelayed,
  IntakeChanged,
  JournalAsked,
  JournalChanged,
  JournalCompacted,
  JournalCounted,
  LimitChanged,
  PartitionHandedOver,
  QueuesMeasured,
  RateLimitSharingChanged,
  RequestAnswered,
  SagaMoved,
  WorkerMoved,
} from './worker.ts';

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
