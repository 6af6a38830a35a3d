/** Equality with what a recording holds: a value it does not hold equals any. */
import { NOT_RECORDED } from '../../recording/recording.ts';
import { isSame } from '../marble-equal.ts';

export function isAsRecorded(value: unknown, recorded: unknown): boolean {
  if (recorded === NOT_RECORDED) return true;
  if (Array.isArray(recorded) && Array.isArray(value))
    return recorded.length === value.length && recorded.every((item, at) => isAsRecorded(value[at], item));
  if (!isTable(recorded) || !isTable(value)) return isSame(value, recorded);
  const names = Object.keys(recorded);
  return (
    names.length === Object.keys(value).length &&
    names.every((name) => Object.hasOwn(value, name) && isAsRecorded(value[name], recorded[name]))
  );
}

const isTable = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
