/**
 * Requests on a confirm channel of their own, which is opened with the first of them and consumes RabbitMQ's pseudo-queue for direct
 * reply-to: the broker delivers answers to this very channel, through no queue, and forgets them with it.
 *
 * @see https://www.rabbitmq.com/docs/direct-reply-to
 */
import type { ConsumeMessage } from 'amqplib';
import { Observable, type Subscriber, type TeardownLogic } from 'rxjs';
import { ReplyLostError } from '../../errors.ts';
import type { OutgoingMessage } from '../../message/outgoing.ts';
import { REQUEST_HEADER, type Reply, type RequestProgress, type Requests } from '../requests.ts';
import { readHeaders } from './headers.ts';
import { readProperties } from './properties.ts';
import { Publisher, type PublisherOptions } from './publisher.ts';

/** What a request names as its `reply-to`; the broker puts the address of the channel in its place. */
const REPLY_QUEUE = 'amq.rabbitmq.reply-to';

/** By the message it answers. */
export function answeredMessage({ headers, properties }: Reply): string | undefined {
  const named = headers[REQUEST_HEADER.answers];
  return typeof named === 'string' ? named : properties.correlationId;
}

/** By its correlation id alone. */
export const answeredAttempt = ({ properties }: Reply): string | undefined => properties.correlationId;

interface Asker {
  readonly subscriber: Subscriber<RequestProgress>;
  /** The channel its request left on: the answer comes there. */
  sentOn: object | undefined;
  isConfirmed: boolean;
  /** Whoever has one may hear of another, of a message that was tried again, but keeps no channel for it. */
  isAnswered: boolean;
}

export class Requester implements Requests {
  readonly #createPublisher: () => Publisher;
  readonly #keyOf: (reply: Reply) => string | undefined;
  readonly #askers = new Map<string, Set<Asker>>();
  #publisher: Publisher | undefined;
  #isBlocked = false;

  /** `keyOf`: whom a reply is for. */
  constructor(options: PublisherOptions, keyOf: (reply: Reply) => string | undefined) {
    this.#keyOf = keyOf;
    const replies = {
      queue: REPLY_QUEUE,
      onReply: (message: ConsumeMessage) => this.#receive(message),
      isAwaitedOn: (channel: object) => this.#isAwaitedOn(channel),
      onLost: (channel: object, reason: string) => this.#lose(channel, reason),
    };
    this.#createPublisher = () => new Publisher({ ...options, replies });
  }

  /** Undefined until somebody has asked something. */
  get publisher(): Publisher | undefined {
    return this.#publisher;
  }

  request(message: OutgoingMessage, key: string): Observable<RequestProgress> {
    return new Observable((subscriber) => this.#ask(subscriber, message, key));
  }

  setBlocked(isBlocked: boolean): void {
    this.#isBlocked = isBlocked;
    this.#publisher?.setBlocked(isBlocked);
  }

  /** Whoever waits for an answer may wait for minutes. Apart from where the message is subscribed to, so that nothing of it is held once it is confirmed. */
  #ask(subscriber: Subscriber<RequestProgress>, message: OutgoingMessage, key: string): TeardownLogic {
    const asker: Asker = { subscriber, sentOn: undefined, isConfirmed: false, isAnswered: false };
    const askers = this.#askers.get(key) ?? new Set();
    this.#askers.set(key, askers.add(asker));
    subscriber.add(() => {
      askers.delete(asker);
      if (askers.size === 0 && this.#askers.get(key) === askers) this.#askers.delete(key);
      this.#publisher?.closeLeft();
    });
    const asking = { ...message, properties: { ...message.properties, replyTo: REPLY_QUEUE } };
    return this.#open()
      .publish(asking, (channel) => (asker.sentOn = channel))
      .subscribe({
        error: (error: unknown) => subscriber.error(error),
        complete: () => {
          asker.isConfirmed = true;
          subscriber.next({ kind: 'confirmed' });
        },
      });
  }

  #open(): Publisher {
    if (this.#publisher === undefined) {
      this.#publisher = this.#createPublisher();
      this.#publisher.setBlocked(this.#isBlocked);
    }
    return this.#publisher;
  }

  #receive(message: ConsumeMessage): void {
    const properties = readProperties(message.properties);
    const headers = readHeaders(message.properties.headers);
    const reply = { body: message.content, properties, headers };
    const key = this.#keyOf(reply);
    const askers = key === undefined ? undefined : this.#askers.get(key);
    for (const asker of [...(askers ?? [])]) {
      asker.isAnswered = true;
      asker.subscriber.next({ kind: 'reply', reply });
    }
    this.#publisher?.closeLeft();
  }

  #isAwaitedOn(channel: object): boolean {
    for (const askers of this.#askers.values())
      for (const { sentOn, isAnswered } of askers) if (sentOn === channel && !isAnswered) return true;
    return false;
  }

  /** Those that are not confirmed are told by the publisher, or sent on the next channel. */
  #lose(channel: object, reason: string): void {
    const all = [...this.#askers.values()].flatMap((askers) => [...askers]);
    const lost = all.filter(({ isConfirmed, sentOn }) => isConfirmed && sentOn === channel);
    for (const { subscriber } of lost) subscriber.error(new ReplyLostError(reason));
  }
}
