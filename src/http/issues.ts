/** Issues of a schema in words that tell nothing of the value. */
import type { z } from 'zod';

const MAX_ISSUES = 5;

/** `items[0].price (invalid_type, expected number)`: where, what kind, what the schema wants. The texts of issues may quote the value, so they stay out. */
export function describeIssues(issues: readonly z.core.$ZodIssue[], whole: string): string {
  const named = issues.slice(0, MAX_ISSUES).map((issue) => `${pathOf(issue.path, whole)} (${kindOf(issue)})`);
  return issues.length > MAX_ISSUES ? `${named.join(', ')} and ${issues.length - MAX_ISSUES} more` : named.join(', ');
}

/** Of the schema alone. */
function kindOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `${issue.code}, expected ${issue.expected}`;
    case 'too_small':
      return `${issue.code}, expected ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}`;
    case 'too_big':
      return `${issue.code}, expected ${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}`;
    case 'invalid_format':
      return `${issue.code}, expected ${issue.format}`;
    default:
      return issue.code;
  }
}

const pathOf = (path: readonly PropertyKey[], whole: string): string =>
  path.length === 0
    ? `the whole ${whole}`
    : path
        .map((key, index) =>
          typeof key === 'number' ? `[${key}]` : `${index === 0 ? '' : '.'}${String(key).slice(0, 40)}`,
        )
        .join('');
