/** What queues share: the clock, the way out for effects, dead-lettering, and the alarms that wake them. */
import { deadLetterOf, isCycle } from './dead-letter.ts';
import type { DeadLetterReason } from './deaths.ts';
import { expirationOf } from './expiration.ts';
import type { Message } from './message.ts';
import type { Queue, QueueSurroundings } from './queue.ts';
import { routesOf } from './routes.ts';
import { emit, type State } from './state.ts';

const cache = new WeakMap<State, QueueSurroundings>();

export function surroundingsOf(state: State): QueueSurroundings {
  const known = cache.get(state);
  if (known !== undefined) return known;
  const letters = lettersOf(state);
  const surroundings: QueueSurroundings = {
    now: state.now,
    emit: (effect) => emit(state, effect),
    deadLetter: letters,
    wakeAt: (queue, at) => wakeAt(state, queue, at),
    ledger: state.ledger,
    unsyncedAcks: () => state.faults.unsyncedAcks,
  };
  cache.set(state, surroundings);
  return surroundings;
}

export function wakeAt(state: State, queue: Queue, at: number): void {
  if (at >= queue.alarmAt) return;
  queue.alarmAt = at;
  state.alarms.push({ at, queue });
}

/**
 * Dead-letters one message after the other: a letter that dies in its new queue at once waits its turn, or a long chain of queues would
 * be as deep a stack.
 */
function lettersOf(state: State): QueueSurroundings['deadLetter'] {
  const due: (readonly [Queue, Message, DeadLetterReason])[] = [];
  let isUnderWay = false;
  return (...letter) => {
    due.push(letter);
    if (isUnderWay) return;
    isUnderWay = true;
    try {
      for (let next = due.shift(); next !== undefined; next = due.shift()) deadLetter(state, ...next);
    } finally {
      isUnderWay = false;
      due.length = 0;
    }
  };
}

/** Republishes to the queue's dead-letter exchange. Without one, or when that does not exist, the message is gone, as in RabbitMQ. */
function deadLetter(state: State, queue: Queue, message: Message, reason: DeadLetterReason): void {
  const { deadLetterExchange: exchange, deadLetterRoutingKey } = queue.settings;
  if (exchange === undefined || (exchange !== '' && !state.exchanges.has(exchange))) return;
  const death = { queue: queue.name, reason, atMs: state.now() };
  const letter = deadLetterOf(message, death, exchange, deadLetterRoutingKey);
  const targets = routesOf(state, letter).filter((target) => reason === 'rejected' || !isCycle(letter, target.name));
  if (targets.length === 0) return;
  state.ledger.deadLettered++;
  const expiration = expirationOf(letter.properties);
  for (const target of targets) target.accept(letter, expiration);
}
