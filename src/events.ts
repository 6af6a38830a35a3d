/**
 * The facts that stages report. Logs, metrics, traces and the dashboard listen to them; nothing on the message path
 * depends on who listens. A fact is plain data: no payload, no header values, no error objects. They lie in `events/`, by what they are about; listed here is what others name.
 */
export type { AnswerContent, Content, MessageContent, ResultContent } from './events/contents.ts';
export { createFacts, type Fact, type FactListeners, type Facts, type FactType } from './events/facts.ts';
export type {
  CacheHit,
  CallEnded,
  CallRetried,
  CallStarted,
  Delivered,
  MessageIdentity,
  Published,
  RateLimitWaited,
  Settled,
  SettlementDelayed,
  SettlementKind,
  Stage,
} from './events/message.ts';
export type {
  BreakerChanged,
  ConnectionChanged,
  IntakeChanged,
  LimitChanged,
  QueuesMeasured,
  RequestAnswered,
  SagaMoved,
  WorkerMoved,
} from './events/worker.ts';
