/**
 * Everything one virtual host of the broker knows. Commands read and change it; nothing outside the model does.
 * Time and randomness are functions handed in, so that the same commands give the same effects.
 */
import type { Random } from '../../../policies/random.ts';
import type { Channel, Connection } from './channel.ts';
import type { Effect } from './effect.ts';
import { Exchange } from './exchange.ts';
import { createFaults, type Faults } from './faults.ts';
import { EMPTY_TABLE } from './field.ts';
import { Heap } from './heap.ts';
import { emptyLedger, type Ledger } from './ledger.ts';
import type { Queue } from './queue.ts';
import type { ExchangeKind } from './routing.ts';

/** A moment at which a queue has something to do. */
export interface Alarm {
  readonly at: number;
  readonly queue: Queue;
}

export interface State {
  readonly vhost: string;
  readonly now: () => number;
  readonly random: Random;
  readonly exchanges: Map<string, Exchange>;
  readonly queues: Map<string, Queue>;
  readonly connections: Set<Connection>;
  /** Channels with a direct reply-to consumer, by the address that replaces the pseudo-queue. */
  readonly replyChannels: Map<string, Channel>;
  readonly alarms: Heap<Alarm>;
  readonly ledger: Ledger;
  readonly faults: Faults;
  outbox: Effect[];
}

/** The exchanges every virtual host has from the start. The default exchange is no object: it routes to queues by name. */
const PREDECLARED: readonly (readonly [name: string, kind: ExchangeKind, isInternal: boolean])[] = [
  ['amq.direct', 'direct', false],
  ['amq.fanout', 'fanout', false],
  ['amq.topic', 'topic', false],
  ['amq.headers', 'headers', false],
  ['amq.match', 'headers', false],
  ['amq.rabbitmq.trace', 'topic', true],
];

export function createState(vhost: string, now: () => number, random: Random): State {
  const exchanges = PREDECLARED.map(([name, kind, isInternal]) => {
    const exchange = new Exchange({
      name,
      kind,
      isDurable: true,
      isAutoDelete: false,
      isInternal,
      arguments: EMPTY_TABLE,
      alternate: undefined,
    });
    return [name, exchange] as const;
  });
  return {
    vhost,
    now,
    random,
    exchanges: new Map(exchanges),
    queues: new Map(),
    connections: new Set(),
    replyChannels: new Map(),
    alarms: new Heap<Alarm>((one, other) => one.at < other.at),
    ledger: emptyLedger(),
    faults: createFaults(),
    outbox: [],
  };
}

export function emit(state: State, effect: Effect): void {
  state.outbox.push(effect);
}

/** `queue 'orders' in vhost '/'`, as RabbitMQ names things. */
export const placeOf = (state: State, kind: 'queue' | 'exchange', name: string): string =>
  `${kind} '${name}' in vhost '${state.vhost}'`;
