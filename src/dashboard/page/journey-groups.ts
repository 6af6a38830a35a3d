/** Facts of messages put together again: one group for each delivery, with its calls, results and end. Bounded by age and number. */
import type { CallEnded, Fact, Settled } from '../../events.ts';
import type { DrawnFact } from '../wire.ts';

export interface CallAttempt {
  readonly number: number;
  readonly startAt: number;
  endAt: number | undefined;
  outcome: CallEnded['outcome'] | undefined;
  status: number | undefined;
  code: string | undefined;
}

export interface Call {
  readonly id: number;
  readonly api: string;
  readonly operation: string;
  /** The saga's step it undoes, where it is a compensation. */
  readonly undoes: string | undefined;
  readonly attempts: CallAttempt[];
  /** When the next attempt is due, while it pauses. */
  dueAt: number | undefined;
  /** Where it is drawn: given once, so that nothing jumps. */
  row: number | undefined;
}

export interface Group {
  readonly key: string;
  readonly pipeline: string;
  readonly messageId: string;
  readonly tag: number;
  readonly at: number;
  readonly attempt: number;
  readonly redelivered: boolean;
  /** Whether its delivery is drawn; of some only the bad end is. */
  readonly isWhole: boolean;
  readonly calls: Call[];
  readonly published: { readonly at: number; readonly exchange: string; readonly routingKey: string }[];
  settled: Settled | undefined;
  /** Levels of its marbles, by scale: given once. */
  levels: { scale: number; delivery: number | undefined; settled: number | undefined } | undefined;
}

export const KEPT_MS = 300_000;
const MAX_GROUPS = 6_000;

export class Groups {
  readonly #groups = new Map<string, Group>();

  of(pipeline: string, from: number, to: number): Group[] {
    const found: Group[] = [];
    for (const group of this.#groups.values())
      if (group.pipeline === pipeline && group.at <= to && (endOf(group) ?? to) >= from) found.push(group);
    return found.sort((one, other) => one.at - other.at);
  }

  get(key: string): Group | undefined {
    return this.#groups.get(key);
  }

  clear(): void {
    this.#groups.clear();
  }

  add({ fact }: DrawnFact): void {
    if (!('messageId' in fact) || fact.type === 'sagaMoved') return;
    const key = JSON.stringify([fact.pipeline, fact.messageId, fact.deliveryTag]);
    if (fact.type === 'delivered' || (fact.type === 'settled' && !this.#groups.has(key)))
      this.#groups.set(key, newGroup(key, fact));
    const group = this.#groups.get(key);
    if (group !== undefined) update(group, fact);
  }

  /** What is too old goes, the oldest first; what goes on stays. */
  prune(now: number): void {
    for (const [key, group] of this.#groups) {
      const end = endOf(group);
      const isOld = end !== undefined && now - end > KEPT_MS;
      if (!isOld && this.#groups.size <= MAX_GROUPS) continue;
      this.#groups.delete(key);
    }
  }
}

export const endOf = (group: Group): number | undefined => group.settled?.at;

function newGroup(key: string, fact: Extract<Fact, { readonly messageId: string }>): Group {
  const isWhole = fact.type === 'delivered';
  return {
    key,
    pipeline: fact.pipeline,
    messageId: fact.messageId,
    tag: fact.deliveryTag,
    at: fact.type === 'settled' ? fact.at - fact.durationMs : fact.at,
    attempt: isWhole ? fact.attempt : 1,
    redelivered: isWhole && fact.redelivered,
    isWhole,
    calls: [],
    published: [],
    settled: undefined,
    levels: undefined,
  };
}

function update(group: Group, fact: Extract<Fact, { readonly messageId: string }>): void {
  switch (fact.type) {
    case 'callStarted': {
      const known = group.calls.find(({ id }) => id === fact.callId);
      const call: Call = known ?? {
        id: fact.callId,
        api: fact.api,
        operation: fact.operation,
        undoes: fact.undoes,
        attempts: [],
        dueAt: undefined,
        row: undefined,
      };
      if (known === undefined) group.calls.push(call);
      call.dueAt = undefined;
      const open = { endAt: undefined, outcome: undefined, status: undefined, code: undefined };
      call.attempts.push({ number: fact.attempt, startAt: fact.at, ...open });
      break;
    }
    case 'callEnded': {
      const call = group.calls.find(({ id }) => id === fact.callId);
      const attempt = call?.attempts.find(({ number }) => number === fact.attempt);
      if (attempt === undefined) break;
      attempt.endAt = fact.at;
      attempt.outcome = fact.outcome;
      attempt.status = fact.status;
      attempt.code = fact.code;
      break;
    }
    case 'callRetried': {
      const call = group.calls.find(({ id }) => id === fact.callId);
      if (call !== undefined) call.dueAt = fact.at + fact.nextDelayMs;
      break;
    }
    case 'published':
      group.published.push({ at: fact.at, exchange: fact.exchange, routingKey: fact.routingKey });
      break;
    case 'settled':
      group.settled = fact;
      break;
    default:
      break;
  }
}

export const callEnd = (call: Call): number | undefined => {
  const last = call.attempts.at(-1);
  return call.dueAt ?? last?.endAt;
};
