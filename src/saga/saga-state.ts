/** Where a saga stands, read from its journal: which steps are done, what was decided, how it ended. Pure. */
import type { JournalRecord } from '../journal/journal.ts';

/** Why a saga turned back. Recorded once, never reversed. */
export interface StepFailure {
  readonly step: string;
  readonly code: string;
  readonly message: string;
}

export interface SagaState {
  readonly inputHash: string | undefined;
  /** Results of the steps done, in the order they were done. */
  readonly results: ReadonlyMap<string, unknown>;
  /** The decision to compensate, once taken. */
  readonly failure: StepFailure | undefined;
  /** Steps undone, in the order they were. */
  readonly compensated: readonly string[];
  readonly end: 'completed' | 'undone' | undefined;
}

export function sagaState(records: readonly JournalRecord[]): SagaState {
  let inputHash: string | undefined;
  let failure: StepFailure | undefined;
  let end: SagaState['end'];
  const results = new Map<string, unknown>();
  const compensated: string[] = [];
  for (const record of records) {
    switch (record.kind) {
      case 'started':
        inputHash = record.inputHash;
        break;
      case 'stepDone':
        results.set(record.step, record.result);
        break;
      case 'stepFailed':
        failure ??= { step: record.step, code: record.code, message: record.message };
        break;
      case 'compensationDone':
        compensated.push(record.step);
        break;
      case 'completed':
      case 'undone':
        end = record.kind;
        break;
      // What was begun and not ended is done again, with the same key: nothing to remember of it.
      case 'stepIntended':
      case 'compensationIntended':
      case 'compensationFailed':
        break;
    }
  }
  return { inputHash, results, failure, compensated, end };
}
