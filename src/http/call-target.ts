/** What handles call: APIs over HTTP, services over the broker. The same limits, keys and facts for both. */
import type { Api } from './api.ts';
import type { ApiDefinition } from './define-api.ts';
import type { ServiceDefinition } from './define-service.ts';
import type { Service } from './service.ts';

export type CallTarget = ApiDefinition | ServiceDefinition;

/** What a pipeline calls, by the names its handle knows it by. */
export type CallTargets = Readonly<Record<string, CallTarget>>;

/** The same where it calls APIs alone. */
export type ApiDefinitions = Readonly<Record<string, ApiDefinition>>;

/** One of them, bound to a message. */
export type BoundTarget<Definition extends CallTarget = CallTarget> =
  Definition extends ServiceDefinition<infer Operations> ? Service<Operations> : Api;

/** All of them, bound to a message. */
export type Apis<Definitions extends CallTargets> = {
  readonly [Name in keyof Definitions]: BoundTarget<Definitions[Name]>;
};
