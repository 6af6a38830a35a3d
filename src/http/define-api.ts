/**
 * defineApi: an HTTP API as authors declare it, once for all pipelines of a worker. Plain data; api-client.ts makes calls of it.
 * Every mistake is found here, at definition; only what comes from the environment is looked at when the worker starts.
 */
import { problemsOf, reportProblems } from '../definition.ts';
import type { Api } from './api.ts';
import type { ApiOptions } from './api-options.ts';
import { optionsSchema } from './api-schema.ts';

export type { ApiOptions } from './api-options.ts';

export interface ApiDefinition {
  readonly kind: 'api';
  /** Names the API in facts, metrics and errors. */
  readonly name: string;
  readonly options: ApiOptions;
}

export type ApiDefinitions = Readonly<Record<string, ApiDefinition>>;

/** The APIs of a definition, bound to a message. */
export type Apis<Definitions extends ApiDefinitions> = { readonly [Name in keyof Definitions]: Api };

const NAME = /^[A-Za-z][\w.-]{0,63}$/;
const NAME_EXPECTED = 'expected a name of letters, digits, "-", "_" and ".", beginning with a letter';

/**
 * Declares an API. Nothing is connected and no secret is read yet.
 * @throws DefinitionError with every mistake in the options, unless a collector takes them.
 */
export function defineApi(name: string, options: ApiOptions): ApiDefinition {
  const subject = `api ${JSON.stringify(name)}`;
  const isNamed = typeof name === 'string' && NAME.test(name);
  reportProblems([
    ...(isNamed ? [] : [{ subject, path: '', message: NAME_EXPECTED }]),
    ...problemsOf(subject, optionsSchema, options),
  ]);
  return { kind: 'api', name, options };
}
