/** What pipelines call, with nothing loaded that calls. */
import type { CallTarget } from '../http/call-target.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';

/** Each once, whichever pipelines use it. */
export const definitionsOf = (pipelines: readonly Pipeline[]): readonly CallTarget[] => [
  ...new Set(pipelines.flatMap(({ apis }) => Object.values(apis))),
];
