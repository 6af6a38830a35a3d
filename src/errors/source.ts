/** Sources that feed a queue of their own. In the log and in `/readyz`, never in a dead letter. */
import { SluiceError } from './sluice-error.ts';

/**
 * The database of an outbox cannot be asked now, or its table is not what `sluice outbox sql` makes. Its rows stay where they are.
 * @remedy Look at the database; where the table is missing or another, `sluice outbox sql` prints what it has to be. Rows wait where they are.
 */
export class OutboxUnavailableError extends SluiceError {
  readonly code = 'ERR_OUTBOX_UNAVAILABLE';
  override readonly isTransient = true;
}
