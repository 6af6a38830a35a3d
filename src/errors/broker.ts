/** What the broker refuses, loses or leaves open. */
import { SluiceError } from './sluice-error.ts';

/** No connection, or it went away before the answer came. */
export class BrokerUnavailableError extends SluiceError {
  readonly code = 'ERR_BROKER_UNAVAILABLE';
  override readonly isTransient = true;
}

/** The broker refuses what the worker needs: a queue with other arguments, a missing exchange, a missing permission. */
export class TopologyError extends SluiceError {
  readonly code = 'ERR_TOPOLOGY';
}

/** The broker said no to a publish (`basic.nack`): a queue is full or lost its leader. */
export class PublishNackedError extends SluiceError {
  readonly code = 'ERR_PUBLISH_NACKED';
  override readonly isTransient = true;
}

/** The channel or the time ran out before the confirm: the message may or may not be stored. Publish again with the same message id. */
export class PublishUnknownError extends SluiceError {
  readonly code = 'ERR_PUBLISH_UNKNOWN';
  override readonly isTransient = true;
}

/** A request is with the broker, and the channel its answer would have come over is gone: what became of it is not known here. */
export class ReplyLostError extends SluiceError {
  readonly code = 'ERR_REPLY_LOST';
  override readonly isTransient = true;

  constructor(reason: string) {
    super(`the answer cannot come any more: ${reason}`);
  }
}

/** The exchange took the message, but no queue is bound for its routing key. */
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
