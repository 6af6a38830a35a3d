/** Which letters a command is about. Conditions of different kinds must all hold; of one kind given twice, one of them. */
import type { Problem } from '../../errors.ts';
import type { Stage } from '../../events.ts';
import { DURATION_EXPECTED, parseDuration } from '../../policies/duration.ts';
import { type Letter, NONE } from './letter.ts';

export interface FilterOptions {
  readonly all?: boolean;
  readonly id?: readonly string[];
  readonly code?: readonly string[];
  readonly stage?: readonly string[];
  readonly fingerprint?: readonly string[];
  readonly olderThan?: string;
}

/** Where a message can fail: the engine's stages, and the broker itself; letters of others do not say. A name that is none of them would find nothing, in silence. */
const STAGES: readonly string[] = [
  ...(['decode', 'validate', 'slot', 'handle', 'output', 'publish'] satisfies Stage[]),
  'broker',
  NONE,
];

export type Filter = (letter: Letter) => boolean;

/** What `show`, `retry` and `drop` say where conditions fit nothing. */
export const NONE_ASKED_FOR = 'none is among those asked for';

export interface NotingFilter {
  readonly filter: Filter;
  /** What is to be said where letters that were asked for by their ids are not there; undefined where they are, or none was. */
  readonly missing: (dead: string) => string | undefined;
}

/**
 * Notes the letters that are looked at. A letter that was named and is not there is a failure of the command; conditions that nothing fits are none:
 * who clears away by the clock what is old is done where nothing is.
 */
export function noting(filter: Filter, { id = [] }: FilterOptions): NotingFilter {
  const absent = new Set(id);
  return {
    filter: (letter) => {
      absent.delete(letter.id);
      return filter(letter);
    },
    missing: (dead) => (absent.size === 0 ? undefined : `no letter ${[...absent].join(', ')} in ${dead}`),
  };
}

/**
 * @returns the mistakes where there are any. With `needsOne`, saying nothing is a mistake: everything is asked for by `--all`.
 */
export function readFilter(
  options: FilterOptions,
  now: number,
  { needsOne }: { readonly needsOne: boolean },
): Filter | readonly Problem[] {
  const { all = false, id, code, stage, fingerprint, olderThan } = options;
  const olderMs = olderThan === undefined ? undefined : parseDuration(olderThan);
  const given = [id, code, stage, fingerprint, olderThan].filter((option) => option !== undefined).length;
  const problems: Problem[] = [];
  if (needsOne && !all && given === 0)
    problems.push(wrong('', 'which letters? pass --all, or --id, --code, --stage, --fingerprint, --older-than'));
  if (all && given > 0) problems.push(wrong('--all', 'stands alone; leave it out to choose by the other options'));
  if (olderThan !== undefined && olderMs === undefined)
    problems.push(wrong('--older-than', `expected ${DURATION_EXPECTED}, got "${olderThan}"`));
  for (const unknown of (stage ?? []).filter((name) => !STAGES.includes(name)))
    problems.push(wrong('--stage', `expected ${STAGES.slice(0, -1).join(', ')} or ${STAGES.at(-1)}, got "${unknown}"`));
  if (problems.length > 0) return problems;

  const isOneOf = (wanted: readonly string[] | undefined, value: string): boolean =>
    wanted === undefined || wanted.includes(value);
  return (letter) =>
    isOneOf(id, letter.id) &&
    isOneOf(code, letter.code) &&
    isOneOf(stage, letter.stage) &&
    isOneOf(fingerprint, letter.fingerprint) &&
    // A letter that does not say when it failed is not known to be old.
    (olderMs === undefined || (letter.lastFailedAt !== undefined && now - letter.lastFailedAt > olderMs));
}

export const wrong = (path: string, message: string): Problem => ({ subject: 'dlq', path, message });
