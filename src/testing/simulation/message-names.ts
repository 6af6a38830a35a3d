/** What messages on their way are, told by the queues and exchanges they go to. */
import { workQueues } from '../../broker/partitions.ts';
import { deadLetterQueue, delayOf } from '../../broker/queue.ts';
import type { OutgoingMessage } from '../../message/outgoing.ts';
import { HEADER } from '../../pipeline/message-headers.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import type { OutgoingKind } from './world-event.ts';

export interface OutgoingName {
  readonly what: OutgoingKind;
  /** Of a copy: whose message it is. */
  readonly pipeline: string | undefined;
}

const RESULT: OutgoingName = { what: 'result', pipeline: undefined };

export class MessageNames {
  readonly #pipelines = new Map<string, Pipeline>();
  readonly #deadLetters = new Map<string, OutgoingName>();

  constructor(pipelines: readonly Pipeline[]) {
    for (const pipeline of pipelines) {
      const { source, name } = pipeline;
      for (const queue of workQueues(source)) this.#pipelines.set(queue, pipeline);
      this.#deadLetters.set(deadLetterQueue(source.name), { what: 'deadLetter', pipeline: name });
    }
  }

  pipelineOf(queueName: string): Pipeline | undefined {
    return this.#pipelines.get(queueName);
  }

  outgoing({ exchange, routingKey, headers }: OutgoingMessage): OutgoingName {
    const renewed = exchange === '' && HEADER.deadline in headers ? this.#pipelines.get(routingKey) : undefined;
    if (renewed !== undefined) return { what: 'retry', pipeline: renewed.name };
    const deadLetter = exchange === '' ? this.#deadLetters.get(routingKey) : undefined;
    if (deadLetter !== undefined) return deadLetter;
    for (const { name, source } of this.#pipelines.values())
      if (delayOf({ exchange, routingKey }, source) !== undefined) return { what: 'retry', pipeline: name };
    return RESULT;
  }
}

/** A result with where it goes: the same whoever publishes it again. */
export const addressOf = (messageId: string, exchange: string, routingKey: string): string =>
  `${messageId}@${exchange}/${routingKey}`;
