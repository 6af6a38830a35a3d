/**
 * A response of the fast lane. Its headers stay the bytes that came, names and values in turn, until somebody asks: of the five or more that servers
 * send, most calls want three.
 */
import type { TransportResponse } from './transport.ts';

/** What reads all of them: undici's own. */
export type ReadHeaders = (raw: Buffer[]) => TransportResponse['headers'];

export class LaneResponse implements TransportResponse {
  readonly status: number;
  readonly body: Uint8Array;
  readonly #raw: Buffer[];
  readonly #readHeaders: ReadHeaders;
  #headers: TransportResponse['headers'] | undefined;

  constructor(status: number, raw: Buffer[], body: Uint8Array, readHeaders: ReadHeaders) {
    this.status = status;
    this.body = body;
    this.#raw = raw;
    this.#readHeaders = readHeaders;
  }

  get headers(): TransportResponse['headers'] {
    this.#headers ??= this.#readHeaders(this.#raw);
    return this.#headers;
  }

  header(name: string): string | undefined {
    return rawHeader(this.#raw, name);
  }
}

/** One header of those that came, by its name in lower case; repeated ones joined. */
export function rawHeader(raw: readonly Buffer[], name: string): string | undefined {
  let found: string | undefined;
  for (let at = 0; at < raw.length; at += 2) {
    if (!isNamed(raw[at], name)) continue;
    const value = raw[at + 1]?.toString('latin1') ?? '';
    found = found === undefined ? value : `${found}, ${value}`;
  }
  return found;
}

/** The body's length as the server announces it. 0 where it does not, or not in digits alone: undici refuses what is no length. */
export function announcedBytes(raw: readonly Buffer[]): number {
  for (let at = 0; at < raw.length; at += 2) if (isNamed(raw[at], 'content-length')) return inDigits(raw[at + 1]);
  return 0;
}

const BLANK = 0x20;

/** Read byte by byte: through a text it takes ten times as long, for each answer. */
function inDigits(bytes: Buffer | undefined): number {
  if (bytes === undefined) return 0;
  let number = 0;
  for (let at = 0; at < bytes.length; at++) {
    // Blanks may follow, and only they: HTTP allows it, and undici gives them as they came.
    if (bytes[at] === BLANK) return number;
    const digit = (bytes[at] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) return 0;
    number = number * 10 + digit;
  }
  return number;
}

function isNamed(bytes: Buffer | undefined, name: string): boolean {
  if (bytes?.length !== name.length) return false;
  for (let at = 0; at < name.length; at++) if (lowered(bytes[at] ?? 0) !== name.charCodeAt(at)) return false;
  return true;
}

const lowered = (code: number): number => (code >= 0x41 && code <= 0x5a ? code + 0x20 : code);
