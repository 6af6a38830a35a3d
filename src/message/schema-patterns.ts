/** The patterns that a schema holds texts against, whichever of its parts they are of. Reads zod's own definitions; what a refinement or a transform does, nobody sees. */
import type { z } from 'zod';
import { versionsOf } from './versions.ts';

export interface SchemaPatterns {
  readonly patterns: readonly SchemaPattern[];
  /** False: there may be others. The schema makes itself anew without end, or a part of it throws where it is asked for. */
  readonly areAll: boolean;
  /** All that were found, checks among them. */
  readonly parts: ReadonlySet<OfZod>;
}

export interface SchemaPattern {
  /** Of the part: `items[].sku`; empty for the whole. */
  readonly path: string;
  readonly pattern: RegExp;
}

/** Parts within parts. What a function makes anew each time has no other end. */
const MAX_DEPTH = 200;
const MAX_PARTS = 10_000;

interface Place {
  readonly part: unknown;
  readonly path: string;
  readonly depth: number;
}

/** Throws nothing. */
export function patternsOf(schema: z.ZodType): SchemaPatterns {
  const patterns: SchemaPattern[] = [];
  const parts = new Set<OfZod>();
  const seen = new Set<unknown>();
  const waiting: Place[] = [{ part: schema, path: '', depth: 0 }];
  let areAll = true;

  const visit = ({ part, path, depth }: Place): void => {
    if (part instanceof RegExp) patterns.push({ path, pattern: part });
    else if (Array.isArray(part)) for (const member of part) waiting.push({ part: member, path, depth });
    else if (isOfZod(part)) {
      parts.add(part);
      if (seen.has(identityOf(part))) return;
      seen.add(identityOf(part));
      if (depth > MAX_DEPTH || seen.size > MAX_PARTS) areAll = false;
      else
        for (const [at, inner] of partsOf(part))
          waiting.push({ part: inner, path: joined(path, at), depth: depth + 1 });
    }
  };
  for (const place of waiting)
    try {
      visit(place);
    } catch {
      areAll = false;
    }
  return { patterns, areAll, parts };
}

/** Deeper than what is written down; whoever walks a schema by calling himself gets a few times as far. */
const MAX_WALK = 500;

/**
 * Whether who walks it comes to an end. Zod must not be asked to go through one that has none: where its stack ends it may leave parts half made, for good.
 * Each `z.lazy` counts, whatever it gives: zod asks each. Throws nothing.
 */
export function hasEnd(schema: z.ZodType): boolean {
  const seen = new Set<unknown>();
  const waiting: Omit<Place, 'path'>[] = [{ part: schema, depth: 0 }];
  try {
    // The last first: one without an end is deep soon, however wide it is.
    for (let place = waiting.pop(); place !== undefined; place = waiting.pop()) {
      const { part, depth } = place;
      if (depth > MAX_WALK) return false;
      if (Array.isArray(part)) for (const member of part) waiting.push({ part: member, depth });
      else if (isOfZod(part) && !seen.has(part)) {
        seen.add(part);
        for (const [, inner] of partsOf(part)) waiting.push({ part: inner, depth: depth + 1 });
      }
    }
    return true;
  } catch {
    return false;
  }
}

const joined = (path: string, at: string): string =>
  path === '' || at === '' || at.startsWith('[') ? path + at : `${path}.${at}`;

/** What one function gives is one schema, though `z.lazy` of it may be made anew. */
const identityOf = (part: OfZod): unknown => (part._zod.def.type === 'lazy' ? part._zod.def.getter : part);

/** What a definition holds, and where in the value it is: nowhere else where nothing is said. */
const WITHIN: Readonly<Record<string, string>> = {
  element: '[]',
  items: '[]',
  rest: '[]',
  keyType: '[]',
  valueType: '[]',
};

/** These ask a function; their patterns are for template literals alone. */
const UNUSED: ReadonlySet<unknown> = new Set(['includes', 'starts_with', 'ends_with']);

function partsOf(part: OfZod): readonly (readonly [at: string, part: unknown])[] {
  const { def } = part._zod;
  const versions = versionsOf(part as OfZod & z.ZodType);
  if (versions !== undefined) return versions.schemas.map((schema) => ['', schema]);
  if (UNUSED.has(def.format)) return [];
  // It has what its parts have.
  if (def.type === 'template_literal') return [['', part._zod.pattern]];
  if (def.type === 'lazy') return [['', part._zod.innerType]];
  if (def.type === 'object') return [...Object.entries(def.shape ?? {}), ['[]', def.catchall], ['', def.checks]];
  // A default may be made anew each time it is asked for.
  const names = Object.keys(def).filter((name) => name !== 'defaultValue');
  return names.map((name) => [WITHIN[name] ?? '', def[name]]);
}

/** A schema, or one of its checks. */
export interface OfZod {
  readonly _zod: {
    readonly def: Readonly<Record<string, unknown>>;
    readonly pattern?: unknown;
    readonly innerType?: unknown;
  };
}

const isOfZod = (part: unknown): part is OfZod => typeof part === 'object' && part !== null && '_zod' in part;
