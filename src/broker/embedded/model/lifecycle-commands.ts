/** Opening and closing of connections and channels, the passing of time, restarts. */
import { Channel, type Connection } from './channel.ts';
import { endReplies, removeConsumer } from './consume-commands.ts';
import type { Effect } from './effect.ts';
import { type Destination, Exchange } from './exchange.ts';
import { removeQueue } from './queue-commands.ts';
import { returnAll } from './settle-commands.ts';
import type { State } from './state.ts';
import { wakeAt } from './surroundings.ts';

export function openConnection(state: State, user: string): Connection {
  const connection: Connection = { user, channels: new Set(), exclusiveQueues: new Set() };
  state.connections.add(connection);
  return connection;
}

export function openChannel(connection: Connection, receive: (effect: Effect) => void): Channel {
  const channel = new Channel(connection, receive);
  connection.channels.add(channel);
  return channel;
}

/** What was out goes back to its queues; consumers end. Closing twice is closing once. */
export function closeChannel(state: State, channel: Channel): void {
  if (!channel.isOpen) return;
  channel.isOpen = false;
  channel.connection.channels.delete(channel);
  endReplies(state, channel);
  const consumers = [...channel.consumers.values()];
  channel.consumers.clear();
  // No consumer of this channel may be given what it returns.
  for (const consumer of consumers) consumer.queue.consumers.remove(consumer);
  returnAll(channel);
  for (const consumer of consumers) removeConsumer(state, consumer);
}

export function closeConnection(state: State, connection: Connection): void {
  if (!state.connections.delete(connection)) return;
  for (const channel of [...connection.channels]) closeChannel(state, channel);
  for (const name of [...connection.exclusiveQueues]) {
    const queue = state.queues.get(name);
    if (queue !== undefined) removeQueue(state, queue);
  }
}

/** The moment at which `advance` will have something to do, or undefined. */
export const nextExpiryAt = (state: State): number | undefined => state.alarms.first()?.at;

/** Does what time has brought about: messages expire at the head of their queue, unused queues end. */
export function advance(state: State): void {
  const now = state.now();
  for (let alarm = state.alarms.first(); alarm !== undefined && alarm.at <= now; alarm = state.alarms.first()) {
    state.alarms.shift();
    const { queue } = alarm;
    if (queue.isDeleted || queue.alarmAt !== alarm.at) continue;
    queue.alarmAt = Number.POSITIVE_INFINITY;
    const { expiresMs } = queue.settings;
    if (expiresMs !== undefined && queue.consumers.size === 0) {
      const endsAt = queue.lastUsedAt + expiresMs;
      if (endsAt <= now) {
        removeQueue(state, queue);
        continue;
      }
      wakeAt(state, queue, endsAt);
    }
    queue.onAlarm();
  }
}

export interface RestartOptions {
  /** Whether durable queues and exchanges survive, with their persistent messages. */
  readonly keepDurable: boolean;
  /** Whether acks that had not reached the disk are undone, as after a crash: durable classic queues deliver those messages again. */
  readonly dropUnsyncedAcks?: boolean;
}

/** Ends all connections, then keeps what a broker finds on its disk. */
export function restart(state: State, { keepDurable, dropUnsyncedAcks = false }: RestartOptions): void {
  state.faults.heldConfirms.length = 0;
  state.faults.heldSettlements.length = 0;
  for (const connection of [...state.connections]) closeConnection(state, connection);
  state.outbox = [];
  for (const queue of [...state.queues.values()]) {
    if (keepDurable && queue.isDurable) {
      queue.restart(dropUnsyncedAcks);
    } else {
      state.ledger.lostAtRestart += queue.ready + queue.unacked;
      state.ledger.deleted -= queue.ready + queue.unacked;
      removeQueue(state, queue);
    }
  }
  for (const exchange of [...state.exchanges.values()]) {
    const isPredeclared = exchange.name.startsWith('amq.');
    if (!isPredeclared && !(keepDurable && exchange.isDurable)) state.exchanges.delete(exchange.name);
  }
  for (const exchange of state.exchanges.values()) dropLooseBindings(state, exchange);
}

function dropLooseBindings(state: State, exchange: Exchange): void {
  const isLoose = ({ destination }: { readonly destination: Destination }): boolean =>
    destination instanceof Exchange
      ? state.exchanges.get(destination.name) !== destination
      : state.queues.get(destination.name) !== destination;
  for (const binding of [...exchange.bindings()]) if (isLoose(binding)) exchange.unbind(binding);
}
