/**
 * Messages of a replay that come of others in it, where one pipeline takes what another publishes. Nobody delivers them: the replay publishes
 * them itself, under the ids they had then.
 */
import { isDeepStrictEqual } from 'node:util';
import { workQueues } from '../../broker/partitions.ts';
import { encodeBody } from '../../message/codec.ts';
import type { Delivery } from '../../message/delivery.ts';
import { messageIdOf, resultIdOf } from '../../message/identity.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import type { RecordedDelivery, RecordedEvent, RecordedResult } from '../../recording/recording.ts';
import { readBody } from '../pipelines/text.ts';
import { isAsRecorded } from './same.ts';
import { type Story, storiesOf } from './story.ts';

export class Lineage {
  readonly #stories: ReadonlyMap<string, Story>;
  /** What they published, by message id. */
  readonly #results: ReadonlyMap<string, readonly RecordedResult[]>;
  /** The recording's ids of results, where those of the replay differ: they are made of the id of a message, and that was kept back. */
  readonly #idsThen: ReadonlyMap<string, string>;
  /** How many deliveries of a message the replay itself brings: the first ones. */
  readonly #brought = new Map<Story, number>();
  readonly #pipelineOf: ReadonlyMap<string, string>;

  constructor(stories: readonly Story[], pipelines: readonly Pipeline[]) {
    this.#stories = byKey(stories);
    const results = new Map<string, RecordedResult[]>();
    for (const result of stories.flatMap((story) => story.results))
      results.set(result.messageId, [...(results.get(result.messageId) ?? []), result]);
    this.#results = results;
    this.#idsThen = new Map(stories.flatMap(renamed));
    for (const story of stories)
      if (this.#results.has(story.messageId)) this.#brought.set(story, story.deliveries.length);
    this.#pipelineOf = new Map(
      pipelines.flatMap(({ name, source }) => workQueues(source).map((queue) => [queue, name] as const)),
    );
  }

  /** Those that have to be made: they come from elsewhere. */
  deliveriesOf(story: Story): readonly RecordedDelivery[] {
    return story.deliveries.slice(this.#brought.get(story) ?? 0);
  }

  /**
   * Looks for messages that did not come though they were published as they were then: a binding that is not the pipelines' took them to their
   * queue, or somebody handed them over once more. They have to be delivered. Gives back whether there are any.
   */
  learnFrom(events: readonly RecordedEvent[]): boolean {
    const replayed = byKey(storiesOf(events));
    const now = new Map<string, RecordedResult[]>();
    for (const event of events) {
      if (event.kind !== 'published') continue;
      const id = this.#idThen(event.messageId);
      now.set(id, [...(now.get(id) ?? []), event]);
    }
    let isWiser = false;
    for (const [key, story] of this.#stories) {
      if (this.#brought.get(story) !== story.deliveries.length) continue;
      const came = replayed.get(key)?.deliveries.length ?? 0;
      const isAsThen = goTo(this.#results.get(story.messageId), now.get(story.messageId));
      if (came >= story.deliveries.length || !isAsThen) continue;
      this.#brought.set(story, came);
      isWiser = true;
    }
    return isWiser;
  }

  /**
   * The delivery under the id it had then; and where it carries what was published then, with the body that was recorded of it. That has
   * stand-ins by the schema of whoever takes it, which need not be those by which it was made.
   */
  asThen(delivery: Delivery, isBodyKept: boolean): Delivery {
    const messageId = this.#idThen(messageIdOf(delivery));
    const named =
      messageId === messageIdOf(delivery)
        ? delivery
        : { ...delivery, properties: { ...delivery.properties, messageId } };
    const pipeline = this.#pipelineOf.get(delivery.queue) ?? '';
    const recorded = this.#stories.get(keyOf({ pipeline, messageId }))?.deliveries[0]?.body;
    const results = this.#results.get(messageId);
    if (isBodyKept || results === undefined || recorded === undefined) return named;
    const { contentEncoding: _encoding, ...properties } = named.properties;
    const body = readBody(delivery.body, delivery.properties);
    if (body instanceof Uint8Array || !results.some((result) => isAsRecorded(body, result.body))) return named;
    const isText = typeof recorded === 'string' && properties.contentType?.startsWith('text/') === true;
    return { ...named, properties, body: isText ? Buffer.from(recorded) : encodeBody(recorded).body };
  }

  #idThen(messageId: string): string {
    return this.#idsThen.get(messageId) ?? messageId;
  }
}

const keyOf = ({ pipeline, messageId }: Pick<Story, 'pipeline' | 'messageId'>): string =>
  JSON.stringify([pipeline, messageId]);

const byKey = (stories: readonly Story[]): ReadonlyMap<string, Story> =>
  new Map(stories.map((story) => [keyOf(story), story]));

/** Whether they go where they went then, and as often. */
function goTo(then: readonly RecordedResult[] = [], now: readonly RecordedResult[] = []): boolean {
  const placesOf = (results: readonly RecordedResult[]): readonly string[] =>
    results.map(({ exchange, routingKey }) => JSON.stringify([exchange, routingKey])).sort();
  return isDeepStrictEqual(placesOf(then), placesOf(now));
}

/** In the order they were published, as they are numbered. */
function renamed({ pipeline, messageId, results }: Story): readonly (readonly [now: string, then: string])[] {
  const then = [...new Set(results.map((result) => result.messageId))];
  const now = then.map((_, index) => resultIdOf(pipeline, messageId, index));
  const isSame = then.some((id) => now.includes(id));
  return isSame ? [] : then.map((id, index) => [now[index] ?? '', id] as const);
}
