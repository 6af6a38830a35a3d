/** One client for each API definition of the worker, whichever pipelines use it: its limits hold over all of them. */
import { forkJoin, ignoreElements, type Observable } from 'rxjs';
import { ConfigError, DefinitionError, type Problem } from '../errors.ts';
import type { Facts } from '../events.ts';
import type { Api } from '../http/api.ts';
import { type ApiAvailability, type ApiClient, type CallScope, createApiClient } from '../http/api-client.ts';
import type { ApiDefinition } from '../http/define-api.ts';
import type { Pipeline } from '../pipeline/define-pipeline.ts';
import type { Random } from '../policies/random.ts';

export interface ApiRegistry {
  bind(definition: ApiDefinition, scope: CallScope): Api;
  /** Whether it can be called: replays the state now, then each change. */
  availabilityOf(definition: ApiDefinition): Observable<ApiAvailability>;
  /** Cold. Closes every client's connections, then completes. */
  close(): Observable<never>;
}

/** @throws ConfigError naming every setting of every API that is missing or wrong. */
export function createApiRegistry(
  pipelines: readonly Pipeline[],
  parts: { readonly facts: Facts; readonly random: Random },
): ApiRegistry {
  const clients = new Map<ApiDefinition, ApiClient>();
  const problems: Problem[] = [];
  for (const definition of new Set(pipelines.flatMap(({ apis }) => Object.values(apis)))) {
    try {
      clients.set(definition, createApiClient(definition, parts));
    } catch (error) {
      if (!(error instanceof ConfigError || error instanceof DefinitionError)) throw error;
      problems.push(...error.problems);
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  const clientOf = (definition: ApiDefinition): ApiClient => {
    const client = clients.get(definition);
    if (client !== undefined) return client;
    throw new TypeError(`api "${definition.name}" is not declared by any pipeline of this worker`);
  };
  return {
    bind: (definition, scope) => clientOf(definition).bind(scope),
    availabilityOf: (definition) => clientOf(definition).availability,
    close: () => forkJoin([...clients.values()].map((client) => client.close())).pipe(ignoreElements()),
  };
}
