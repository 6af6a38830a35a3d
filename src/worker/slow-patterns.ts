/** Patterns of messages' schemas on which a short text may keep a worker. Each message is watched for it, which ends that and costs time of its own. */
import type { z } from 'zod';
import { quickUpTo } from '../message/patterns/pattern-cost.ts';
import { patternsOf } from '../message/schema-patterns.ts';
import { knownCostOf } from '../message/schema-watch.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';

export interface SlowPattern {
  readonly pipeline: string;
  /** Of the first part it is of, from the outside in: `input.items[].sku`. */
  readonly path: string;
  readonly pattern: RegExp;
  /** Other paths it is at, as far as a schema is looked at. */
  readonly morePlaces: number;
}

/** Texts of messages are seldom longer; on a longer one many patterns may take their time. */
const SHORT_TEXT = 50;

/** Each once for a pipeline: of a schema that makes itself anew there is no end of places. */
export const slowPatterns = (pipelines: readonly Pipeline[]): readonly SlowPattern[] =>
  pipelines.flatMap(({ name, input }) =>
    placesOf(input)
      .filter(({ pattern }) => quickUpTo(knownCostOf(pattern)) < SHORT_TEXT)
      .map(({ pattern, paths: [path = '', ...others] }) => ({
        pipeline: name,
        path: path === '' || path.startsWith('[') ? `input${path}` : `input.${path}`,
        pattern,
        morePlaces: others.length,
      })),
  );

interface Places {
  readonly pattern: RegExp;
  readonly paths: readonly string[];
}

function placesOf(schema: z.ZodType): readonly Places[] {
  const places = new Map<string, { pattern: RegExp; paths: Set<string> }>();
  for (const { path, pattern } of patternsOf(schema).patterns) {
    const known = places.get(String(pattern));
    if (known === undefined) places.set(String(pattern), { pattern, paths: new Set([path]) });
    else known.paths.add(path);
  }
  return [...places.values()].map(({ pattern, paths }) => ({ pattern, paths: [...paths] }));
}
