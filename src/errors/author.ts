/** For authors, in handles: say yourself what a failure is worth. In dead letters with the stage `handle`. */
import { SluiceError } from './sluice-error.ts';

/**
 * Thrown by a handle for a cause that may pass: the message is retried later.
 * @remedy Look at what the handle says; nothing else, as long as it passes. The message comes again after the next of the source's `retry.delays`.
 */
export class TransientError extends SluiceError {
  readonly code = 'ERR_TRANSIENT';
  override readonly isTransient = true;
}

/**
 * Thrown by a handle for a cause that will not pass: the message is dead-lettered at once.
 * @remedy Read the reason in the dead letter; mend the message or what it asks for, then `sluice dlq retry`.
 */
export class PermanentError extends SluiceError {
  readonly code = 'ERR_PERMANENT';
}
