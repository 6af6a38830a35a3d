/** A value in another's place that passes the same schema and tells nothing of it, save what the schema says. */
import { type Schema, takes } from './schema-parts.ts';

/**
 * The first that passes of: a plain text or number, the usual formats, the schema's own choices, the shape of the value with its letters and
 * digits blotted out. `redacted` where none does. Never the value itself.
 * @param n tells one stand-in from another.
 */
export function standInFor(value: string | number, schema: Schema | undefined, n: number): string | number {
  const candidates = typeof value === 'string' ? textsFor(value, schema, n) : numbersFor(n);
  const passes = (candidate: unknown): boolean =>
    candidate !== value && (schema === undefined || takes(schema, candidate));
  return candidates.find(passes) ?? NOTHING_FITS;
}

const NOTHING_FITS = 'redacted';

function textsFor(value: string, schema: Schema | undefined, n: number): readonly (string | number)[] {
  const name = `redacted-${n}`;
  const moment = new Date(n * 1_000).toISOString();
  return [
    name,
    `${name}@example.com`,
    `https://${name}.example`,
    `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
    moment,
    moment.slice(0, 10),
    name.padEnd(value.length, '-').slice(0, value.length),
    String(n).padStart(value.length, '0').slice(-value.length),
    ...choicesOf(schema),
    blotted(value),
  ];
}

const numbersFor = (n: number): readonly number[] => [n, n + 1, -n, 0, 1, 100, 1_000, 100_000, 0.5];

/** Of an enumeration: one choice says that it was another, or nothing where there are two. */
const choicesOf = (schema: Schema | undefined): readonly string[] =>
  [...(schema?._zod.values ?? [])].filter((choice) => typeof choice === 'string');

const blotted = (text: string): string => text.replace(/\p{L}/gu, 'x').replace(/\p{N}/gu, '0');
