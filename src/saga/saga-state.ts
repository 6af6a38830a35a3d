/** Where a saga stands, read from its journal: which steps are done, what was decided, how it ended. Pure. */
import type { JournalRecord } from '../journal/journal.ts';

/** Why a saga turned back. Recorded once, never reversed. */
export interface StepFailure {
  readonly step: string;
  readonly code: string;
  readonly message: string;
  /** Steps that may have taken effect, and are undone as if they had. */
  readonly inDoubt: readonly string[];
}

export interface SagaState {
  readonly started: Extract<JournalRecord, { readonly kind: 'started' }> | undefined;
  /** Steps that were begun: what their conditions said holds for good. */
  readonly intended: ReadonlySet<string>;
  /** Results of the steps done, in the order they were done; undefined for those that were skipped. */
  readonly results: ReadonlyMap<string, unknown>;
  readonly skipped: ReadonlySet<string>;
  /** The decision to compensate, once taken. */
  readonly failure: StepFailure | undefined;
  /** Steps whose undoing was begun. */
  readonly undoing: ReadonlySet<string>;
  /** Steps undone, in the order they were. */
  readonly compensated: readonly string[];
  /** How often undoing a step has failed; counted anew when a stuck saga is given back. */
  readonly undoFailures: ReadonlyMap<string, number>;
  readonly end: 'completed' | 'undone' | 'abandoned' | undefined;
  /** What it said at its end. */
  readonly answer: unknown;
}

export function sagaState(records: readonly JournalRecord[]): SagaState {
  let started: SagaState['started'];
  let failure: StepFailure | undefined;
  let end: SagaState['end'];
  let answer: unknown;
  const intended = new Set<string>();
  const results = new Map<string, unknown>();
  const skipped = new Set<string>();
  const undoing = new Set<string>();
  const compensated: string[] = [];
  const undoFailures = new Map<string, number>();
  for (const record of records) {
    switch (record.kind) {
      case 'started':
        started = record;
        break;
      case 'stepIntended':
        intended.add(record.step);
        break;
      case 'stepSkipped':
        skipped.add(record.step);
        results.set(record.step, undefined);
        break;
      case 'stepDone':
        results.set(record.step, record.result);
        break;
      case 'stepFailed': {
        const { step, code, message, inDoubt = [] } = record;
        failure ??= { step, code, message, inDoubt };
        break;
      }
      case 'compensationDone':
        compensated.push(record.step);
        break;
      case 'completed':
      case 'undone':
        end = record.kind;
        answer = record.answer;
        break;
      case 'abandoned':
        end = record.kind;
        break;
      case 'compensationFailed':
        undoFailures.set(record.step, (undoFailures.get(record.step) ?? 0) + 1);
        break;
      case 'stuck':
        undoFailures.clear();
        break;
      case 'compensationIntended':
        undoing.add(record.step);
        break;
      case 'kept':
        break;
    }
  }
  return { started, intended, results, skipped, failure, undoing, compensated, undoFailures, end, answer };
}
