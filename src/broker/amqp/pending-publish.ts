/** A publish on its way: waiting, sent, or done. And which of them a returned message was. */
import { isDeepStrictEqual } from 'node:util';
import type { Message, Options } from 'amqplib';
import type { Subscriber, Unsubscribable } from 'rxjs';
import type { OutgoingMessage } from '../../message/outgoing.ts';
import type { Waiting } from '../../operators/waiting-line.ts';
import { asBuffer, readHeaders } from './headers.ts';
import { writePublish } from './properties.ts';

/** Frames and properties of a message, about: so that a million empty messages are not nothing. */
const OVERHEAD_BYTES = 256;

export class PendingPublish implements Unsubscribable, Waiting<PendingPublish> {
  before: PendingPublish | undefined = undefined;
  behind: PendingPublish | undefined = undefined;
  readonly message: OutgoingMessage;
  readonly content: Buffer;
  readonly options: Options.Publish;
  /** What it takes of the window of unconfirmed bytes. */
  readonly bytes: number;
  readonly subscriber: Subscriber<never>;
  readonly #takeBack: (pending: PendingPublish) => void;
  readonly onSent: ((channel: object) => void) | undefined;
  sentAtMs = 0;
  /** The channel it left on. */
  sentOn: object | undefined = undefined;
  /** It is out without a confirm. */
  isInWindow = false;
  /** The broker gave it back: its confirm will mean that it is stored nowhere. */
  isReturned = false;
  isDone = false;

  /**
   * @param takeBack Told where the subscriber has gone before it was sent.
   * @param onSent Told of the channel it leaves on.
   * @throws ResultInvalidError when AMQP cannot carry the message.
   */
  constructor(
    message: OutgoingMessage,
    subscriber: Subscriber<never>,
    takeBack: (pending: PendingPublish) => void,
    onSent?: (channel: object) => void,
  ) {
    this.message = message;
    this.content = asBuffer(message.body);
    this.options = writePublish(message);
    this.bytes = message.body.byteLength + OVERHEAD_BYTES;
    this.subscriber = subscriber;
    this.#takeBack = takeBack;
    this.onSent = onSent;
  }

  /** It cannot be taken back any more. */
  get closed(): boolean {
    return this.sentOn !== undefined || this.isDone;
  }

  unsubscribe(): void {
    if (!this.closed) this.#takeBack(this);
  }
}

/**
 * The publish a returned message was.
 *
 * AMQP returns the message itself, without a sequence number, and before its confirm: so it is the oldest unconfirmed one that looks
 * the same. Two that look the same in address, properties, headers and body are one message published twice; taking one for the other
 * changes nothing, since the one that was stored is a full copy of the one that was not.
 */
export function findReturned(sent: Iterable<PendingPublish>, returned: Message): PendingPublish | undefined {
  let lookalike: PendingPublish | undefined;
  const headers = readHeaders(returned.properties.headers);
  for (const pending of sent) {
    if (pending.isReturned || !looksLike(pending, returned)) continue;
    if (isDeepStrictEqual(headers, readHeaders(pending.options.headers))) return pending;
    // Headers change in transit where a type has no exact counterpart.
    lookalike ??= pending;
  }
  return lookalike;
}

function looksLike({ message, content, options }: PendingPublish, returned: Message): boolean {
  const { fields, properties } = returned;
  return (
    options.mandatory === true &&
    message.exchange === fields.exchange &&
    message.routingKey === fields.routingKey &&
    message.properties.messageId === properties.messageId &&
    message.properties.correlationId === properties.correlationId &&
    message.properties.type === properties.type &&
    content.equals(returned.content)
  );
}
