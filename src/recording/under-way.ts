/**
 * Messages that are not settled, with what was kept back of each: found by the message, and by its conversation when a result of that goes out. Holds
 * what is under way and nothing else.
 */
import type { MessageIdentity } from '../events.ts';
import type { KeptBack } from './redaction.ts';

export type Identity = Pick<MessageIdentity, 'pipeline' | 'messageId' | 'correlationId'>;

interface Known {
  /** Of its conversation, and by which its requester knows the answer: results go out under the one, answers under the other. */
  readonly correlationIds: ReadonlySet<string>;
  readonly keptBack: KeptBack;
}

export class UnderWay {
  readonly #byMessage = new Map<string, Known>();
  readonly #byCorrelation = new Map<string, Set<Known>>();

  /** Correlation ids that are held. */
  get conversations(): number {
    return this.#byCorrelation.size;
  }

  /** Of a message, which is under way from now on where it was not. `askedBy`: the correlation id of whoever waits for its answer. */
  keptBackOf({ pipeline, messageId, correlationId }: Identity, askedBy = correlationId): KeptBack {
    const key = keyOf(pipeline, messageId);
    const known = this.#byMessage.get(key);
    if (known !== undefined) return known.keptBack;
    const begun: Known = { correlationIds: new Set([correlationId, askedBy]), keptBack: new Map<string, string>() };
    this.#byMessage.set(key, begun);
    for (const id of begun.correlationIds) {
      const ofId = this.#byCorrelation.get(id) ?? new Set();
      this.#byCorrelation.set(id, ofId.add(begun));
    }
    return begun.keptBack;
  }

  /** Of all messages of a conversation, those that came first before the others. */
  keptBackIn(correlationId: string): readonly KeptBack[] {
    return [...(this.#byCorrelation.get(correlationId) ?? [])].map(({ keptBack }) => keptBack);
  }

  settled({ pipeline, messageId }: Pick<Identity, 'pipeline' | 'messageId'>): void {
    const key = keyOf(pipeline, messageId);
    const known = this.#byMessage.get(key);
    if (known === undefined) return;
    this.#byMessage.delete(key);
    for (const id of known.correlationIds) {
      const ofId = this.#byCorrelation.get(id);
      ofId?.delete(known);
      if (ofId?.size === 0) this.#byCorrelation.delete(id);
    }
  }

  clear(): void {
    this.#byMessage.clear();
    this.#byCorrelation.clear();
  }
}

const keyOf = (pipeline: string, messageId: string): string => JSON.stringify([pipeline, messageId]);
