/** Patterns of messages' schemas on which a short text may keep a worker. Each message is watched for it, which ends that and costs time of its own. */
import { quickUpTo } from '../message/patterns/pattern-cost.ts';
import { patternsOf } from '../message/schema-patterns.ts';
import { knownCostOf } from '../message/schema-watch.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';

export interface SlowPattern {
  readonly pipeline: string;
  /** Of the part it is of: `input.items[].sku`. */
  readonly path: string;
  readonly pattern: RegExp;
}

/** Texts of messages are seldom longer; on a longer one many patterns may take their time. */
const SHORT_TEXT = 50;

export const slowPatterns = (pipelines: readonly Pipeline[]): readonly SlowPattern[] =>
  pipelines.flatMap(({ name, input }) =>
    patternsOf(input)
      .patterns.filter(({ pattern }) => quickUpTo(knownCostOf(pattern)) < SHORT_TEXT)
      .map(({ path, pattern }) => ({
        pipeline: name,
        path: path === '' || path.startsWith('[') ? `input${path}` : `input.${path}`,
        pattern,
      })),
  );
