/** What a look into the dead-letter queues came to, in words. A queue that could not be looked into may hold any number of letters. */
import type { LetterList } from '../wire.ts';
import { clock, counted } from './format.ts';

export function lookInWords({ letters, groups, gaps, at }: LetterList): string {
  // A look that broke off has found some of a queue it could not count.
  const most = Math.max(
    letters,
    groups.reduce((sum, group) => sum + group.letters, 0),
  );
  const isAll = gaps.length === 0;
  if (most === 0)
    return isAll
      ? `None, looked at ${clock(at)}.`
      : `None found, but not every queue could be looked into. Looked at ${clock(at)}.`;
  const atLeast = isAll ? '' : 'at least ';
  const kinds = groups.length === 0 ? '' : `, in ${atLeast}${counted(groups.length, 'kind')} of failure`;
  return `${isAll ? '' : 'At least '}${counted(most, 'message')} failed for good${kinds}. Looked at ${clock(at)}.`;
}
