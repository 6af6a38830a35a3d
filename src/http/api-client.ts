/**
 * The client of an API: one for each worker and definition, so that its limits hold over all pipelines. Bound to a message it is what
 * handles call.
 */
import type { Observable } from 'rxjs';
import { EMPTY } from 'rxjs';
import type { Facts } from '../events.ts';
import { createBulkhead } from '../operators/bulkhead.ts';
import { exponentialBackoff } from '../policies/backoff.ts';
import type { Random } from '../policies/random.ts';
import type { Api } from './api.ts';
import { readSettings } from './api-settings.ts';
import { createAxiosTransport } from './axios-transport.ts';
import { BoundApi, type CallScope } from './bound-api.ts';
import type { CallParts } from './call.ts';
import type { ApiDefinition } from './define-api.ts';
import { TemplateCache } from './template-cache.ts';
import type { Transport } from './transport.ts';

export type { CallScope } from './bound-api.ts';

export interface ApiClientParts {
  readonly facts: Facts;
  readonly random: Random;
  /** What carries the requests. Default: axios and undici. */
  readonly transport?: Transport | undefined;
}

export interface ApiClient {
  readonly name: string;
  /** The API for one message. Cheap, and nothing to clean up. */
  bind(scope: CallScope): Api;
  /** Cold. Aborts what is under way, closes connections, then completes. */
  close(): Observable<never>;
}

/**
 * A client of the API. Reads the settings behind its definition; connects at the first call.
 * @throws ConfigError with every setting that is missing or malformed.
 * @throws DefinitionError when the definition's `axios` function sets a base URL.
 */
export function createApiClient(
  definition: ApiDefinition,
  { facts, random, transport: given }: ApiClientParts,
): ApiClient {
  const { name, options } = definition;
  const settings = readSettings(definition);
  const { base, concurrency, maxQueued, timeoutMs, maxRequestBytes, maxResponseBytes, retry } = settings;
  const transport =
    given ??
    createAxiosTransport({
      subject: `api "${name}"`,
      base,
      connections: concurrency,
      connectTimeoutMs: timeoutMs,
      maxRequestBytes,
      maxResponseBytes,
      configure: options.axios,
    });
  const parts: CallParts = {
    settings,
    transport,
    slots: createBulkhead({ slots: concurrency, maxQueued }),
    backoff: retry === undefined ? () => 0 : exponentialBackoff(retry, random),
    facts,
  };
  const templates = new TemplateCache(base);
  return {
    name,
    bind: (scope) => new BoundApi(name, parts, templates, scope),
    close: () => transport.close?.() ?? EMPTY,
  };
}
