/** A queue for every result: what a pipeline publishes finds an exchange and a queue behind it, whatever the pipeline declares. */

import type { Channel } from '../../broker/embedded/model/channel.ts';
import type { InProcessBroker } from '../../broker/embedded/port/in-process-broker.ts';
import type { ExchangeSpec } from '../../broker/topology.ts';
import type { OutgoingMessage } from '../../message/outgoing.ts';

type Place = Pick<OutgoingMessage, 'exchange' | 'routingKey'>;

const CATCH_ALL = 'marbles.results';

export class ResultRoutes {
  readonly #broker: InProcessBroker;
  readonly #channel: Channel;
  readonly #declared: ReadonlyMap<string, ExchangeSpec>;
  readonly #unroutable = new Set<string>();

  /** `declared`: the exchanges that the pipelines say something of. */
  constructor(broker: InProcessBroker, channel: Channel, declared: readonly ExchangeSpec[]) {
    this.#broker = broker;
    this.#channel = channel;
    this.#declared = new Map(declared.map((exchange) => [exchange.name, exchange]));
    broker.run((model) => model.declareQueue(channel, { queue: CATCH_ALL, durable: true }));
  }

  /** Before a publish: there is an exchange, and a queue bound for this routing key, unless the test took the route away. */
  prepare(place: Place): void {
    if (this.#unroutable.has(keyOf(place))) return;
    // Partitions are queues already, and each message has its place in one of them.
    if (this.#declared.get(place.exchange)?.isOfPartitions === true) return;
    if (place.exchange === '') this.#requireQueue(place.routingKey);
    else {
      this.#requireExchange(place.exchange);
      this.#broker.run((model) => model.bindQueue(this.#channel, this.#bindingOf(place)));
    }
  }

  /** From now on, what is published there reaches no queue of the kit's. */
  remove(place: Place): void {
    this.#unroutable.add(keyOf(place));
    if (place.exchange === '') return;
    this.#requireExchange(place.exchange);
    this.#broker.run((model) => model.unbindQueue(this.#channel, this.#bindingOf(place)));
  }

  restore(place: Place): void {
    this.#unroutable.delete(keyOf(place));
  }

  #bindingOf({ exchange, routingKey }: Place) {
    const isHashing = this.#declared.get(exchange)?.type === 'x-consistent-hash';
    // A binding's key is a weight there.
    return { queue: CATCH_ALL, source: exchange, key: isHashing ? '1' : routingKey };
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
