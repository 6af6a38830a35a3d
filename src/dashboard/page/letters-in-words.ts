/** What a look into the dead-letter queues came to, in words. A queue that could not be looked into may hold any number of letters. */
import type { LetterList } from '../wire.ts';
import { clock, counted } from './format.ts';

export function lookInWords({ letters, groups, gaps, at }: LetterList): string {
  if (letters > 0)
    return `${counted(letters, 'message')} failed for good, in ${counted(groups.length, 'kind')} of failure. Looked at ${clock(at)}.`;
  return `${gaps.length === 0 ? 'None' : 'None where it could be looked'}, looked at ${clock(at)}.`;
}
