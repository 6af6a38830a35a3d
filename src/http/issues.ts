/** Issues of a schema in words that tell nothing of the value. */
import type { z } from 'zod';
import { TOO_SLOW } from '../message/parse-now.ts';

const MAX_LISTED = 5;

/** Characters of a member's name. */
const MAX_NAME = 40;

/** `items[0].price (invalid_type, expected number)`: where, what kind, what the schema wants. The texts of issues may quote the value, so they stay out. */
export const describeIssues = (issues: readonly z.core.$ZodIssue[], whole: string): string =>
  listOf(issues, (issue) => `${pathOf(issue.path, whole)} (${kindOf(issue)})`);

function listOf<Item>(items: readonly Item[], nameOf: (item: Item) => string): string {
  const named = items.slice(0, MAX_LISTED).map(nameOf).join(', ');
  return items.length > MAX_LISTED ? `${named} and ${items.length - MAX_LISTED} more` : named;
}

/** Of the schema alone, and the names of members it does not have. */
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
    case 'unrecognized_keys':
      return `${issue.code}: ${listOf(issue.keys, shortened)}`;
    case 'custom':
      return issue.message === TOO_SLOW ? TOO_SLOW : issue.code;
    default:
      return issue.code;
  }
}

const shortened = (name: string): string => name.slice(0, MAX_NAME);

const pathOf = (path: readonly PropertyKey[], whole: string): string =>
  path.length === 0
    ? `the whole ${whole}`
    : path
        .map((key, index) =>
          typeof key === 'number' ? `[${key}]` : `${index === 0 ? '' : '.'}${shortened(String(key))}`,
        )
        .join('');
