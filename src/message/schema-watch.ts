/**
 * Whether a value may be held against a schema at once, and for how long where it may not. A pattern may have more to try on a text than there is time for; which
 * texts these may be, the pattern tells. The others, and the values of all other schemas, are not watched. Moments are the caller's.
 */
import type { z } from 'zod';
import { makeAhead } from './made-ahead.ts';
import { costOf, type PatternCost, quickUpTo } from './patterns/pattern-cost.ts';
import { patternsOf } from './schema-patterns.ts';
import { sizeOf } from './value-size.ts';

const LIMIT_MS = 250;
/** What a value may take for its size. */
const PART_MS = 0.01;
const CHARACTER_MS = 0.00005;
/** Many may come in one turn of the event loop, and all else waits for it: once so much has gone on values that were refused, the next get the least. */
const LOST_MS = 1_000;
const LEAST_LIMIT_MS = 10;
const LEAST_OF_SIZE_RATIO = 0.1;
/** Of what was lost, with time: 4 s later nothing of it counts. */
const RECOVERY_RATIO = 0.25;
/** Sound values may take that much more than the longest of the last hundred or so, each for its size. */
const SOUND_TIMES = 2;
const FORGETTING_RATIO = 0.99;

export interface TimeAllowed {
  readonly limitMs: number;
  /** What it were if nothing had been lost. */
  readonly fullMs: number;
}

export class SchemaWatch {
  /** Of all texts of a value that take no time to speak of, whatever is in them. Infinite: none does. */
  readonly #quickLength: number;
  #lostMs = 0;
  #lostAtMs = 0;
  /** What sound values took of what they were given at most. */
  #soundRatio = 0;

  constructor(schema: z.ZodType) {
    const { patterns, areAll, parts } = patternsOf(schema);
    const costs = new Map(patterns.map(({ pattern }) => [String(pattern), knownCostOf(pattern)]));
    const slow = [...costs.values()].filter((cost) => quickUpTo(cost) < Number.POSITIVE_INFINITY);
    this.#quickLength = areAll ? Math.min(...slow.map((cost) => quickUpTo(cost, slow.length))) : 0;
    if (this.#quickLength < Number.POSITIVE_INFINITY) makeAhead(parts);
  }

  /** Undefined: there is no need for a limit. */
  timeFor(value: unknown, nowMs: number): TimeAllowed | undefined {
    if (this.#quickLength === Number.POSITIVE_INFINITY) return undefined;
    const { characters, parts } = sizeOf(value);
    // What a schema makes of a value that has no text, nobody knows.
    if (this.#quickLength > 0 && characters <= this.#quickLength) return undefined;
    const sizeMs = parts * PART_MS + (Number.isFinite(characters) ? characters * CHARACTER_MS : 0);
    const fullMs = LIMIT_MS + sizeMs;
    const leftRatio = Math.max(1 - this.#lostAt(nowMs) / LOST_MS, Math.min(1, this.#soundRatio * SOUND_TIMES));
    const leastMs = LEAST_LIMIT_MS + sizeMs * LEAST_OF_SIZE_RATIO;
    return { limitMs: Math.ceil(Math.max(leastMs, fullMs * leftRatio)), fullMs };
  }

  /** A value fits. */
  learnSound(tookMs: number, { fullMs }: TimeAllowed): void {
    this.#soundRatio = Math.max(tookMs / fullMs, this.#soundRatio * FORGETTING_RATIO);
  }

  /** One does not, or was given up. */
  learnRefused(tookMs: number, nowMs: number): void {
    this.#lostMs = Math.min(LOST_MS, this.#lostAt(nowMs) + Math.max(0, tookMs));
    this.#lostAtMs = nowMs;
  }

  /** A clock that is set back must not keep it for longer. */
  #lostAt(nowMs: number): number {
    return Math.max(0, this.#lostMs - Math.abs(nowMs - this.#lostAtMs) * RECOVERY_RATIO);
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
const costs = new Map<string, PatternCost | undefined>();

/** A schema that is made for each message has the patterns of the one before. */
export function knownCostOf(pattern: RegExp): PatternCost | undefined {
  const name = String(pattern);
  if (costs.has(name)) return costs.get(name);
  if (costs.size >= MAX_KNOWN) costs.clear();
  const cost = costOf(pattern);
  costs.set(name, cost);
  return cost;
}
