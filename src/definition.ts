/**
 * How definitions are checked, and where their mistakes go. Alone, a wrong definition throws where it is made. While the worker
 * loads its modules, a collector takes the problems instead, so that one run reports them all.
 */
import { inspect } from 'node:util';
import { z } from 'zod';
import { DefinitionError, type Problem } from './errors.ts';
import type { Known } from './policies/unknown-option.ts';

export type { Known };

let collected: Problem[] | undefined;

/** @throws DefinitionError with all of them, unless a collector takes them. */
export function reportProblems(problems: readonly Problem[]): void {
  if (problems.length === 0) return;
  if (collected === undefined) throw new DefinitionError(problems);
  collected.push(...problems);
}

/** Runs `load` with a collector installed, and gives what it collected. One at a time: modules load one after the other. */
export async function collectProblems(load: () => Promise<void>): Promise<readonly Problem[]> {
  if (collected !== undefined) throw new Error('problems are being collected already');
  const problems: Problem[] = [];
  collected = problems;
  try {
    await load();
  } finally {
    collected = undefined;
  }
  return problems;
}

/** What is wrong with `value` by `schema`: a problem for each issue, none when it fits. */
export function problemsOf(subject: string, schema: z.ZodType, value: unknown): readonly Problem[] {
  const { error } = schema.safeParse(value, { reportInput: true, jitless: true });
  return (error?.issues ?? []).flatMap((issue) => describeIssue(subject, schema, issue));
}

/** The same of names alone. No value is read: what is behind a getter may not be there before the worker starts. */
export function unknownOptions<Options extends object>(
  subject: string,
  options: Options,
  known: Known<Options>,
): readonly Problem[] {
  const given: unknown = options;
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    return [{ subject, path: '', message: notAnObject(given) }];
  const problems: Problem[] = [];
  for (const name in given)
    if (!Object.hasOwn(known, name))
      problems.push({ subject, path: name, message: unknownKey(name, Object.keys(known)) });
  return problems;
}

/**
 * The options without those that are wrong. What was told is left out of all that is looked at next, so that a mistake is told once, and a definition
 * that a collector lets finish can be looked at like any other.
 */
export function sound<Options extends object>(options: Options, problems: readonly Problem[]): Partial<Options> {
  if (typeof options !== 'object' || options === null) return {};
  // As they were given, what they inherit among them.
  if (problems.length === 0) return options;
  const wrong = new Set(problems.map(({ path }) => path.split('.', 1)[0]));
  return Object.fromEntries(Object.entries(options).filter(([option]) => !wrong.has(option))) as Partial<Options>;
}

function describeIssue(subject: string, schema: z.ZodType, issue: z.core.$ZodIssue): readonly Problem[] {
  const path = issue.path.map(String).join('.');
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        subject,
        path: join(path, key),
        message: unknownKey(key, keysAt(schema, issue.path)),
      }));
    case 'invalid_type':
      if (path === '' && issue.expected === 'object') return [{ subject, path, message: notAnObject(issue.input) }];
      return [{ subject, path, message: `expected ${nameOf(issue.expected)}, got ${show(issue.input)}` }];
    case 'too_small':
      return [
        {
          subject,
          path,
          message: `expected ${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum}, got ${show(issue.input)}`,
        },
      ];
    case 'too_big':
      return [
        {
          subject,
          path,
          message: `expected ${issue.inclusive ? 'at most' : 'less than'} ${issue.maximum}, got ${show(issue.input)}`,
        },
      ];
    case 'invalid_value':
      return [{ subject, path, message: `expected ${issue.values.map(show).join(' or ')}, got ${show(issue.input)}` }];
    case 'invalid_union':
      return describeUnion(subject, schema, issue);
    default:
      return [
        {
          subject,
          path,
          message: issue.message.startsWith('expected') ? `${issue.message}, got ${show(issue.input)}` : issue.message,
        },
      ];
  }
}

