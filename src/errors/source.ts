/** Sources that feed a queue of their own. */
import { SluiceError } from './sluice-error.ts';

/** The database of an outbox cannot be asked now, or its table is not what `sluice outbox sql` makes. Its rows stay where they are. */
export class OutboxUnavailableError extends SluiceError {
  readonly code = 'ERR_OUTBOX_UNAVAILABLE';
  override readonly isTransient = true;
}
