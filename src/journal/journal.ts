/**
 * The journal port: what must not be forgotten is written down before the next move. An entry is an append-only list of records that one
 * owner at a time may add to: a saga's history, a message's key, a firing of a schedule.
 */
import type { Observable } from 'rxjs';
import type { MessageIdentity } from '../events.ts';

/** What an entry is for; names and ids of different spaces never meet. */
export type JournalSpace = 'saga' | 'dedupe' | 'schedule';

/** Which entry: `{ space: 'saga', name: 'place-order', id: 'o-1' }`. */
export interface EntryKey {
  readonly space: JournalSpace;
  /** Of the saga, the pipeline, the schedule. */
  readonly name: string;
  /** 1 to 512 characters. */
  readonly id: string;
}

interface Timed {
  /** Milliseconds of the RxJS clock. */
  readonly at: number;
}

interface OfStep extends Timed {
  readonly step: string;
}

interface Failed extends OfStep {
  readonly code: string;
  readonly message: string;
}

/** One line of an entry. Plain data: it is stored as JSON. */
export type JournalRecord =
  | (Timed & {
      readonly kind: 'started';
      readonly inputHash: string;
      /** Of the message's body, as it came. */
      readonly bodyHash?: string;
      /** Of the saga's definition, and the shape of its steps under it. */
      readonly version?: number;
      readonly shape?: string;
      /** Of the message that began it. */
      readonly messageId?: string;
    })
  /** Its condition did not hold: it counts as done, without an effect. */
  | (OfStep & { readonly kind: 'stepSkipped' })
  | (OfStep & { readonly kind: 'stepIntended' })
  | (OfStep & { readonly kind: 'stepDone'; readonly result: unknown })
  /** The decision to go back. `inDoubt`: steps that may or may not have taken effect, and are undone as if they had. */
  | (Failed & { readonly kind: 'stepFailed'; readonly inDoubt?: readonly string[] })
  | (OfStep & { readonly kind: 'compensationIntended' })
  | (OfStep & { readonly kind: 'compensationDone' })
  | (Failed & { readonly kind: 'compensationFailed' })
  /** Neither on nor back: somebody has to look, at `step`, several by commas. No decision; whoever is given its message again goes on where it stands. */
  | (Failed & { readonly kind: 'stuck'; readonly messageId?: string })
  | (Timed & { readonly kind: 'completed'; readonly answer?: unknown })
  | (Timed & { readonly kind: 'undone'; readonly answer?: unknown })
  /** Given up by a person: nothing more is done for it. */
  | (Timed & { readonly kind: 'abandoned' })
  /** A value kept for whoever asks for the same key again. */
  | (Timed & { readonly kind: 'kept'; readonly value: unknown });

export interface AppendOptions {
  /** How long after this record the entry may be forgotten, in milliseconds. Default: what earlier records said; never, where none did. */
  readonly keepMs?: number;
}

/** An entry, held by one owner. */
export interface OpenJournal {
  /** All records there were when it was opened, oldest first. */
  readonly records: readonly JournalRecord[];
  /**
   * Cold. Completes when the record is stored.
   * @throws JournalFencedError when another owner has taken over; JournalUnavailableError when it is not known whether the record is stored.
   */
  append(record: JournalRecord, options?: AppendOptions): Observable<never>;
}

/** Whether the journal can be asked. */
export interface JournalAvailability {
  readonly isAvailable: boolean;
  /** Why not. */
  readonly reason?: string;
}

export interface Journal {
  /**
   * Cold. Emits the entry once, new or as it was left, and holds it for this subscriber alone until that unsubscribes: it never completes.
   * An entry nothing was written to is forgotten with that. The hold is a lease, kept up while subscribed; an owner that was paused for longer than
   * its lease finds its appends refused.
   *
   * @param message For whom: facts about what is written name it.
   * @throws JournalHeldError while another owner holds it; JournalFencedError when the lease was lost; JournalUnavailableError when the
   *   store cannot be asked; JournalCorruptError when what is stored is not what was written.
   */
  open(key: EntryKey, message?: MessageIdentity): Observable<OpenJournal>;
  /** Replays whether the store can be asked, then each change of that, and of the reason. */
  readonly availability: Observable<JournalAvailability>;
}
