/**
 * Whether a value may be held against a schema at once, and for how long where it may not. A pattern may have more to try on a text than there is time for; which
 * texts these may be, the pattern tells. The others, and the values of all other schemas, are not watched.
 */
import type { z } from 'zod';
import { costOf, quickUpTo } from './patterns/pattern-cost.ts';
import { patternsOf } from './schema-patterns.ts';
import { sizeOf } from './value-size.ts';

const LIMIT_MS = 250;
/** Of each that comes in one turn of the event loop, the others wait for it: they get less, once one was given up. */
const LEAST_LIMIT_MS = 10;
/** What sound values may take, beside that. */
const PART_MS = 0.01;
const CHARACTER_MS = 0.00005;

export class SchemaWatch {
  /** Of texts that take no time to speak of, whatever is in them. Infinite: all of them are. */
  readonly #quickLength: number;
  #limitMs = LIMIT_MS;

  constructor(schema: z.ZodType) {
    this.#quickLength = Math.min(...patternsOf(schema).map(({ pattern }) => quickLengthOf(pattern)));
  }

  /** Undefined: there is no need for a limit. */
  limitMsFor(value: unknown): number | undefined {
    if (this.#quickLength === Number.POSITIVE_INFINITY) return undefined;
    const { longestText, parts, characters } = sizeOf(value);
    // What is no text may become one.
    if (this.#quickLength > 0 && longestText <= this.#quickLength) return undefined;
    return Math.ceil(this.#limitMs + parts * PART_MS + characters * CHARACTER_MS);
  }

  /** How it went. */
  learn(isDone: boolean): void {
    this.#limitMs = isDone ? Math.min(LIMIT_MS, this.#limitMs * 2) : Math.max(LEAST_LIMIT_MS, this.#limitMs / 2);
  }
}

const watches = new WeakMap<z.ZodType, SchemaWatch>();

export function watchOf(schema: z.ZodType): SchemaWatch {
  const known = watches.get(schema);
  if (known !== undefined) return known;
  const watch = new SchemaWatch(schema);
  watches.set(schema, watch);
  return watch;
}

const MAX_KNOWN = 1_000;
const quickLengths = new Map<string, number>();

/** Of a text on which the pattern takes no time to speak of. A schema that is made for each message has the patterns of the one before. */
export function quickLengthOf(pattern: RegExp): number {
  const name = String(pattern);
  const known = quickLengths.get(name);
  if (known !== undefined) return known;
  if (quickLengths.size >= MAX_KNOWN) quickLengths.clear();
  const length = quickUpTo(costOf(pattern));
  quickLengths.set(name, length);
  return length;
}
