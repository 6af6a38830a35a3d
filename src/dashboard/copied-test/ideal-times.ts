/**
 * When things would have happened in virtual time: what follows from something follows at once, answers take as long as they took, pauses are
 * those of the test's randomness. What a busy machine added in between is left out. Pure.
 */
import type { CallEnded, CallRetried, CallStarted, Fact } from '../../events.ts';
import { exponentialBackoff } from '../../policies/backoff.ts';
import type { PipelineShape } from '../wire.ts';
import { tidy } from './marble-row.ts';

/** The test's randomness: half of each pause's ceiling. */
export const RANDOM = 0.5;

/** An attempt of a call with its moments, in milliseconds from the delivery. */
export interface IdealAttempt {
  readonly started: CallStarted;
  readonly ended: CallEnded;
  /** Which it was among all that began. */
  readonly place: number;
  readonly startAt: number;
  readonly endAt: number;
}

export interface IdealTimes {
  readonly attempts: readonly IdealAttempt[];
  /** When the handle was over. */
  readonly endAt: number;
  /** Pauses that no fact explains. */
  readonly unexplained: readonly { readonly before: string; readonly ms: number }[];
}

/** Longer than what a busy machine adds. */
const PAUSE_MS = 60;
/** By how much a timer may come late. */
const LATE_MS = 50;
/** People write times in round numbers. */
const ROUND_MS = 100;

/** `retryAfterMs` of an answer, by call and attempt. */
export function idealTimes(
  facts: readonly Fact[],
  shape: PipelineShape,
  retryAfterMs: (ended: CallEnded) => number,
): IdealTimes {
  const open = new Map<string, Pick<IdealAttempt, 'started' | 'startAt' | 'place'>>();
  const due = new Map<number, number>();
  const attempts: IdealAttempt[] = [];
  const unexplained: { before: string; ms: number }[] = [];
  let now = 0;
  let lastAt = facts[0]?.at ?? 0;
  /** Calls that began at this moment: as many marks have to fit before the next one. */
  let begun = 0;
  let places = 0;
  let lastEnded: CallEnded | undefined;

  const moveTo = (at: number): void => {
    if (at <= now) return;
    now = tidy(Math.max(at, now + (begun > 1 ? begun + 2 : 1)));
    begun = 0;
  };
  const start = (started: CallStarted): void => {
    const dueAt = started.attempt > 1 ? due.get(started.callId) : undefined;
    if (dueAt !== undefined) moveTo(dueAt);
    else if (started.at - lastAt > PAUSE_MS)
      unexplained.push({ before: `${started.api} ${started.operation}`, ms: started.at - lastAt });
    begun++;
    open.set(keyOf(started), { started, startAt: now, place: places++ });
  };
  const end = (ended: CallEnded): void => {
    const begin = open.get(keyOf(ended));
    if (begin === undefined) return;
    open.delete(keyOf(ended));
    const isAlong = ended.outcome === 'aborted' && lastEnded !== undefined && ended.at - lastEnded.at <= 1;
    if (!isAlong) moveTo(Math.max(begin.startAt + lengthOf(ended, shape), lastEnded === undefined ? 0 : now + 1));
    attempts.push({ ...begin, ended, endAt: now });
    lastEnded = ended;
  };
  const pause = (retried: CallRetried): void => {
    if (lastEnded === undefined) return;
    due.set(retried.callId, now + Math.max(pauseOf(retried, shape), retryAfterMs(lastEnded)));
  };

  for (const fact of facts) {
    if (fact.type === 'callStarted') start(fact);
    else if (fact.type === 'callEnded') end(fact);
    else if (fact.type === 'callRetried') pause(fact);
    if (fact.type === 'callEnded' || fact.type === 'slotTaken' || fact.type === 'delivered') lastAt = fact.at;
  }
  // In the order they began, also within one moment.
  return { attempts: attempts.sort((one, other) => one.place - other.place), endAt: now, unexplained };
}

/** How long an attempt takes in the test: timers come in time. */
function lengthOf({ api, outcome, code, durationMs }: CallEnded, shape: PipelineShape): number {
  const timeoutMs = shape.apis.find(({ name }) => name === api)?.timeoutMs;
  if (code === 'ERR_CALL_TIMEOUT' && timeoutMs !== undefined && Math.abs(durationMs - timeoutMs) <= LATE_MS)
    return timeoutMs;
  const round = Math.floor(durationMs / ROUND_MS) * ROUND_MS;
  const isTimer = outcome === 'aborted' || code === 'ERR_CALL_TIMEOUT';
  return isTimer && round > 0 && durationMs - round <= LATE_MS ? round : Math.max(1, Math.round(durationMs));
}

function pauseOf({ api, attempt, nextDelayMs }: CallRetried, shape: PipelineShape): number {
  const backoff = shape.apis.find(({ name }) => name === api)?.backoff;
  return backoff === undefined ? nextDelayMs : exponentialBackoff(backoff, () => RANDOM)(attempt);
}

const keyOf = ({ callId, attempt }: { readonly callId: number; readonly attempt: number }): string =>
  `${callId} ${attempt}`;
