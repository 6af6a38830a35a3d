/** The patterns that a schema holds texts against, whichever of its parts they are of. Reads zod's own definitions; what a refinement or a transform does, nobody sees. */
import { z } from 'zod';
import { versionsOf } from './versions.ts';

export interface SchemaPattern {
  /** Of the part: `items[].sku`; empty for the whole. */
  readonly path: string;
  readonly pattern: RegExp;
}

export function patternsOf(schema: z.ZodType): readonly SchemaPattern[] {
  const found: SchemaPattern[] = [];
  const seen = new Set<object>();

  const visit = (part: unknown, path: string): void => {
    if (part instanceof RegExp) found.push({ path, pattern: part });
    else if (Array.isArray(part)) for (const member of part) visit(member, path);
    else if (isOfZod(part) && !seen.has(part)) {
      seen.add(part);
      for (const [at, inner] of partsOf(part)) visit(inner, at === '' || path === '' ? path + at : joined(path, at));
    }
  };
  visit(schema, '');
  return found;
}

const joined = (path: string, at: string): string => (at.startsWith('[') ? path + at : `${path}.${at}`);

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
  const { def, pattern } = part._zod;
  const versions = versionsOf(part as OfZod & z.ZodType);
  if (versions !== undefined) return versions.schemas.map((schema) => ['', schema]);
  if (UNUSED.has(def.format)) return [];
  // It has what its parts have.
  if (def.type === 'template_literal') return [['', pattern]];
  if (part instanceof z.core.$ZodLazy) return [['', part._zod.innerType]];
  if (def.type === 'object') return [...Object.entries(def.shape ?? {}), ['[]', def.catchall], ['', def.checks]];
  // A default may be made anew each time it is asked for.
  const names = Object.keys(def).filter((name) => name !== 'defaultValue');
  return names.map((name) => [WITHIN[name] ?? '', def[name]]);
}

/** A schema, or one of its checks. */
interface OfZod {
  readonly _zod: { readonly def: Readonly<Record<string, unknown>>; readonly pattern?: unknown };
}

const isOfZod = (part: unknown): part is OfZod => typeof part === 'object' && part !== null && '_zod' in part;
