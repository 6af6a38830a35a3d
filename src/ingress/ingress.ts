/**
 * How a pipeline is entered over HTTP: what authors write under `ingress`, checked when the pipeline is defined. Plain data and functions;
 * `front-door.ts` serves it. Knows neither HTTP servers nor brokers.
 */
import { z } from 'zod';
import { zodSchema } from '../definition.ts';
import { type Duration, parseDuration } from '../policies/duration.ts';
import { durationSchema } from '../policies/duration-schema.ts';
import { type ClientAuth, isClientAuth } from './client-auth.ts';
import type { EntranceForm } from './entrance-form.ts';

/** What a client is answered. */
export interface HttpAnswer {
  /** 200 to 599. */
  readonly status: number;
  /** Sent as JSON. Default: no body. */
  readonly body?: unknown;
  /** Beside the content type: `location` and the like. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface IngressRateLimit {
  /** Requests of one client in each period. Integer, at least 1. */
  readonly requests: number;
  readonly per: Duration;
  /** Requests at once after a pause. Default: `requests`. */
  readonly burst?: number;
}

export interface IngressOptions<Result> {
  /** Default: POST. */
  readonly method?: 'POST' | 'PUT' | 'PATCH';
  /** The whole path, without parameters: `/orders`. No other pipeline may have it. */
  readonly path: string;
  /**
   * Who may send: clients with a key (`clientKeys`), with a token (`jwt`), or `'none'`, anybody, said on purpose. Default: anybody, but on
   * loopback alone.
   */
  readonly auth?: ClientAuth | 'none';
  /** How long a request waits for the pipeline's result, from its acceptance on, where the client does not say (`Prefer: wait=5`): up to `maxWait`. Default: it does not wait. */
  readonly wait?: Duration;
  /** The longest wait a client may ask for: up to `'60s'`. Default: 30 s. */
  readonly maxWait?: Duration;
  /** Requests of one client, of this process. Clients without a name are told apart by their address. Default: no limit. */
  readonly rateLimit?: IngressRateLimit;
  /** Largest body: 1 byte to the pipeline's `maxMessageBytes`. Default: 256 KiB, or `maxMessageBytes` where that is less. */
  readonly maxBodyBytes?: number;
  /** Bodies of answers by status, for the document that describes the API. What is sent under such a status is parsed by its schema first, so that what the schema does not name does not leave. */
  readonly responses?: Readonly<Record<number, z.ZodType>>;
  /** One line for that document. */
  readonly summary?: string;
  /** The answer for a result, the first the pipeline emits. It has been a message meanwhile: as JSON, dates are texts. Default: 200 and the result. */
  respond?(result: Result): HttpAnswer;
}

/** With its defaults filled in. */
export interface Ingress {
  readonly method: 'POST' | 'PUT' | 'PATCH';
  readonly path: string;
  readonly auth: ClientAuth | 'none' | undefined;
  readonly waitMs: number;
  readonly maxWaitMs: number;
  readonly rateLimit: { readonly requests: number; readonly periodMs: number; readonly burst: number } | undefined;
  readonly maxBodyBytes: number;
  readonly responses: Readonly<Record<string, z.ZodType>>;
  readonly summary: string | undefined;
  readonly respond: (result: unknown) => HttpAnswer;
}

/** A pipeline, as the front door knows it. */
export interface Entrance {
  readonly name: string;
  readonly input: z.ZodType;
  readonly ingress: Ingress;
  readonly form: EntranceForm;
}

/** What the front door answers itself. */
const RESERVED: ReadonlySet<string> = new Set(['/openapi.json', '/livez', '/readyz']);

const PATH = /^(\/[\w.~-]+)+$/;

const MAX_WAIT_MS = 60_000;
const DEFAULT_MAX_WAIT: Duration = '30s';
const DEFAULT_MAX_BODY_BYTES = 256 * 1024;

const isFunction = (value: unknown): boolean => typeof value === 'function';

const waiting = (options?: { zero: boolean }) =>
  durationSchema(options).refine((wait) => (parseDuration(wait) ?? 0) <= MAX_WAIT_MS, {
    error: `expected at most '60s': longer than that, ask the status link`,
  });

/** Schema of the option. */
export const ingressSchema = z
  .strictObject({
    method: z.enum(['POST', 'PUT', 'PATCH']).optional(),
    path: z
      .string()
      .max(200)
      .regex(PATH, {
        error: 'expected a path of letters, digits, "-", "_", "." and "~" between slashes, as /orders or /v1/orders',
      })
      .refine((path) => !path.split('/').some((part) => part === '.' || part === '..'), {
        error: 'expected a path without "." and ".."',
      })
      .refine((path) => !RESERVED.has(path), { error: `expected none of ${[...RESERVED].join(', ')}` }),
    auth: z
      .custom((value) => value === 'none' || isClientAuth(value), {
        error: `expected clientKeys(…), jwt(…) or 'none'`,
      })
      .optional(),
    wait: waiting({ zero: true }).optional(),
    maxWait: waiting().optional(),
    rateLimit: z
      .strictObject({ requests: z.int().min(1), per: durationSchema(), burst: z.int().min(1).optional() })
      .optional(),
    maxBodyBytes: z.int().min(1).optional(),
    responses: z
      .record(z.string().regex(/^[2-5]\d\d$/, { error: 'expected a status from 200 to 599' }), zodSchema())
      .optional(),
    summary: z.string().max(200).optional(),
    respond: z.custom(isFunction, { error: 'expected a function from result to { status, body, headers }' }).optional(),
  })
  .refine(
    ({ wait, maxWait = DEFAULT_MAX_WAIT }) => {
      const waitMs = parseDuration(wait) ?? 0;
      // What is longer than any `maxWait` has been told.
      return waitMs <= (parseDuration(maxWait) ?? MAX_WAIT_MS) || waitMs > MAX_WAIT_MS;
    },
    { path: ['wait'], error: `may be at most maxWait, '30s' by default` },
  );

/** Fills in the defaults; what is wrong has been reported before. */
export function ingressOf(options: IngressOptions<never>, maxMessageBytes: number): Ingress {
  const { method = 'POST', path, auth, wait = 0, maxWait = DEFAULT_MAX_WAIT, responses = {}, summary } = options;
  const { rateLimit, maxBodyBytes = Math.min(DEFAULT_MAX_BODY_BYTES, maxMessageBytes) } = options;
  return {
    method,
    path,
    auth,
    waitMs: parseDuration(wait) ?? 0,
    maxWaitMs: parseDuration(maxWait) ?? 0,
    rateLimit:
      rateLimit === undefined
        ? undefined
        : {
            requests: rateLimit.requests,
            periodMs: parseDuration(rateLimit.per) ?? 1,
            burst: rateLimit.burst ?? rateLimit.requests,
          },
    maxBodyBytes,
    responses,
    summary,
    respond: (options.respond as Ingress['respond'] | undefined) ?? ((result) => ({ status: 200, body: result })),
  };
}
