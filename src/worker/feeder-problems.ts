/** What the sources of pipelines lack before they can feed: settings, packages. */
import { ConfigError, type Problem } from '../errors.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';

/** Every problem of every feeder; connects to nothing. */
export const feederProblems = (pipelines: readonly Pipeline[]): readonly Problem[] =>
  pipelines.flatMap(({ source }) => {
    try {
      source?.feeder?.check?.();
      return [];
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return error.problems;
    }
  });
