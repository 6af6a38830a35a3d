/**
 * The journal port: what a saga writes down so that it never forgets. An append-only list of records for each saga,
 * and a lease so that one worker at a time runs it.
 */
import type { Observable } from 'rxjs';

/** One line of a saga's journal. */
export type JournalRecord =
  | { readonly kind: 'started'; readonly at: number; readonly inputHash: string }
  | { readonly kind: 'stepIntended'; readonly at: number; readonly step: string }
  | { readonly kind: 'stepDone'; readonly at: number; readonly step: string; readonly result: unknown }
  | {
      readonly kind: 'stepFailed';
      readonly at: number;
      readonly step: string;
      readonly code: string;
      readonly message: string;
    }
  | { readonly kind: 'compensationIntended'; readonly at: number; readonly step: string }
  | { readonly kind: 'compensationDone'; readonly at: number; readonly step: string }
  | {
      readonly kind: 'compensationFailed';
      readonly at: number;
      readonly step: string;
      readonly code: string;
      readonly message: string;
    }
  | { readonly kind: 'completed'; readonly at: number }
  | { readonly kind: 'undone'; readonly at: number };

/** A saga's journal, opened by one owner. */
export interface OpenJournal {
  /** All records so far, oldest first. */
  readonly records: readonly JournalRecord[];
  /** Cold. Completes when the record is stored. */
  append(record: JournalRecord): Observable<never>;
  /** Lets others open it. Idempotent. */
  release(): void;
}

export interface Journal {
  /**
   * Cold. Emits the saga's journal once, held for this subscriber alone until it is released.
   * @throws SagaBusyError while another owner holds it.
   */
  open(saga: string, sagaId: string): Observable<OpenJournal>;
}