/** An object branch that was entered says more than "none of these": its own problems are reported. */
function describeUnion(subject: string, schema: z.ZodType, issue: z.core.$ZodIssueInvalidUnion): readonly Problem[] {
  const entered = issue.errors.find((branch) =>
    branch.some((inner) => inner.path.length > 0 || inner.code === 'unrecognized_keys'),
  );
  if (entered !== undefined) {
    return entered.flatMap((inner) =>
      describeIssue(subject, schema, { ...inner, path: [...issue.path, ...inner.path] }),
    );
  }
  const allowed = issue.errors
    .flat()
    .map((inner) => (inner.code === 'invalid_value' ? inner.values.map(show).join(' or ') : allowedBy(inner)));
  return [
    {
      subject,
      path: issue.path.map(String).join('.'),
      message: `expected ${[...new Set(allowed)].join(' or ')}, got ${show(issue.input)}`,
    },
  ];
}

const allowedBy = (issue: z.core.$ZodIssue): string =>
  issue.code === 'invalid_type' ? nameOf(issue.expected) : issue.message.replace(/^expected /, '');

/** What stands in the place of all options is not shown: it may be a URL with its password, or the secret itself. */
function notAnObject(given: unknown): string {
  const isBare = given === undefined || given === null;
  return `expected an object, got ${isBare ? String(given) : nameOf(Array.isArray(given) ? 'array' : typeof given)}`;
}

const nameOf = (type: string): string =>
  type === 'int' ? 'an integer' : /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`;

const join = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`);

const show = (value: unknown): string =>
  typeof value === 'function'
    ? 'a function'
    : inspect(value, { depth: 1, breakLength: Number.POSITIVE_INFINITY, maxStringLength: 80 });

function unknownKey(key: string, known: readonly string[]): string {
  const suggestion = nearest(key, known);
  return suggestion === undefined
    ? `unknown option; allowed: ${known.join(', ')}`
    : `unknown option, did you mean "${suggestion}"?`;
}

/** Keys the schema knows at a path; none where it is no object. */
function keysAt(schema: unknown, path: readonly PropertyKey[]): readonly string[] {
  const found = path.reduce<readonly unknown[]>((at, key) => at.flatMap((one) => within(one, key)), [schema]);
  return found.flatMap(shapesOf).flatMap((shape) => Object.keys(shape));
}

/** What a schema wants under a key: in lists and records the same under each. */
function within(schema: unknown, key: PropertyKey): readonly unknown[] {
  return alternativesOf(schema).flatMap((one): readonly unknown[] => {
    if (one instanceof z.ZodArray) return [one.element];
    if (one instanceof z.ZodRecord) return [one.valueType];
    return one instanceof z.ZodObject && key in one.shape ? [one.shape[key as string]] : [];
  });
}

/** Shapes of the objects a schema may be. */
const shapesOf = (schema: unknown): readonly Record<string, unknown>[] =>
  alternativesOf(schema).flatMap((one) => (one instanceof z.ZodObject ? [one.shape] : []));

/** What a schema may be, through optional, default and union. */
function alternativesOf(schema: unknown): readonly unknown[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodReadonly)
    return alternativesOf(schema.unwrap());
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option) => alternativesOf(option));
  return [schema];
}

/** The candidate a mistyped word most likely means: at most a third of its letters differ. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: editDistance(word.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best !== undefined && best.distance <= Math.max(1, Math.floor(best.candidate.length / 3))
    ? best.candidate
    : undefined;
}

/** Levenshtein distance, one row at a time. @see https://en.wikipedia.org/wiki/Levenshtein_distance */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}

/** The check of an option that is a schema: of zod 4. Of another, which may look alike, is told whose it is. */
export const zodSchema = () =>
  z.custom<z.ZodType>((value) => value instanceof z.ZodType, { error: ({ input }) => wrongSchema(input) });

function wrongSchema(given: unknown): string {
  const owner = schemaOwner(given);
  const expected = 'expected a zod schema';
  return owner === undefined ? expected : `is a schema of ${owner}; ${expected}, by z of zod 4 (npm install zod@4)`;
}

/** By what schemas tell of themselves; undefined for what is none. */
function schemaOwner(given: unknown): string | undefined {
  if ((typeof given !== 'object' && typeof given !== 'function') || given === null) return undefined;
  if ('_zod' in given) return 'zod/mini';
  if ('_def' in given && 'safeParse' in given) return 'zod 3';
  const { '~standard': standard } = given as { readonly '~standard'?: { readonly vendor?: unknown } };
  return typeof standard?.vendor === 'string' ? standard.vendor : undefined;
}
