/** One client for each API and service of the worker, whichever pipelines use it: its limits hold over all of them. */
import { forkJoin, ignoreElements, type Observable } from 'rxjs';
import { ConfigError, DefinitionError, type Problem } from '../errors.ts';
import type { Facts } from '../events.ts';
import {
  type ApiAvailability,
  type CallClient,
  type CallScope,
  checkTarget,
  createClient,
} from '../http/api-client.ts';
import type { BoundTarget, CallTarget } from '../http/call-target.ts';
import type { ServiceDefinition } from '../http/define-service.ts';
import type { Transport } from '../http/transport.ts';
import type { Logger } from '../log.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import type { Random } from '../policies/random.ts';
import type { Secret } from '../setting.ts';
import { definitionsOf } from './definitions-of.ts';
import { shareCalls } from './share-calls.ts';

export interface ApiRegistry {
  bind<Target extends CallTarget>(definition: Target, scope: CallScope): BoundTarget<Target>;
  /** Whether it can be called: replays the state now, then each change. */
  availabilityOf(definition: CallTarget): Observable<ApiAvailability>;
  /** Retries each API may make now, by its name; of those that have a budget. */
  retryBudgets(): ReadonlyMap<string, number>;
  /** Cold. Closes every client's connections, then completes. */
  close(): Observable<never>;
}

/** An API with the network taken from it. */
export interface SandboxedApi {
  readonly definition: CallTarget;
  readonly transport: Transport | undefined;
}

export interface ApiRegistryParts {
  readonly facts: Facts;
  readonly random: Random;
  /** Calls in flight at once over all APIs. Integer, at least 1. Default: as many as the APIs allow. */
  readonly maxCalls?: number | undefined;
  /** What idempotency keys are derived under. Default: what a message says of itself. */
  readonly keySecret?: Secret | undefined;
  /** Told of APIs that may make fewer calls at once than they are defined for. */
  readonly log?: Logger;
  /** Stands between each API's client and what carries its requests: records. Default: nothing does. */
  readonly throughTransport?: ((transport: Transport) => Transport) | undefined;
  /** What carries the requests of a service. Default: nothing does, and its calls fail. */
  readonly carry?: ((service: ServiceDefinition) => Transport) | undefined;
  /** What a test runs in an API's place. Default: the API itself, over the network. */
  readonly sandbox?: (definition: CallTarget) => SandboxedApi;
}

/** @throws ConfigError naming every setting of every API that is missing or wrong. */
export function createApiRegistry(
  pipelines: readonly Pipeline[],
  { carry, sandbox = asItIs, maxCalls = Number.POSITIVE_INFINITY, log, ...parts }: ApiRegistryParts,
): ApiRegistry {
  const clients = new Map<CallTarget, CallClient>();
  const problems: Problem[] = [];
  const definitions = definitionsOf(pipelines);
  const carrierFor = (target: CallTarget) => (target.kind === 'service' ? carry?.(target) : undefined);
  const shares = shareCalls(definitions, maxCalls);
  for (const definition of definitions) {
    try {
      const share = shares.get(definition);
      if (share?.isNarrow)
        log?.warn({ api: definition.name, concurrency: share.concurrency, maxCalls: share.maxCalls }, NARROW);
      const { definition: played, transport = carrierFor(played) } = sandbox(definition);
      clients.set(definition, createClient(played, { ...parts, transport, within: share?.within }));
    } catch (error) {
      problems.push(...problemsIn(error));
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  const clientOf = (definition: CallTarget): CallClient => {
    const client = clients.get(definition);
    if (client !== undefined) return client;
    throw new TypeError(`api "${definition.name}" is not declared by any pipeline of this worker`);
  };
  return {
    // A client binds what its definition is of.
    bind: <Target extends CallTarget>(definition: Target, scope: CallScope) =>
      clientOf(definition).bind(scope) as BoundTarget<Target>,
    availabilityOf: (definition) => clientOf(definition).availability,
    retryBudgets: () => {
      const budgets = [...clients.values()].map((client) => [client.name, client.retryBudget()] as const);
      return new Map(budgets.flatMap(([name, left]) => (left === undefined ? [] : [[name, left] as const])));
    },
    close: () => forkJoin([...clients.values()].map((client) => client.close())).pipe(ignoreElements()),
  };
}

/** What keeps the clients of these pipelines' APIs and services from being made. Connects to nothing. */
export const apiProblems = (pipelines: readonly Pipeline[]): readonly Problem[] =>
  definitionsOf(pipelines).flatMap((definition) => {
    try {
      checkTarget(definition);
      return [];
    } catch (error) {
      return problemsIn(error);
    }
  });

function problemsIn(error: unknown): readonly Problem[] {
  if (error instanceof ConfigError || error instanceof DefinitionError) return error.problems;
  throw error;
}

const NARROW =
  'the worker makes fewer calls of this API at once than its concurrency allows; SLUICE_MAX_CALLS is their number over all APIs';

const asItIs = (definition: CallTarget): SandboxedApi => ({ definition, transport: undefined });
