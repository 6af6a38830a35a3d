/** What lies outside of the workers: the publisher of their messages, and the queues where their results end. */
import type { Channel } from '../../broker/embedded/model/channel.ts';
import { EMPTY_TABLE } from '../../broker/embedded/model/field.ts';
import type { Message } from '../../broker/embedded/model/message.ts';
import { readHeaders } from '../../broker/embedded/port/headers.ts';
import type { InProcessBroker } from '../../broker/embedded/port/in-process-broker.ts';
import { establishOn } from '../../broker/embedded/port/port-topology.ts';
import { toPublish } from '../../broker/embedded/port/properties.ts';
import { workQueues } from '../../broker/partitions.ts';
import { deadLetterQueue, delayQueue } from '../../broker/queue.ts';
import { sourceTopology } from '../../broker/source-topology.ts';
import type { ExchangeSpec } from '../../broker/topology.ts';
import type { OutgoingMessage } from '../../message/outgoing.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import { foreignTopology } from '../../worker/needed-topology.ts';
import { exchangesOfResults } from './exchanges-of-results.ts';
import type { OutcomeMessage } from './simulation-end.ts';

/** How long a publisher waits before it looks for the broker again. */
const AGAIN_MS = 500;

export class Outside {
  readonly #broker: InProcessBroker;
  readonly #pipelines: readonly Pipeline[];
  readonly #exchanges: readonly ExchangeSpec[];
  readonly #after: (ms: number, work: () => void) => void;
  #channel: Channel | undefined;

  constructor(broker: InProcessBroker, pipelines: readonly Pipeline[], after: (ms: number, work: () => void) => void) {
    this.#broker = broker;
    this.#pipelines = pipelines;
    this.#exchanges = exchangesOfResults(pipelines);
    this.#after = after;
    this.#establish();
  }

  /** Before a result is published: a direct exchange knows no binding for all routing keys. */
  prepare({ exchange, routingKey }: OutgoingMessage): void {
    if (!this.#exchanges.some(({ name, type }) => name === exchange && type === 'direct')) return;
    const binding = { queue: sinkOf(exchange), source: exchange, key: routingKey };
    this.#broker.run((model) => model.bindQueue(this.#open(), binding));
  }

  /** As soon as the broker takes messages. */
  publish(message: OutgoingMessage, onPublished: () => void): void {
    const command = toPublish({ ...message, properties: { ...message.properties, persistent: true } });
    const attempt = (): void => {
      if (!this.#broker.isReachable.value || this.#broker.blocked.value !== undefined) {
        this.#after(AGAIN_MS, attempt);
        return;
      }
      onPublished();
      this.#broker.run((model) => model.publish(this.#open(), command));
    };
    attempt();
  }

  /** Messages that wait in work and delay queues, or are out. */
  unfinished(): number {
    return this.#pipelines
      .flatMap(({ source }) => [
        ...workQueues(source),
        ...source.retryDelaysMs.map((delayMs) => delayQueue(source.name, delayMs)),
      ])
      .map((name) => this.#broker.model.queueDepth(name))
      .reduce((sum, { ready, unacked }) => sum + ready + unacked, 0);
  }

  takeResults(): readonly OutcomeMessage[] {
    return this.#exchanges.flatMap(({ name }) => this.#take(sinkOf(name)));
  }

  takeDeadLetters(pipeline: Pipeline): readonly OutcomeMessage[] {
    return this.#take(deadLetterQueue(pipeline.source.name));
  }

  #take(queue: string): readonly OutcomeMessage[] {
    const taken: OutcomeMessage[] = [];
    const channel = this.#open();
    for (;;) {
      const got = this.#broker.run((model) => model.get(channel, { queue, noAck: true }));
      if (got === undefined) return taken;
      taken.push(outcomeOf(got.message));
    }
  }

  #establish(): void {
    const channel = this.#open();
    const { model } = this.#broker;
    const exchanges = this.#exchanges;
    for (const { source } of this.#pipelines) establishOn(model, channel, sourceTopology(source), 'assert');
    establishOn(model, channel, foreignTopology(this.#pipelines), 'assert');
    const queues = exchanges.map(({ name }) => ({ name: sinkOf(name), arguments: {} }));
    const bindings = exchanges.map(({ name, type }) => ({
      queue: sinkOf(name),
      exchange: name,
      // A weight, where keys are spread; a pattern, or not looked at, everywhere else.
      key: type === 'x-consistent-hash' ? '1' : '#',
    }));
    establishOn(model, channel, { exchanges, queues, bindings }, 'assert');
  }

  /** A restart of the broker has closed it. */
  #open(): Channel {
    const { model } = this.#broker;
    if (this.#channel?.isOpen !== true) this.#channel = model.openChannel(model.openConnection('outside'), () => {});
    return this.#channel;
  }
}

const sinkOf = (exchange: string): string => `simulation.results.${exchange}`;

function outcomeOf({ exchange, routingKey, properties, body }: Message): OutcomeMessage {
  const { messageId, correlationId, headers = EMPTY_TABLE } = properties;
  return { exchange, routingKey, messageId, correlationId, headers: readHeaders(headers), body: parse(body) };
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString());
  } catch {
    return undefined;
  }
}
