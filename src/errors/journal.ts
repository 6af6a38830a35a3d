/**
 * The journal: held by somebody else, away, or not what was written.
 * In the log and in `/readyz`; messages wait unsettled. ERR_JOURNAL_CORRUPT is in dead letters, with the stage `handle`.
 */
import { SluiceError, type SluiceErrorOptions } from './sluice-error.ts';

interface JournalEntryFacts {
  readonly space: string;
  readonly name: string;
  readonly id: string;
}

const describeEntry = ({ space, name, id }: JournalEntryFacts): string => `${space} "${name}" ${id}`;

/**
 * Another owner holds this entry of the journal now.
 * @remedy Nothing: the message comes again, and by then the other owner is done or its lease is over.
 */
export class JournalHeldError extends SluiceError {
  readonly code = 'ERR_JOURNAL_HELD';
  override readonly isTransient = true;
  /** How long its lease runs, if it is not renewed, in milliseconds; 0 where that is not known. */
  readonly forMs: number;

  constructor(entry: JournalEntryFacts, forMs: number) {
    super(`${describeEntry(entry)} is held by another owner now`);
    this.forMs = forMs;
  }
}

/**
 * The lease of an entry was lost while it was held: another owner may have taken over, so nothing more is written.
 * @remedy Nothing: another worker has the saga. Where it happens often, workers stand still for longer than their lease: look at
 * `sluice_event_loop_blocked_total` and the CPU.
 */
export class JournalFencedError extends SluiceError {
  readonly code = 'ERR_JOURNAL_FENCED';
  override readonly isTransient = true;

  constructor(entry: JournalEntryFacts) {
    super(`${describeEntry(entry)} is not held any more: its lease was lost`);
  }
}

/**
 * The journal's store cannot be asked now: away, full, locked. Whether it did what it was asked last is not known.
 * @remedy Messages wait unsettled until it is back. Look at the database, the disk and the network; where tables are missing, `sluice journal
 * migrate`.
 */
export class JournalUnavailableError extends SluiceError {
  readonly code = 'ERR_JOURNAL_UNAVAILABLE';
  override readonly isTransient = true;
  /** Whether somebody has to change something first: tables to be made, another file to be named. Waiting does not help. */
  readonly isMisconfigured: boolean;

  constructor(message: string, options: SluiceErrorOptions & { readonly isMisconfigured?: boolean } = {}) {
    super(message, options);
    this.isMisconfigured = options.isMisconfigured ?? false;
  }
}

/**
 * What the journal holds is not what was written: edited, or damaged. Nobody can say how the saga stands.
 * @remedy Somebody edited or damaged the store. Restore it from a backup, or find out by hand how that saga stands and `sluice saga abandon ID`.
 */
export class JournalCorruptError extends SluiceError {
  readonly code = 'ERR_JOURNAL_CORRUPT';

  constructor(entry: JournalEntryFacts, what: string) {
    super(`the journal of ${describeEntry(entry)} is damaged: ${what}`);
  }
}
