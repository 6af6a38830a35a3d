/**
 * What of a message's content may be seen. Nothing by default: of a body its field names and kinds of values, of headers their names, and in
 * clear what sluice and AMQP themselves wrote. Masking happens in the worker, before anything is sent. Pure.
 */
import { decodeBody } from '../message/codec.ts';
import { shortened } from './shortened.ts';
import type { Shown } from './wire.ts';

/** `all`; or names of fields and headers whose values may be seen, with all that is in them: `order_id`, `items.sku`. */
export type PayloadsShown = 'all' | readonly string[];

/** A body larger than this, inflated, is not opened. */
const MAX_OPENED_BYTES = 512 * 1_024;
const MAX_TEXT = 32 * 1_024;
const MAX_ITEMS = 20;
const MAX_DEPTH = 12;
/** Names that look like names. A key that is an e-mail address is content, too. */
const NAME = /^[A-Za-z_$][\w$-]{0,63}$/;

/** What a body holds, as far as it can be read. */
export type Opened =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'unread'; readonly why: string };

export function openBody(body: Uint8Array, contentType: string | undefined, contentEncoding?: string): Opened {
  if (body.byteLength === 0) return { kind: 'unread', why: 'empty' };
  const properties = {
    ...(contentType === undefined ? {} : { contentType }),
    ...(contentEncoding === undefined ? {} : { contentEncoding }),
  };
  const decoded = decodeBody(body, properties, { maxBytes: MAX_OPENED_BYTES });
  return decoded.ok ? { kind: 'value', value: decoded.value } : { kind: 'unread', why: decoded.error.message };
}

/** A body as text that may be shown. */
export function showBody(opened: Opened, bytes: number, shown: PayloadsShown): Shown {
  if (opened.kind === 'unread') return { text: `(${opened.why})`, isMasked: false, bytes };
  const { value, isMasked } = mask(opened.value, shown);
  const text =
    value instanceof Uint8Array
      ? `(${bytes} bytes)`
      : typeof value === 'string'
        ? value
        : JSON.stringify(value, null, 2);
  return { text: shortened(text, MAX_TEXT), isMasked, bytes };
}

/** A value with everything masked that may not be seen. */
export function mask(value: unknown, shown: PayloadsShown): { readonly value: unknown; readonly isMasked: boolean } {
  if (shown === 'all') return { value, isMasked: false };
  const masking = new Masking(shown);
  return { value: masking.of(value, [], 0), isMasked: masking.hasMasked };
}

class Masking {
  readonly #shown: ReadonlySet<string>;
  hasMasked = false;

  constructor(shown: readonly string[]) {
    this.#shown = new Set(shown);
  }

  of(value: unknown, path: readonly string[], depth: number): unknown {
    if (path.length > 0 && this.#maySee(path)) return value;
    if (value === null || value === undefined) return value;
    if (Array.isArray(value)) return this.#ofList(value, path, depth);
    if (typeof value === 'object' && !(value instanceof Uint8Array)) return this.#ofObject(value, path, depth);
    this.hasMasked = true;
    return value instanceof Uint8Array ? '‹bytes›' : `‹${KINDS[typeof value] ?? typeof value}›`;
  }

  #ofList(list: readonly unknown[], path: readonly string[], depth: number): unknown {
    if (depth >= MAX_DEPTH) return this.#deep();
    const items = list.slice(0, MAX_ITEMS).map((item) => this.of(item, path, depth + 1));
    return list.length > MAX_ITEMS ? [...items, `‹${list.length - MAX_ITEMS} more›`] : items;
  }

  #ofObject(object: object, path: readonly string[], depth: number): unknown {
    if (depth >= MAX_DEPTH) return this.#deep();
    const masked = Object.entries(object).map(([name, value], index) => {
      const isName = NAME.test(name);
      if (!isName) this.hasMasked = true;
      return [isName ? name : `‹name ${index + 1}›`, this.of(value, [...path, name], depth + 1)];
    });
    // No prototype to be reached by a field of that name.
    return Object.assign(Object.create(null) as object, Object.fromEntries(masked));
  }

  #deep(): string {
    this.hasMasked = true;
    return '‹deeper›';
  }

  #maySee(path: readonly string[]): boolean {
    return this.#shown.has(path.at(-1) ?? '') || this.#shown.has(path.join('.'));
  }
}

const KINDS: Readonly<Record<string, string>> = { string: 'text', number: 'number', boolean: 'true or false' };

/** Headers written by sluice, by the broker, or for tracing. */
const OPEN_HEADERS =
  /^(x-sluice-(?!user-id)[\w-]+|traceparent|x-death|x-(first|last)-death-[\w-]+|x-(delivery|acquired)-count|content-type)$/;
const SECRET_HEADERS =
  /authorization|cookie|token|secret|passw|passphrase|pwd|credential|(api|private)[-_]?key|session|jwt/i;
const MAX_HEADERS = 60;

export function showHeaders(
  headers: Readonly<Record<string, unknown>>,
  shown: PayloadsShown,
): { readonly name: string; readonly value: string }[] {
  const maySee = (name: string): boolean =>
    OPEN_HEADERS.test(name) || (!SECRET_HEADERS.test(name) && (shown === 'all' || shown.includes(name)));
  return Object.entries(headers)
    .filter(([, value]) => value !== undefined)
    .slice(0, MAX_HEADERS)
    .map(([name, value]) => ({ name: shortened(name), value: maySee(name) ? headerText(value) : '‹hidden›' }));
}

function headerText(value: unknown): string {
  if (typeof value === 'string') return shortened(value);
  if (value instanceof Uint8Array) return `(${value.byteLength} bytes)`;
  const text = JSON.stringify(value, (_name, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner));
  return shortened(text ?? 'undefined');
}
