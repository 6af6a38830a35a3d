/** A saga's journal as people read it: a line for each record. */
import type { JournalRecord } from '../journal/journal.ts';

export function describeRecord(record: JournalRecord): string {
  switch (record.kind) {
    case 'started':
      return `started${record.version === undefined ? '' : `, version ${record.version}`}`;
    case 'stepIntended':
      return `${record.step}: begun`;
    case 'stepSkipped':
      return `${record.step}: skipped, its condition does not hold`;
    case 'stepDone':
      return `${record.step}: done`;
    case 'stepFailed': {
      const { step, code, message, inDoubt = [] } = record;
      const doubt = inDoubt.length === 0 ? '' : `; in doubt and undone too: ${inDoubt.join(', ')}`;
      return `${step}: failed, turning back: ${code} ${message}${doubt}`;
    }
    case 'compensationIntended':
      return `${record.step}: undoing`;
    case 'compensationDone':
      return `${record.step}: undone`;
    case 'compensationFailed':
      return `${record.step}: could not be undone: ${record.code} ${record.message}`;
    case 'stuck':
      return `stuck${record.step === '' ? '' : ` at ${record.step}`}: ${record.code} ${record.message}`;
    case 'completed':
      return 'completed';
    case 'undone':
      return 'undone';
    case 'abandoned':
      return 'abandoned by hand';
    case 'kept':
      return 'a value is kept';
  }
}

/** One line for each record, with its time. */
export const describeJournal = (records: readonly JournalRecord[]): string =>
  records.map((record) => `${new Date(record.at).toISOString()} ${describeRecord(record)}`).join('\n');
