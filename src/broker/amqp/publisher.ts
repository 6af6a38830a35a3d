/**
 * Publishing with confirms on one channel of the publish connection. What cannot leave (window full, broker blocked, no connection)
 * waits with its subscriber and is taken out with it; whoever subscribes bounds how many wait.
 */
import { type ConfirmChannel, type ConsumeMessage, IllegalOperationError, type Message } from 'amqplib';
import { asyncScheduler, Observable, Subject, type Subscription } from 'rxjs';
import {
  BrokerUnavailableError,
  messageOf,
  PublishNackedError,
  PublishUnknownError,
  ResultInvalidError,
  type SluiceError,
  UnroutableError,
} from '../../errors.ts';
import type { Logger } from '../../log.ts';
import type { OutgoingMessage } from '../../message/outgoing.ts';
import { ConfirmWindow } from './confirm-window.ts';
import { createExchangeGate, type ExchangeGate } from './exchange-gate.ts';
import { errorOfCulprit, REPLY, reasonOf, replyCodeOf } from './failures.ts';
import { type DefectListener, guarded } from './guarded.ts';
import type { Link } from './link.ts';
import { closeChannel, closeChannels, openConfirmChannel } from './open-channel.ts';
import type { Pauses } from './pauses.ts';
import { findReturned, PendingPublish } from './pending-publish.ts';
import { type FrameChannel, sendFramesOn } from './publish-frames.ts';

/** A channel that is refused is left for a new one, but none sooner than so long after it was opened. */
const KEPT_FOR_MS = 5_000;

export interface PublisherOptions {
  /** The link to publish on; undefined while there is none. Completes when the broker is closed. */
  readonly links: Observable<Link | undefined>;
  readonly maxUnconfirmed: number;
  readonly maxUnconfirmedBytes: number;
  readonly confirmTimeoutMs: number;
  readonly pauses: Pauses;
  readonly log: Logger;
  readonly onDefect: DefectListener;
  /** For requests: the channel consumes this queue before it publishes. Default: it only publishes. */
  readonly replies?: ReplyListeners;
}

export interface ReplyListeners {
  readonly queue: string;
  readonly onReply: (message: ConsumeMessage) => void;
  /** Whether somebody waits for an answer to what left on that channel: it comes there and nowhere else. */
  readonly isAwaitedOn: (channel: object) => boolean;
  /** The channel is gone, after what was unconfirmed on it was told: no answer comes any more to what was. */
  readonly onLost: (channel: object, reason: string) => void;
}

/** What lives and dies with one link. */
interface OnLink {
  readonly link: Link;
  readonly gate: ExchangeGate;
}

export class Publisher {
  readonly #options: PublisherOptions;
  readonly #window: ConfirmWindow;
  readonly #emptied = new Subject<void>();
  #waiting = new Set<PendingPublish>();
  /** Waiting for their exchange to be looked for. */
  readonly #aside = new Set<PendingPublish>();
  #on: OnLink | undefined;
  #channel: FrameChannel | undefined;
  #openedAtMs = 0;
  /** The channel that was left, while a confirm or an answer has still to come on it. One at a time: broker and users limit channels. */
  #left: FrameChannel | undefined;
  #pause: Subscription | undefined;
  /** Given up on without an answer, so that their confirms may still come. */
  #overdue = 0;
  #isBlocked = false;
  #isClosing = false;

