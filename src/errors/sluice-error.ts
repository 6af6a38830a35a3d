/**
 * What all errors of sluice have in common, and what can be said of anything that was thrown.
 * Nothing here throws, whatever it is given.
 */

import { firstOf } from './first-of.ts';

export interface SluiceErrorOptions {
  readonly cause?: unknown;
}

/** Base of all errors of sluice. */
export abstract class SluiceError extends Error {
  /** Stable across releases; dead letters, logs and metrics carry it. */
  abstract readonly code: string;
  /** Whether another attempt may succeed: transient errors are retried, permanent ones are dead-lettered. */
  readonly isTransient: boolean = false;
  /** What a person needs beside the message to act on it; dead letters carry it. */
  declare readonly details?: string;

  constructor(message: string, options: SluiceErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = new.target.name;
  }
}

/**
 * Whether a cause is worth another attempt. True only for an error that says so itself, through an own or inherited
 * `isTransient: true`; whatever else is thrown (a TypeError, a string, undefined) is a mistake of the program: permanent.
 */
export function isTransient(cause: unknown): boolean {
  try {
    return typeof cause === 'object' && cause !== null && 'isTransient' in cause && cause.isTransient === true;
  } catch {
    // A getter or a proxy that throws: what is asked about is thrown by anybody.
    return false;
  }
}

/** The stable code of an error, `ERR_HANDLE_FAILED` for anything that has none of ours. */
export function codeOf(cause: unknown): string {
  try {
    return cause instanceof SluiceError ? cause.code : 'ERR_HANDLE_FAILED';
  } catch {
    return 'ERR_HANDLE_FAILED';
  }
}

/** The code by which the system, Node or a package names an error (`ENOENT`, `SQLITE_BUSY`, `42P01`); undefined where it has none that is a text. */
export function systemCodeOf(cause: unknown): string | undefined {
  try {
    return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
  } catch {
    return undefined;
  }
}

/** Of Node itself, or of a package: no package's name begins with a dot. */
const NOT_AUTHORS = /[( ]node:|[\\/]node_modules[\\/](?!\.)/;
/** Each part begins in one place alone: a line is as long as whoever made it wants, and is looked at once. */
const FRAME = /^ {4}at (?:async )?(?:[^(]* \()?((?:file:\/\/)?(?:\/|[A-Za-z]:\\).*:\d+:\d+)\)?$/;

/**
 * Where an error that is none of ours was thrown, as `/app/pipelines/orders.ts:19:10`: the first line of its stack that is of no package; undefined
 * where there is none. Its message says what is undefined, and not where.
 */
export function placeOf(cause: unknown): string | undefined {
  try {
    const several: readonly unknown[] = cause instanceof AggregateError ? cause.errors : [];
    for (const frame of [cause, ...several].flatMap(framesOf)) {
      const place = FRAME.exec(frame)?.[1];
      if (place !== undefined && !NOT_AUTHORS.test(frame)) return place.replace(/^file:\/\//, '');
    }
    return undefined;
  } catch {
    return undefined;
  }
}

/** Without the message, which a stack begins with: it may have lines of its own, and what a stranger sent in them. */
function framesOf(cause: unknown): readonly string[] {
  if (!(cause instanceof Error) || cause instanceof SluiceError) return [];
  const { stack = '', message } = cause;
  const begin = stack.indexOf(message);
  return stack.slice(begin < 0 ? 0 : begin + message.length).split('\n');
}

/** What an error of ours tells beside its message. */
export function detailsOf(error: unknown): string | undefined {
  try {
    return error instanceof SluiceError ? error.details : undefined;
  } catch {
    return undefined;
  }
}

/** The cause of an error, undefined where it has none or cannot be read. */
export function causeOf(error: unknown): unknown {
  try {
    return error instanceof Error ? error.cause : undefined;
  } catch {
    return undefined;
  }
}

/** Longest text of an error that is passed on, in characters: some hold a whole answer, and each goes into logs, facts and journals. */
const MAX_MESSAGE_LENGTH = 4_000;

/** The text of whatever was thrown: a string, never empty, whatever it is; of a long one its beginning. */
export function messageOf(cause: unknown): string {
  const text = textOf(cause);
  return text.length > MAX_MESSAGE_LENGTH
    ? `${text.slice(0, MAX_MESSAGE_LENGTH)}… (${text.length} characters in all)`
    : text;
}

/** Whoever throws an object of his own means its `message`, as in an Error, or has a text for it; of another its names say what it was. */
function saidBy(cause: object): string {
  const { message, toString: textOf } = cause as { readonly message?: unknown; readonly toString?: unknown };
  if (typeof message === 'string' && message !== '') return message;
  const names = Object.keys(cause);
  const text = typeof textOf === 'function' || names.length === 0 ? String(cause as unknown) : NO_TEXT;
  return text === NO_TEXT && names.length > 0 ? `an object with ${names.slice(0, 10).join(', ')}` : text;
}

/** Of an object without one of its own. */
const NO_TEXT = '[object Object]';

/** Of several at once, each text once, and the first of many: what stands for them all (`All promises were rejected`, or nothing, as of a host with several addresses) says nothing. */
function textOfAll({ message, errors }: AggregateError): string {
  const each = (errors as readonly unknown[]).map((error) =>
    error instanceof Error ? ownTextOf(error) : textOf(error),
  );
  return [message, firstOf([...new Set(each)], (text) => text)].filter((text) => text !== '').join(': ');
}

const ownTextOf = ({ message, name }: Error): string => String(message || name || 'an error without a message');

function textOf(cause: unknown): string {
  try {
    if (cause instanceof AggregateError && cause.errors.length > 0) return textOfAll(cause);
    if (cause instanceof Error) return ownTextOf(cause);
    if (typeof cause === 'string' && cause !== '') return cause;
    return `thrown value: ${typeof cause === 'object' && cause !== null ? saidBy(cause) : String(cause)}`;
  } catch {
    return 'a thrown value that cannot be read';
  }
}
