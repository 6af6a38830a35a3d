/** For authors, in handles: say yourself what a failure is worth. */
import { SluiceError } from './sluice-error.ts';

/** Thrown by a handle for a cause that may pass: the message is retried later. */
export class TransientError extends SluiceError {
  readonly code = 'ERR_TRANSIENT';
  override readonly isTransient = true;
}

/** Thrown by a handle for a cause that will not pass: the message is dead-lettered at once. */
export class PermanentError extends SluiceError {
  readonly code = 'ERR_PERMANENT';
}
