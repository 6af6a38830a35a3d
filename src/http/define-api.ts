/**
 * defineApi: an HTTP API as authors declare it, once for all pipelines of a worker. Plain data; api-client.ts makes calls of it.
 * Every mistake is found here, at definition; only what comes from the environment is looked at when the worker starts.
 */
import { problemsOf, reportProblems, sound } from '../definition.ts';
import type { ApiOptions } from './api-options.ts';
import { optionsSchema } from './api-schema.ts';
import { isTargetName, TARGET_NAME_EXPECTED } from './target-name.ts';

export type { ApiOptions } from './api-options.ts';

export interface ApiDefinition {
  readonly kind: 'api';
  /** Names the API in facts, metrics and errors. */
  readonly name: string;
  readonly options: ApiOptions;
}

/**
 * Declares an API. Nothing is connected and no secret is read yet.
 * @throws DefinitionError with every mistake in the options, unless a collector takes them.
 */
export function defineApi(name: string, options: ApiOptions): ApiDefinition {
  const subject = `api ${JSON.stringify(name)}`;
  const problems = problemsOf(subject, optionsSchema, options);
  reportProblems([...(isTargetName(name) ? [] : [{ subject, path: '', message: TARGET_NAME_EXPECTED }]), ...problems]);
  return { kind: 'api', name, options: sound(options, problems) as ApiOptions };
}
