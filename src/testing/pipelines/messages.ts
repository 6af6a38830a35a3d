/** Messages as a test delivers them, and who is who afterwards: from a message id back to the value the test knows. */
import { entryOf } from '../../broker/partitions.ts';
import { delayQueue, type QueueSource } from '../../broker/queue.ts';
import { decodeBody, encodeBody } from '../../message/codec.ts';
import type { Delivery, HeaderTable, MessageProperties } from '../../message/delivery.ts';
import { messageIdOf } from '../../message/identity.ts';
import type { OutgoingMessage } from '../../message/outgoing.ts';
import { HEADER } from '../../pipeline/message-headers.ts';
import { type Duration, durationMs } from '../../policies/duration.ts';
import { isSame } from '../marble-equal.ts';
import { checkNames, type Names, PROPERTIES } from './known-names.ts';

export interface MessageOptions extends Omit<MessageProperties, 'expiration'> {
  readonly headers?: HeaderTable;
  /** Which try of the message this is, from 1: as if it came back from the queue's delay queues. Default: 1. */
  readonly attempt?: number;
  /** How long the message is worth anything, counted from its delivery. Default: for ever. */
  readonly expiration?: Duration;
  /** When it stops being worth anything, counted from the beginning of the test. Default: never. */
  readonly deadline?: Duration;
}

/** A body with the properties and headers it is published with. */
export interface Message {
  readonly kind: 'message';
  readonly body: unknown;
  readonly options: MessageOptions;
}

/**
 * A message with more than a body. Bytes go out as they are, without a content type unless one is given: so a body can be anything.
 * Default message id: the symbol it is delivered by.
 */
export const message = (body: unknown, options: MessageOptions = {}): Message => {
  checkNames('message(…)', options, OPTIONS);
  return { kind: 'message', body, options };
};

const OPTIONS = {
  headers: true,
  attempt: true,
  deadline: true,
  ...PROPERTIES,
} as const satisfies Names<MessageOptions>;

const isMessage = (value: unknown): value is Message =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'message' && 'options' in value;

/** What goes to the queue for a value of `deliver`. */
export function toOutgoing(value: unknown, defaultId: string, source: QueueSource): OutgoingMessage {
  const { body, options } = isMessage(value) ? value : message(value);
  const { headers, attempt = 1, expiration, deadline, ...properties } = options;
  const encoded = body instanceof Uint8Array ? { body } : encodeBody(body);
  // A message as if it came back is where it would be then: in its queue.
  const { exchange, routingKey, headers: keyed } = entryOf(source, body);
  return {
    exchange,
    routingKey,
    body: encoded.body,
    mandatory: true,
    headers: {
      ...keyed,
      ...triedBefore(source, attempt),
      ...(deadline === undefined ? {} : { [HEADER.deadline]: durationMs(deadline) }),
      ...headers,
    },
    properties: {
      messageId: defaultId,
      ...('contentType' in encoded ? { contentType: encoded.contentType } : {}),
      ...properties,
      ...(expiration === undefined ? {} : { expiration: String(durationMs(expiration)) }),
    },
  };
}

/** The count, and the broker's own record without which the engine does not believe it. */
function triedBefore({ name, retryDelaysMs }: QueueSource, attempt: number): HeaderTable {
  if (attempt === 1) return {};
  const delayMs = retryDelaysMs[attempt - 2];
  if (delayMs === undefined)
    throw new RangeError(`attempt: queue "${name}" gives ${retryDelaysMs.length + 1} attempts, got ${attempt}`);
  return {
    [HEADER.attempt]: attempt,
    'x-death': [{ queue: delayQueue(name, delayMs), reason: 'expired', count: 1, exchange: '' }],
  };
}

/** Who is who: what was delivered under which id. */
export class Acquaintances {
  readonly #given = new Map<string, { readonly value: unknown; readonly symbol: string }>();
  readonly #bodies = new Map<string, unknown>();
  readonly #uses = new Map<string, number>();

  /** The id for this use of a symbol: `a`, then `a.2`. */
  nextId(symbol: string): string {
    const uses = (this.#uses.get(symbol) ?? 0) + 1;
    this.#uses.set(symbol, uses);
    return uses === 1 ? symbol : `${symbol}.${uses}`;
  }

  /** A message the test delivers. */
  introduce(messageId: string | undefined, value: unknown, symbol: string): void {
    if (messageId !== undefined) this.#given.set(messageId, { value, symbol });
  }

  /** A delivery that came in, of whomever: one pipeline may feed another. */
  meet(delivery: Delivery): void {
    const decoded = decodeBody(delivery.body, delivery.properties, { maxBytes: Number.POSITIVE_INFINITY });
    this.#bodies.set(messageIdOf(delivery), decoded.ok ? decoded.value : delivery.body);
  }

  /** Whether a value is the message of that id: as it was given to `deliver`, or by its body. */
  isValueOf(value: unknown, messageId: string): boolean {
    const given = this.#given.get(messageId);
    if (given === undefined) return isSame(this.#bodies.get(messageId), value);
    return isSame(given.value, value) || (isMessage(given.value) && isSame(given.value.body, value));
  }

  /** The symbol a value was delivered by, or undefined for a value nobody delivered. */
  symbolOf(value: unknown): string | undefined {
    for (const given of this.#given.values())
      if (isSame(given.value, value) || (isMessage(given.value) && isSame(given.value.body, value)))
        return given.symbol;
    return undefined;
  }
}
