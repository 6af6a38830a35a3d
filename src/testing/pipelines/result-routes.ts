/** A queue for every result: what a pipeline publishes finds an exchange and a queue behind it, whatever the pipeline declares. */

import type { Channel } from '../../broker/embedded/model/channel.ts';
import type { InProcessBroker } from '../../broker/embedded/port/in-process-broker.ts';
import type { OutgoingMessage } from '../../message/outgoing.ts';

type Place = Pick<OutgoingMessage, 'exchange' | 'routingKey'>;

const CATCH_ALL = 'marbles.results';

export class ResultRoutes {
  readonly #broker: InProcessBroker;
  readonly #channel: Channel;
  readonly #unroutable = new Set<string>();

  constructor(broker: InProcessBroker, channel: Channel) {
    this.#broker = broker;
    this.#channel = channel;
    broker.run((model) => model.declareQueue(channel, { queue: CATCH_ALL, durable: true }));
  }

  /** Before a publish: there is an exchange, and a queue bound for this routing key, unless the test took the route away. */
  prepare(place: Place): void {
    if (this.#unroutable.has(keyOf(place))) return;
    if (place.exchange === '') this.#requireQueue(place.routingKey);
    else {
      this.#requireExchange(place.exchange);
      this.#broker.run((model) => model.bindQueue(this.#channel, bindingOf(place)));
    }
  }

  /** From now on, what is published there reaches no queue of the kit's. */
  remove(place: Place): void {
    this.#unroutable.add(keyOf(place));
    if (place.exchange === '') return;
    this.#requireExchange(place.exchange);
    this.#broker.run((model) => model.unbindQueue(this.#channel, bindingOf(place)));
  }

  restore(place: Place): void {
    this.#unroutable.delete(keyOf(place));
  }

  /** Names of the broker's own are given by it alone; whoever waits there may have left. */
  #requireQueue(queue: string): void {
    if (queue.startsWith('amq.') || this.#broker.model.queueDepths().has(queue)) return;
    this.#broker.run((model) => model.declareQueue(this.#channel, { queue, durable: true }));
  }

  #requireExchange(exchange: string): void {
    try {
      this.#broker.run((model) => model.declareExchange({ exchange, type: 'topic', passive: true }));
    } catch {
      this.#broker.run((model) => model.declareExchange({ exchange, type: 'topic', durable: true }));
    }
  }
}

const keyOf = ({ exchange, routingKey }: Place): string => JSON.stringify([exchange, routingKey]);
const bindingOf = ({ exchange, routingKey }: Place) => ({ queue: CATCH_ALL, source: exchange, key: routingKey });