  constructor(options: PublisherOptions) {
    this.#options = options;
    const { maxUnconfirmed, maxUnconfirmedBytes, confirmTimeoutMs } = options;
    const onOverdue = (pending: PendingPublish): void => this.#giveUpOn(pending);
    this.#window = new ConfirmWindow({ maxUnconfirmed, maxUnconfirmedBytes, confirmTimeoutMs, onOverdue });
    options.links.subscribe((link) => this.#moveTo(link));
  }

  /** Sent, and not confirmed. */
  get unconfirmed(): number {
    return this.#window.size;
  }

  /** Cold; see `Broker.publish`. `onSent` is told of the channel it leaves on. */
  publish(message: OutgoingMessage, onSent?: (channel: object) => void): Observable<never> {
    return new Observable((subscriber) => {
      if (this.#isClosing) {
        subscriber.error(new BrokerUnavailableError('the broker is closed'));
        return;
      }
      // A throw here becomes the subscriber's error: amqplib has not been touched.
      const pending = new PendingPublish(message, subscriber, this.#takeBack, onSent);
      if (!this.#sendAtOnce(pending)) {
        this.#waiting.add(pending);
        this.#pump();
      }
      return pending;
    });
  }

  /** The broker stops or resumes reading from the connection. */
  setBlocked(isBlocked: boolean): void {
    if (this.#isBlocked === isBlocked) return;
    this.#isBlocked = isBlocked;
    if (isBlocked) {
      this.#window.pause();
    } else {
      this.#window.resume();
      this.#pump();
    }
  }

  /** Takes nothing new. Emits and completes when everything is confirmed or has failed. */
  drain(): Observable<void> {
    this.#isClosing = true;
    return new Observable((subscriber) => {
      const emptied = this.#emptied.subscribe(subscriber);
      this.#tellWhenEmpty();
      return emptied;
    });
  }

  /** Fails what is left, then closes the channel in order. */
  async close(reason: string): Promise<void> {
    this.#isClosing = true;
    this.#pause?.unsubscribe();
    const on = this.#on;
    const channels = [this.#channel, this.#left].filter((channel) => channel !== undefined);
    this.#channel = undefined;
    this.#left = undefined;
    for (const pending of this.#window.clear())
      this.#finish(pending, new PublishUnknownError(`no confirm yet: ${reason}`));
    for (const pending of this.#takeWaiting()) this.#finish(pending, new BrokerUnavailableError(reason));
    for (const channel of channels) this.#options.replies?.onLost(channel, reason);
    const models = channels.map(({ model }) => model);
    if (on?.link.isOpen) await closeChannels(on.link, models);
  }

  // ---- the way of one publish

  /** The usual case: nobody waits, and nothing stands in the way. */
  #sendAtOnce(pending: PendingPublish): boolean {
    if (this.#channel === undefined || this.#isBlocked || this.#waiting.size > 0) return false;
    if (this.#on?.gate.isOpenFor(pending.message.exchange) !== true || !this.#window.hasRoomFor(pending.bytes)) {
      return false;
    }
    this.#send(this.#channel, pending);
    return true;
  }

  /** Sends what may leave, in the order it came. */
  #pump(): void {
    const gate = this.#on?.gate;
    if (gate === undefined || this.#channel === undefined || this.#isBlocked) return;
    for (const pending of this.#waiting) {
      // Whoever is told of a failure may close the broker meanwhile.
      if (pending.isDone) continue;
      if (!this.#window.hasRoomFor(pending.bytes)) return;
      this.#waiting.delete(pending);
      if (gate.isOpenFor(pending.message.exchange)) this.#send(this.#channel, pending);
      else this.#setAside(gate, pending);
      if (this.#channel === undefined) return;
    }
  }

  #send(channel: FrameChannel, pending: PendingPublish): void {
    const { message, content, options } = pending;
    try {
      channel.publish(message.exchange, message.routingKey, content, options, (error: unknown) =>
        this.#answered(channel, pending, error),
      );
    } catch (error) {
      if (error instanceof IllegalOperationError) {
        // The channel is closing and its end on the way to us; nothing has been written.
        this.#waiting = new Set([pending, ...this.#waiting]);
        this.#lose(channel, error);
        return;
      }
      // Refused while encoding, before anything was written: too many headers for one frame.
      this.#finish(pending, new ResultInvalidError(messageOf(error), { cause: error }));
      return;
    }
    pending.sentOn = channel;
    pending.onSent?.(channel);
    this.#window.add(pending);
  }

  #setAside(gate: ExchangeGate, pending: PendingPublish): void {
    const { exchange } = pending.message;
    this.#aside.add(pending);
    gate.look(exchange, (refusal) => {
      const held = [...this.#aside].filter((aside) => aside.message.exchange === exchange);
      for (const aside of held) this.#aside.delete(aside);
      if (refusal === undefined) this.#waiting = new Set([...held, ...this.#waiting]);
      else for (const aside of held) this.#finish(aside, refusal);
      this.#pump();
    });
  }

  #answered(channel: FrameChannel, pending: PendingPublish, error: unknown): void {
    const isNack = error instanceof Error && error.message === 'message nacked';
    // Any other error is the channel's end, which is told once and with its cause to #lose.
    if (error !== null && !isNack) return;
    if (!this.#window.remove(pending)) {
      if (channel === this.#channel) this.#overdue--;
      return;
    }
    const { exchange, routingKey } = pending.message;
    if (isNack) this.#finish(pending, new PublishNackedError(`the broker refused a message for ${described(pending)}`));
    else if (pending.isReturned) this.#finish(pending, new UnroutableError(exchange, routingKey));
    else this.#finish(pending);
    if (isNack) this.#leaveRefused(channel);
    this.closeLeft();
    if (this.#waiting.size > 0) this.#pump();
  }

  /**
   * A channel that RabbitMQ told of a full quorum queue is refused without a further question until that queue is a fifth below its bound, and
   * by many versions for ever once the bound is taken away. A new channel is told how it stands. None is asked for of a broker that does not read.
   */
  #leaveRefused(channel: FrameChannel): void {
    const on = this.#on;
    if (channel !== this.#channel || on === undefined || this.#isClosing || this.#isBlocked) return;
    if (this.#left !== undefined || asyncScheduler.now() - this.#openedAtMs < KEPT_FOR_MS) return;
    this.#channel = undefined;
    this.#left = channel;
    void this.#open(on.link);
  }

  /** Once nothing has to come on it any more: closed before, its confirms and answers would never come. */
  closeLeft(): void {
    const left = this.#left;
    if (left === undefined || this.#window.hasSentOn(left) || this.#options.replies?.isAwaitedOn(left)) return;
    this.#left = undefined;
    if (this.#on !== undefined) void closeChannel(this.#on.link, left.model);
  }

  #giveUpOn(pending: PendingPublish): void {
    const { confirmTimeoutMs, maxUnconfirmed } = this.#options;
    if (pending.sentOn === this.#channel) this.#overdue++;
    this.#finish(
      pending,
      new PublishUnknownError(`no confirm for ${described(pending)} within ${confirmTimeoutMs} ms`),
    );
    this.closeLeft();
    // A channel that hardly answers would remember ever more of them.
    if (this.#overdue >= maxUnconfirmed && this.#channel !== undefined && this.#on !== undefined) {
      const { link } = this.#on;
      const channel = this.#channel;
      this.#lose(channel, new Error(`${this.#overdue} confirms are overdue`));
      void closeChannel(link, channel.model);
    } else {
      this.#pump();
    }
  }

  #finish(pending: PendingPublish, error?: SluiceError): void {
    if (pending.isDone) return;
    pending.isDone = true;
    try {
      if (error === undefined) pending.subscriber.complete();
      else pending.subscriber.error(error);
    } catch (thrown) {
      // A throw would reach amqplib, which closes the channel for it.
      this.#options.onDefect(thrown);
    }
    this.#tellWhenEmpty();
  }

  /** Unsubscribed before it was sent. What has left stays in the window until its confirm. */
  readonly #takeBack = (pending: PendingPublish): void => {
    pending.isDone = true;
    this.#waiting.delete(pending);
    this.#aside.delete(pending);
    this.#tellWhenEmpty();
  };

  #takeWaiting(): readonly PendingPublish[] {
    const all = [...this.#aside, ...this.#waiting];
    this.#aside.clear();
    this.#waiting = new Set();
    return all;
  }

  #tellWhenEmpty(): void {
    if (!this.#isClosing || !this.#window.isEmpty || this.#waiting.size > 0 || this.#aside.size > 0) return;
    this.#emptied.next();
    this.#emptied.complete();
  }

  // ---- the channel and its link

  #moveTo(link: Link | undefined): void {
    this.#pause?.unsubscribe();
    for (const channel of [this.#left, this.#channel])
      if (channel !== undefined) this.#lose(channel, new Error('the connection was lost'));
    this.#waiting = new Set(this.#takeWaiting());
    this.#on = link === undefined ? undefined : { link, gate: createExchangeGate(link, this.#options.onDefect) };
    if (link !== undefined) void this.#open(link);
  }

  async #open(link: Link): Promise<void> {
    const { log, onDefect, pauses } = this.#options;
    let opened: FrameChannel | undefined;
    const onGone = (cause: unknown): void => {
      if (opened !== undefined) this.#lose(opened, cause);
    };
    const onReturn = (returned: Message): void => {
      const pending = opened === undefined ? undefined : findReturned(this.#window.sentOn(opened), returned);
      if (pending !== undefined) pending.isReturned = true;
    };
    try {
      opened = sendFramesOn(await openConfirmChannel(link, { onGone, onReturn, onDefect }));
      await this.#listen(link, opened.model);
    } catch (error) {
      if (opened !== undefined) void closeChannel(link, opened.model);
      if (this.#on?.link !== link || !link.isOpen || this.#isClosing) return;
      log.warn({ reason: reasonOf(error) }, 'no channel to publish on');
      this.#pause = asyncScheduler.schedule(() => void this.#open(link), pauses.next());
      return;
    }
    if (this.#on?.link !== link) return;
    pauses.succeeded();
    this.#overdue = 0;
    this.#openedAtMs = asyncScheduler.now();
    this.#channel = opened;
    this.#pump();
  }

  /** Before the first request leaves: the broker refuses a `reply-to` that nobody listens at. */
  async #listen(link: Link, channel: ConfirmChannel): Promise<void> {
    const { replies, onDefect } = this.#options;
    if (replies === undefined) return;
    const receive = (message: ConsumeMessage | null): void => {
      // The broker ended the consumer: answers would come to nobody.
      if (message === null) void closeChannel(link, channel);
      else replies.onReply(message);
    };
    await link.ask(channel.consume(replies.queue, guarded(receive, onDefect), { noAck: true }), 'basic.consume');
  }

  /** The channel is gone: what was on it is unknown, but for the publish the broker closed it for. */
  #lose(channel: FrameChannel, cause: unknown): void {
    const isCurrent = channel === this.#channel;
    if (isCurrent) this.#channel = undefined;
    else if (channel === this.#left) this.#left = undefined;
    else return;
    const { log, pauses } = this.#options;
    const reason = cause === undefined ? 'the channel was closed' : reasonOf(cause);
    const gate = this.#on?.gate;
    for (const pending of this.#window.clearSentOn(channel)) {
      const { exchange, properties } = pending.message;
      const suspect = { exchange, bytes: pending.content.length, userId: properties.userId };
      const guilt = errorOfCulprit(cause, suspect);
      if (guilt !== undefined && replyCodeOf(cause) === REPLY.notFound) gate?.forget(exchange);
      if (guilt !== undefined && replyCodeOf(cause) === REPLY.accessRefused) gate?.refuse(exchange, guilt);
      this.#finish(pending, guilt ?? new PublishUnknownError(`the channel was lost before the confirm: ${reason}`));
    }
    this.#options.replies?.onLost(channel, reason);
    if (!isCurrent) return;
    const link = this.#on?.link;
    if (link === undefined || !link.isOpen) return;
    log.warn({ reason }, 'the publish channel was lost and is opened again');
    this.#pause = asyncScheduler.schedule(() => void this.#open(link), pauses.next());
  }
}

const described = ({ message: { exchange, routingKey } }: PendingPublish): string =>
  exchange === '' ? `queue "${routingKey}"` : `exchange "${exchange}"`;
