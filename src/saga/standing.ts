/** Where a saga stands when its message is given up, read from its journal: in words, and the step it is told by. Pure. */
import type { JournalRecord } from '../journal/journal.ts';
import { sagaState } from './saga-state.ts';

export interface Standing {
  /** What is begun and not done, or being undone, several by commas; where nothing is, what it was last about. Empty where that is no step. */
  readonly step: string;
  /** For a sentence: `its message was given up …`. */
  readonly where: string;
}

export function standingOf(records: readonly JournalRecord[]): Standing {
  const moved = records.findLast(isMove);
  if (moved === undefined) return { step: '', where: 'before its first step' };
  const { step } = moved;
  const back = WAY_BACK[moved.kind];
  if (back !== undefined) return { step, where: back(`step "${step}"`) };
  const { intended, results } = sagaState(records);
  const underWay = [...intended].filter((name) => !results.has(name));
  if (underWay.length === 0) return { step, where: `after step "${step}"` };
  const names = underWay.map((name) => `"${name}"`).join(', ');
  return { step: underWay.join(', '), where: `at ${underWay.length === 1 ? 'step' : 'steps'} ${names}` };
}

type Move = Exclude<Extract<JournalRecord, { readonly step: string }>, { readonly kind: 'stuck' }>;

/** That it was stuck, of several steps perhaps, is no move of it: it stands where it stood. */
const isMove = (record: JournalRecord): record is Move => 'step' in record && record.kind !== 'stuck';

/** Once it has turned back it never goes on. */
const WAY_BACK: Readonly<Partial<Record<Move['kind'], (step: string) => string>>> = {
  stepFailed: (step) => `on the way back, after ${step} failed`,
  compensationIntended: (step) => `on the way back, as ${step} was being undone`,
  compensationFailed: (step) => `on the way back, after ${step} could not be undone`,
  compensationDone: (step) => `on the way back, after ${step} was undone`,
};
