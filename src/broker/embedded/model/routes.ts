/**
 * From a message to the queues it reaches: bindings between exchanges are followed, each queue counts once,
 * and an exchange that leads nowhere hands over to its alternate.
 */
import { Exchange } from './exchange.ts';
import type { Message } from './message.ts';
import type { Queue } from './queue.ts';
import type { State } from './state.ts';

const NOWHERE: readonly Queue[] = [];

export function routesOf(state: State, message: Message): readonly Queue[] {
  const keys =
    message.cc.length + message.bcc.length === 0 ? undefined : [message.routingKey, ...message.cc, ...message.bcc];
  if (message.exchange === '') {
    if (keys !== undefined) return [...new Set(keys)].flatMap((key) => state.queues.get(key) ?? []);
    const queue = state.queues.get(message.routingKey);
    return queue === undefined ? NOWHERE : [queue];
  }
  const exchange = state.exchanges.get(message.exchange);
  return exchange === undefined ? NOWHERE : reachable(state, exchange, keys ?? [message.routingKey], message);
}

function reachable(state: State, start: Exchange, keys: readonly string[], message: Message): readonly Queue[] {
  const queues = new Set<Queue>();
  const visited = new Set<Exchange>([start]);
  for (const exchange of visited) {
    let reached = 0;
    for (const key of keys) {
      exchange.route(key, message, (destination) => {
        reached++;
        if (destination instanceof Exchange) visited.add(destination);
        else queues.add(destination);
      });
    }
    const alternate =
      reached === 0 && exchange.alternate !== undefined ? state.exchanges.get(exchange.alternate) : undefined;
    if (alternate !== undefined) visited.add(alternate);
  }
  return [...queues];
}
