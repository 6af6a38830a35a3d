/** Which fields of a fact a log line shows: those on this list and no others, whatever a fact comes to hold. */
import type { Fact } from '../events.ts';

type Fields<Type extends Fact['type']> = Exclude<keyof Extract<Fact, { readonly type: Type }>, 'type' | 'at'>;

const MESSAGE = ['pipeline', 'messageId', 'correlationId', 'traceId'] as const;
const CALL = [...MESSAGE, 'api', 'operation', 'callId'] as const;

const SHOWN: { readonly [Type in Fact['type']]: readonly Fields<Type>[] } = {
  delivered: [...MESSAGE, 'queue', 'redelivered', 'bytes'],
  slotTaken: [...MESSAGE, 'waitedMs'],
  callStarted: CALL,
  callEnded: [...CALL, 'outcome', 'status', 'code', 'durationMs'],
  callRetried: [...CALL, 'nextDelayMs', 'code', 'reason'],
  rateLimitWaited: [...CALL, 'waitedMs'],
  cacheHit: [...MESSAGE, 'api', 'operation', 'use'],
  published: [...MESSAGE, 'exchange', 'routingKey', 'confirmedMs'],
  settled: [...MESSAGE, 'settlement', 'late', 'durationMs', 'code', 'reason', 'stage', 'place', 'delayMs'],
  settlementDelayed: [...MESSAGE, 'settlement', 'code', 'reason', 'nextDelayMs'],
  deliveryOverdue: [...MESSAGE, 'stage', 'ageMs'],
  connectionChanged: ['state', 'reason'],
  intakeChanged: ['pipeline', 'state', 'reason', 'prefetch'],
  partitionHandedOver: ['pipeline', 'queue', 'workers'],
  fed: ['pipeline', 'messages'],
  feedingDelayed: ['pipeline', 'code', 'reason', 'nextDelayMs'],
  breakerChanged: ['api', 'state', 'reason', 'retryAt'],
  rateLimitSharingChanged: ['api', 'state', 'reason'],
  sagaMoved: [...MESSAGE, 'saga', 'sagaId', 'move', 'step', 'code', 'reason'],
  eventLoopBlocked: ['blockedMs'],
  journalChanged: ['state', 'reason'],
  journalAsked: ['space', 'name', 'asked', 'record', 'isDone', 'durationMs'],
  journalCompacted: ['forgotten'],
  journalCounted: ['counts'],
  queuesMeasured: ['queues'],
  limitChanged: ['api', 'limit'],
  requestAnswered: ['pipeline', 'status', 'durationMs'],
  workerMoved: ['state'],
};

/** Pauses are drawn: nobody reads a millionth of a millisecond. */
const whole = (value: unknown): unknown => (typeof value === 'number' ? Math.round(value) : value);

const isoTime = (value: unknown): unknown => (typeof value === 'number' ? new Date(value).toISOString() : value);

/** `attempt` is that of the message; a call's own is `callAttempt`. */
export function fieldsOf(fact: Fact): object {
  const shown: Record<string, unknown> = {};
  for (const name of SHOWN[fact.type]) {
    const value: unknown = Reflect.get(fact, name);
    if (value !== undefined) shown[name] = name === 'retryAt' ? isoTime(value) : whole(value);
  }
  if ('messageAttempt' in fact && fact.messageAttempt !== undefined) shown.attempt = fact.messageAttempt;
  if ('callId' in fact) shown.callAttempt = fact.attempt;
  return shown;
}
