/** A zod schema taken apart as far as a recording needs: which part of it describes which part of a value. Reads zod's own definitions. */
import type { z } from 'zod';
import { parseNow } from '../message/parse-now.ts';

export type Schema = z.core.$ZodType;

const defOf = (schema: Schema) => (schema as z.core.$ZodTypes)._zod.def;

/** The schema within one that only wraps: an optional, a default, the chosen option of a union. Undefined for one that stands for itself. */
export function innerOf(schema: Schema, value: unknown): Schema | undefined {
  const def = defOf(schema);
  switch (def.type) {
    case 'optional':
    case 'nullable':
    case 'default':
    case 'prefault':
    case 'nonoptional':
    case 'readonly':
    case 'catch':
    case 'success':
      return def.innerType;
    case 'lazy':
      return def.getter();
    case 'pipe':
      // A preprocess says nothing of what comes in, what follows it does.
      return defOf(def.in).type === 'transform' ? def.out : def.in;
    case 'union':
      return def.options.find((option) => takes(option, value));
    default:
      return undefined;
  }
}

/** The schema of an array's or a tuple's member. */
export function elementOf(schema: Schema, at: number): Schema | undefined {
  const def = defOf(schema);
  if (def.type === 'array') return def.element;
  return def.type === 'tuple' ? (def.items[at] ?? def.rest ?? undefined) : undefined;
}

/** The schema of an object's or a record's member. */
export function memberOf(schema: Schema, name: string): Schema | undefined {
  const def = defOf(schema);
  if (def.type === 'record') return def.valueType;
  if (def.type !== 'object') return undefined;
  return Object.hasOwn(def.shape, name) ? def.shape[name] : def.catchall;
}

/** The schema of a record's keys, which are values too. */
export function keysOf(schema: Schema): Schema | undefined {
  const def = defOf(schema);
  return def.type === 'record' ? def.keyType : undefined;
}

const LEAVES: ReadonlySet<string> = new Set([
  ...['string', 'number', 'int', 'boolean', 'bigint', 'date', 'enum', 'literal', 'template_literal', 'null', 'nan'],
]);

/** Whether it says what a text, a number or a boolean is: `z.unknown()` does not. */
export const describesLeaf = (schema: Schema): boolean => LEAVES.has(defOf(schema).type);

/** Whether a value passes. A refinement that throws, or waits, takes nothing, nor does what a pattern has too much to try on. */
export function takes(schema: Schema, value: unknown): boolean {
  try {
    return parseNow(schema as z.ZodType, value, 'the schema').success;
  } catch {
    return false;
  }
}
