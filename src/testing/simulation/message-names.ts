/** What messages on their way are, told by the queues and exchanges they go to. */
import { deadLetterQueue, delayQueue } from '../../broker/queue.ts';
import type { OutgoingMessage } from '../../message/outgoing.ts';
import type { Pipeline } from '../../pipeline/define-pipeline.ts';
import type { OutgoingKind } from './world-event.ts';

export interface OutgoingName {
  readonly what: OutgoingKind;
  /** Of a copy: whose message it is. */
  readonly pipeline: string | undefined;
}

const RESULT: OutgoingName = { what: 'result', pipeline: undefined };

export class MessageNames {
  readonly #pipelines = new Map<string, Pipeline>();
  readonly #copies = new Map<string, OutgoingName>();

  constructor(pipelines: readonly Pipeline[]) {
    for (const pipeline of pipelines) {
      const { source, name } = pipeline;
      this.#pipelines.set(source.name, pipeline);
      this.#copies.set(deadLetterQueue(source.name), { what: 'deadLetter', pipeline: name });
      for (const delayMs of source.retryDelaysMs)
        this.#copies.set(delayQueue(source.name, delayMs), { what: 'retry', pipeline: name });
    }
  }

  pipelineOf(queueName: string): Pipeline | undefined {
    return this.#pipelines.get(queueName);
  }

  outgoing({ exchange, routingKey }: OutgoingMessage): OutgoingName {
    return exchange === '' ? (this.#copies.get(routingKey) ?? RESULT) : RESULT;
  }
}

/** A result with where it goes: the same whoever publishes it again. */
export const addressOf = (messageId: string, exchange: string, routingKey: string): string =>
  `${messageId}@${exchange}/${routingKey}`;
