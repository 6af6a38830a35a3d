/**
 * What the broker refuses, loses or leaves open.
 * In the log, in `/readyz` and in the worker's last line where it cannot start; in dead letters with the stage `publish`.
 */
import { SluiceError, type SluiceErrorOptions } from './sluice-error.ts';

/**
 * No connection, or it went away before the answer came.
 * @remedy Nothing, where it passes: the worker connects again by itself and unsettled messages come again. `/readyz` and the log say why it does
 * not; `sluice doctor` looks closer.
 */
export class BrokerUnavailableError extends SluiceError {
  readonly code = 'ERR_BROKER_UNAVAILABLE';
  override readonly isTransient = true;
}

/**
 * The broker refuses what the worker needs: a queue with other arguments, a missing exchange, a missing permission.
 * @remedy The message names the argument, the exchange or the permission. `sluice doctor` says what to do; a queue with other arguments is
 * drained, deleted and declared anew, or taken as it is with `topology: 'check'`.
 */
export class TopologyError extends SluiceError {
  readonly code = 'ERR_TOPOLOGY';
  /** The exchange that is not there, where it is that and no other refusal. */
  declare readonly missingExchange?: string;

  constructor(
    message: string,
    { missingExchange, ...options }: SluiceErrorOptions & { readonly missingExchange?: string } = {},
  ) {
    super(message, options);
    if (missingExchange !== undefined) this.missingExchange = missingExchange;
  }
}

/**
 * The broker said no to a publish (`basic.nack`): a queue is full or lost its leader.
 * @remedy Look at the queue it goes to: its length limit, its leader, the broker's alarms. The worker publishes again by itself.
 */
export class PublishNackedError extends SluiceError {
  readonly code = 'ERR_PUBLISH_NACKED';
  override readonly isTransient = true;
}

/**
 * The channel or the time ran out before the confirm: the message may or may not be stored. Publish again with the same message id.
 * @remedy Nothing: it is published again under the same message id, by which a consumer can tell a duplicate. Where its reason is `ACCESS_REFUSED`, give the
 * worker's user the permission that it names.
 */
export class PublishUnknownError extends SluiceError {
  readonly code = 'ERR_PUBLISH_UNKNOWN';
  override readonly isTransient = true;
}

/**
 * A request is with the broker, and the channel its answer would have come over is gone: what became of it is not known here.
 * @remedy Ask again under the same message id, where whoever answers tells repetitions by it; otherwise look first whether it was done.
 */
export class ReplyLostError extends SluiceError {
  readonly code = 'ERR_REPLY_LOST';
  override readonly isTransient = true;

  constructor(reason: string) {
    super(`the answer cannot come any more: ${reason}`);
  }
}

/**
 * The exchange took the message, but no queue is bound for its routing key; or a queue that is written to by its name is not there.
 * @remedy Bind a queue to the exchange for that routing key, or mend the key in `output`; meanwhile the message waits for its next try. Where a delay or dead-letter queue is named that does not exist, `sluice topology --apply`: until then the message stays in hand.
 */
export class UnroutableError extends SluiceError {
  readonly code = 'ERR_UNROUTABLE';
  override readonly isTransient = true;
  readonly exchange: string;
  readonly routingKey: string;

  constructor(exchange: string, routingKey: string) {
    super(
      exchange === ''
        ? `queue "${routingKey}" does not exist`
        : `exchange "${exchange}" has no queue bound for routing key "${routingKey}"`,
    );
    this.exchange = exchange;
    this.routingKey = routingKey;
  }
}
