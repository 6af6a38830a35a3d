/**
 * URLs from parts: a base that the definition fixes, a path template of the author, values that may come from a message.
 * Values are encoded into one segment each, and what comes out is parsed once more: a call never leaves its base URL.
 */
import type { CallOptions, ParameterValue } from './api.ts';

/** Where an API lives. */
export interface BaseUrl {
  /** Scheme, host and port. */
  readonly origin: string;
  /** Path all calls begin with; without a slash at its end, empty for the root. */
  readonly prefix: string;
}

/** Thrown within src/http only; the message never holds a value of the message. */
export class UrlError extends Error {}

/**
 * The parts of a base URL.
 * @throws UrlError for anything but http and https, and for user names, queries and fragments. Does not show the URL: it may hold a password.
 */
export function parseBaseUrl(text: string): BaseUrl {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text))
    throw new UrlError(
      `must be a URL with http:// or https://${text.includes('://') ? '' : ', as http://localhost:3000'}`,
    );
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') throw new UrlError('must not hold a user name or password, use auth');
  if (text.includes('?') || text.includes('#')) throw new UrlError('must not hold a query or a fragment');
  return { origin: url.origin, prefix: url.pathname.replace(/\/+$/, '') };
}

export const isInside = ({ origin, prefix }: BaseUrl, url: URL): boolean =>
  url.origin === origin &&
  url.username === '' &&
  url.password === '' &&
  (prefix === '' || url.pathname === prefix || url.pathname.startsWith(`${prefix}/`));

const NO_VALUES = {};

/** A path template under a base URL, read once. */
export interface PathTemplate {
  readonly base: BaseUrl;
  /** Texts before, between and after the places: one more than there are names. */
  readonly texts: readonly string[];
  /** Names of the places, in order. */
  readonly names: readonly string[];
  /** Prefix and path where there are no places: checked once for all calls. */
  readonly fixed: string | undefined;
}

/** What a path may consist of: unreserved, sub-delims, `:` and `@`, percent triplets, and slashes (RFC 3986 section 3.3). */
const PATH = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*$/;
/** Slash, backslash and NUL in disguise: servers differ in whether they see through it. */
const DISGUISED = /%2f|%5c|%00/i;
const PLACE = /\{([A-Za-z_][A-Za-z0-9_]*)\}/;

/**
 * Reads `/orders/{id}/items`.
 * @throws UrlError for a path that does not begin with one slash, holds a query, an empty or a dot segment, or characters no path may hold.
 */
export function parseTemplate(base: BaseUrl, text: string): PathTemplate {
  if (typeof text !== 'string' || !text.startsWith('/'))
    throw new UrlError('path must begin with a slash: it is relative to the base URL');
  if (text.includes('?') || text.includes('#')) throw new UrlError('path must not hold ? or #, use the option params');
  const parts = text.split(PLACE);
  const texts = parts.filter((_, index) => index % 2 === 0);
  const names = parts.filter((_, index) => index % 2 === 1);
  if (!texts.every((part) => PATH.test(part)))
    throw new UrlError('path holds a character that must be encoded, use a place {name} and the option path');
  if (texts.some((part) => DISGUISED.test(part))) throw new UrlError('path holds an encoded slash, backslash or NUL');
  requireSegments(texts.join('x'));
  const fixed = names.length === 0 ? under(base, text) : undefined;
  return { base, texts, names, fixed };
}

/** Refuses empty segments (`//host` begins with one) and those that mean "here" or "up", encoded or not. A slash at the end is fine. */
function requireSegments(path: string): void {
  const segments = path.split('/');
  for (let index = 1; index < segments.length; index++) {
    const segment = segments[index] ?? '';
    if (segment === '' && index < segments.length - 1) throw new UrlError('path holds an empty segment');
    if (isDots(segment)) throw new UrlError('path holds a "." or ".." segment');
  }
}

const isDots = (segment: string): boolean => {
  const plain = segment.replace(/%2e/gi, '.');
  return plain === '.' || plain === '..';
};

/**
 * Prefix and path, each value encoded into its segment.
 * @throws UrlError for a missing, an unknown or an unusable value, and when the outcome leaves the base URL.
 */
export function fillTemplate({ base, texts, names, fixed }: PathTemplate, values: CallOptions['path']): string {
  for (const name of Object.keys(values ?? NO_VALUES))
    if (!names.includes(name)) throw new UrlError(`path has no place {${name.slice(0, 40)}}`);
  if (fixed !== undefined) return fixed;

  let path = texts[0] ?? '';
  for (const [index, name] of names.entries()) {
    const value = values !== undefined && Object.hasOwn(values, name) ? values[name] : undefined;
    path += encodeSegment(name, value) + (texts[index + 1] ?? '');
  }
  requireSegments(path);
  return under(base, path);
}

/** Prefix and path. The parser has the last word: if it reads anything but what was put together, the call does not go out. */
function under(base: BaseUrl, path: string): string {
  const target = base.prefix + path;
  const url = new URL(base.origin + target);
  if (!isInside(base, url) || url.pathname !== target) throw new UrlError('path leaves the base URL');
  return target;
}

function encodeSegment(name: string, value: ParameterValue | undefined): string {
  const text = textOf(value, `value of {${name}}`);
  if (text === '') throw new UrlError(`value of {${name}} is empty`);
  if (text === '.' || text === '..') throw new UrlError(`value of {${name}} is a dot segment`);
  return encode(text, `value of {${name}}`);
}

/**
 * `?a=1&b=2`, or nothing; undefined members are left out, arrays repeat their name.
 * @throws UrlError for a value that is no text, number or truth value.
 */
export function queryOf(params: CallOptions['params']): string {
  if (params === undefined) return '';
  let query = '';
  for (const name of Object.keys(params)) {
    const member = params[name];
    if (member === undefined) continue;
    const what = `query parameter ${JSON.stringify(name.slice(0, 40))}`;
    for (const value of isList(member) ? member : [member]) {
      query += `${query === '' ? '?' : '&'}${encode(name, what)}=${encode(textOf(value, what), what)}`;
    }
  }
  return query;
}

const isList = (member: ParameterValue | readonly ParameterValue[]): member is readonly ParameterValue[] =>
  Array.isArray(member);

function textOf(value: unknown, what: string): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' ? Number.isFinite(value) : typeof value === 'bigint' || typeof value === 'boolean')
    return String(value);
  throw new UrlError(
    `${what} is ${typeof value === 'number' || value === null ? String(value) : typeof value}, expected a text, a finite number or a truth value`,
  );
}

function encode(text: string, what: string): string {
  try {
    return encodeURIComponent(text);
  } catch {
    throw new UrlError(`${what} is not well-formed Unicode`);
  }
}
