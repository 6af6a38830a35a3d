/** What authors may say of a service. service-schema.ts checks it, api-settings.ts fills in the defaults of api-defaults.ts. */
import type { z } from 'zod';
import type { ApiOptions } from './api-options.ts';

/** One thing a service can be asked. */
export interface ServiceOperation {
  /** What goes out. A value that does not fit fails the call with `RequestInvalidError`; one that does goes out as it was given. */
  readonly request: z.ZodType;
  /** What comes back; another answer fails with `ResponseInvalidError`. Default: the answer as `unknown`. */
  readonly answer?: z.ZodType;
  /** Where the service is asked through an exchange: the routing key of this operation. Default: its name. */
  readonly routingKey?: string;
  /**
   * Whether the service may run it twice at the same time without harm, so that `hedge` may start a second try; both carry the same message id.
   * Default: false.
   */
  readonly idempotent?: boolean;
}

export type ServiceOperations = Readonly<Record<string, ServiceOperation>>;

/** How calls are guarded: for a service as for an API. */
type Guarding = Pick<
  ApiOptions,
  | 'timeout'
  | 'concurrency'
  | 'maxQueued'
  | 'rateLimit'
  | 'breaker'
  | 'throttle'
  | 'hedge'
  | 'retry'
  | 'classify'
  | 'maxRequestBytes'
  | 'maxResponseBytes'
>;

export interface ServiceOptions<Operations extends ServiceOperations = ServiceOperations> extends Guarding {
  /** The queue that takes its requests, reached through the default exchange. Give this or `exchange`. */
  readonly queue?: string;
  /** The exchange that takes its requests, each under the routing key of its operation. Give this or `queue`. */
  readonly exchange?: string;
  /** What it can be asked, by name: letters, digits, `-`, `_` and `.`, beginning with a letter. At least one. */
  readonly operations: Operations;
}
