/** Issues of a schema in words that tell nothing of the value. */
import type { z } from 'zod';

const MAX_ISSUES = 5;

/** `items[0].price (invalid_type)`: where and what kind. The texts of issues may quote the value, so they stay out. */
export function describeIssues(issues: readonly z.core.$ZodIssue[], whole: string): string {
  const named = issues.slice(0, MAX_ISSUES).map(({ path, code }) => `${pathOf(path, whole)} (${code})`);
  return issues.length > MAX_ISSUES ? `${named.join(', ')} and ${issues.length - MAX_ISSUES} more` : named.join(', ');
}

const pathOf = (path: readonly PropertyKey[], whole: string): string =>
  path.length === 0
    ? `the whole ${whole}`
    : path
        .map((key, index) =>
          typeof key === 'number' ? `[${key}]` : `${index === 0 ? '' : '.'}${String(key).slice(0, 40)}`,
        )
        .join('');
