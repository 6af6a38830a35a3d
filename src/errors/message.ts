/** Messages that cannot be handled, and results that cannot be sent. In dead letters with the stage `decode`, `validate`, `handle` or `output`. */
import { SluiceError, type SluiceErrorOptions } from './sluice-error.ts';

export type PayloadFault =
  | 'empty'
  | 'size'
  | 'headers'
  | 'encoding'
  | 'content-type'
  | 'parse'
  | 'depth'
  | 'number'
  | 'event'
  | 'schema'
  | 'key'
  | 'reply-to';

/**
 * A message that can never be handled as it is: dead-lettered with this reason, nothing is called.
 * @remedy The reason names the path and what was expected. Mend the publisher; where it is right, the `input` schema. Then `sluice dlq retry`.
 */
export class PayloadInvalidError extends SluiceError {
  readonly code = 'ERR_PAYLOAD_INVALID';
  readonly fault: PayloadFault;

  constructor(fault: PayloadFault, message: string, options?: SluiceErrorOptions) {
    super(message, options);
    this.fault = fault;
  }
}

/**
 * A message whose key was used by another one, with another body: which of the two is meant, nobody here can say.
 * @remedy Find out which of the two the publisher meant: keys must not be used twice. Where bodies may differ, `dedupe: { otherBody: 'done' }`.
 */
export class MessageConflictError extends SluiceError {
  readonly code = 'ERR_MESSAGE_CONFLICT';

  constructor(messageId: string) {
    super(
      `message ${JSON.stringify(messageId)} has the key of one that is done, and another body; keys must not be reused`,
    );
  }
}

/**
 * A result that cannot be sent: not serialisable, too large, or with a routing key AMQP does not allow.
 * @remedy A mistake of the handle or of `output`: mend it, then `sluice dlq retry`.
 */
export class ResultInvalidError extends SluiceError {
  readonly code = 'ERR_RESULT_INVALID';
  /** What the broker allows of a body, in bytes, where this one is larger. */
  declare readonly maxBodyBytes?: number;

  constructor(
    message: string,
    { maxBodyBytes, ...options }: SluiceErrorOptions & { readonly maxBodyBytes?: number } = {},
  ) {
    super(message, options);
    if (maxBodyBytes !== undefined) this.maxBodyBytes = maxBodyBytes;
  }
}

/**
 * A message of a saga was handed over as often as its queue allows, and never settled.
 * @remedy Find out what ends its workers (their last lines, `sluice saga show ID`), or whether they are stopped all the time; then
 * `sluice saga resume ID`, or `sluice dlq retry` where it was not begun.
 */
export class DeliveryLimitError extends SluiceError {
  readonly code = 'ERR_DELIVERY_LIMIT';
  readonly deliveries: number;

  constructor(deliveries: number) {
    super(
      `handed over ${deliveries} times and never settled, which is all its queue allows: its workers crash, or are stopped before its turn`,
    );
    this.deliveries = deliveries;
  }
}

/**
 * A handle did not finish within the pipeline's `timeout`.
 * @remedy Find the call that takes so long (the message's story on the dashboard, its span); give the APIs shorter timeouts, or the pipeline a
 * longer `timeout`.
 */
export class HandleTimeoutError extends SluiceError {
  readonly code = 'ERR_HANDLE_TIMEOUT';
  override readonly isTransient = true;
  readonly timeoutMs: number;

  constructor(timeoutMs: number) {
    super(`the handle did not finish within ${timeoutMs} ms`);
    this.timeoutMs = timeoutMs;
  }
}
