/**
 * defineApi: an HTTP API as authors declare it, once for all pipelines of a worker. Plain data; api-client.ts makes calls of it.
 * Every mistake is found here, at definition; only what comes from the environment is looked at when the worker starts.
 */
import type { AxiosInstance } from 'axios';
import { z } from 'zod';
import { problemsOf, reportProblems } from '../definition.ts';
import type { Problem } from '../errors.ts';
import { type Duration, durationSchema, formatDuration, parseDuration } from '../policies/duration.ts';
import type { Jitter } from '../policies/jitter.ts';
import { isSetting, type Setting } from '../setting.ts';
import type { Api } from './api.ts';
import { API_DEFAULTS } from './api-defaults.ts';
import { type Auth, isAuth } from './auth.ts';
import { headerNameProblem, headerValueProblem } from './headers.ts';
import { parseBaseUrl, UrlError } from './url.ts';

export interface RetryOptions {
  /** Attempts in all, the first included. Integer, at least 1. Default: 3. */
  readonly maxAttempts?: number;
  /** Pauses between attempts; each is twice as long as the one before. */
  readonly backoff?: {
    /** Ceiling of the first pause. Default: 100 ms. */
    readonly initial?: Duration;
    /** No pause is longer. Default: 5 s. */
    readonly max?: Duration;
    /** `full`: drawn between 0 and the ceiling; `equal`: between half of it and it; `none`: the ceiling itself. Default: full. */
    readonly jitter?: Jitter;
  };
  /** A server's `Retry-After` is obeyed up to this long; it counts where it is longer than the backoff. Default: `backoff.max`. */
  readonly maxRetryAfter?: Duration;
}

export interface ApiOptions {
  /** Where the API lives: http or https, a path allowed, no user name, query or fragment. No call ever leaves it. */
  readonly baseUrl: string | Setting<string>;
  /** How the API knows who calls: `apiKey`, `bearer` or `basic`. Default: not at all. */
  readonly auth?: Auth;
  /** Headers of every call. */
  readonly headers?: Readonly<Record<string, string | Setting<string>>>;
  /** Time for each attempt, from its beginning: waiting for a slot, connecting and the whole answer. Default: 10 s. */
  readonly timeout?: Duration;
  /** Calls in flight over all pipelines of the worker. Integer, at least 1. Default: 64. */
  readonly concurrency?: number;
  /** Calls that may wait for a slot; one more fails with `BulkheadRejectedError`. Integer, at least 1. Default: 1000. */
  readonly maxQueued?: number;
  /**
   * Transient failures are tried again: network, timeout, 408, 425, 429 and 5xx. Every method is: calls that are not idempotent by themselves
   * carry an idempotency key, the same for every attempt. An API that ignores such keys needs `false`.
   */
  readonly retry?: false | RetryOptions;
  /** Largest request body, in bytes. Integer, at least 1. Default: 10 MB (10 × 2^20). */
  readonly maxRequestBytes?: number;
  /** Largest answer, in bytes, as sent and decompressed. Integer, at least 1. Default: 10 MB (10 × 2^20). */
  readonly maxResponseBytes?: number;
  /**
   * Called once with the API's axios instance: add interceptors, headers, a `validateStatus`. Bodies are bytes there, both ways. Agents, proxies,
   * adapters, transforms and redirects work too, at the price of a slower way through axios itself; redirects stay inside of `baseUrl`.
   */
  readonly axios?: (instance: AxiosInstance) => void;
}

export interface ApiDefinition {
  readonly kind: 'api';
  /** Names the API in facts, metrics and errors. */
  readonly name: string;
  readonly options: ApiOptions;
}

export type ApiDefinitions = Readonly<Record<string, ApiDefinition>>;

/** The APIs of a definition, bound to a message. */
export type Apis<Definitions extends ApiDefinitions> = { readonly [Name in keyof Definitions]: Api };

// Texts of problems about URLs, headers and secrets never begin with "expected": those that do are shown with the value.
const baseUrlSchema = z.unknown().superRefine((value, context) => {
  if (isSetting(value)) return;
  if (typeof value !== 'string')
    return context.addIssue({ code: 'custom', message: 'must be a URL or a setting, env.url(…)' });
  try {
    parseBaseUrl(value);
  } catch (error) {
    if (error instanceof UrlError) context.addIssue({ code: 'custom', message: error.message });
  }
});

const authSchema = z.unknown().superRefine((value, context) => {
  if (!isAuth(value)) return context.addIssue({ code: 'custom', message: 'must be made by apiKey, bearer or basic' });
  const problem = headerNameProblem(value.header);
  if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
});

const headersSchema = z.record(z.string(), z.unknown()).superRefine((headers, context) => {
  for (const [name, value] of Object.entries(headers)) {
    const problem = headerNameProblem(name) ?? (isSetting(value) ? undefined : headerValueProblem(name, value));
    if (problem !== undefined) context.addIssue({ code: 'custom', path: [name], message: problem });
  }
});

const count = z.int().min(1);

const retrySchema = z.strictObject({
  maxAttempts: count.optional(),
  backoff: z
    .strictObject({
      initial: durationSchema().optional(),
      max: durationSchema().optional(),
      jitter: z.enum(['none', 'full', 'equal']).optional(),
    })
    .optional(),
  maxRetryAfter: durationSchema().optional(),
});

const optionsSchema = z.strictObject({
  baseUrl: baseUrlSchema,
  auth: authSchema.optional(),
  headers: headersSchema.optional(),
  timeout: durationSchema().optional(),
  concurrency: count.optional(),
  maxQueued: count.optional(),
  retry: z.union([z.literal(false), retrySchema]).optional(),
  maxRequestBytes: count.optional(),
  maxResponseBytes: count.optional(),
  axios: z.custom<unknown>((value) => typeof value === 'function', { error: 'expected a function' }).optional(),
});

const NAME = /^[A-Za-z][\w.-]{0,63}$/;

/**
 * Declares an API. Nothing is connected and no secret is read yet.
 * @throws DefinitionError with every mistake in the options, unless a collector takes them.
 */
export function defineApi(name: string, options: ApiOptions): ApiDefinition {
  const subject = `api ${JSON.stringify(name)}`;
  const nameProblems =
    typeof name === 'string' && NAME.test(name)
      ? []
      : [
          {
            subject,
            path: '',
            message: 'expected a name of letters, digits, "-", "_" and ".", beginning with a letter',
          },
        ];
  reportProblems([
    ...nameProblems,
    ...problemsOf(subject, optionsSchema, options),
    ...backoffProblems(subject, options),
  ]);
  return { kind: 'api', name, options };
}

/** `initial` over `max` is one mistake of two right options. */
function backoffProblems(subject: string, options: ApiOptions): readonly Problem[] {
  const { initial, max } = (typeof options?.retry === 'object' ? options.retry.backoff : undefined) ?? {};
  const [initialMs, maxMs] = [
    parseDuration(initial ?? API_DEFAULTS.backoffInitialMs),
    parseDuration(max ?? API_DEFAULTS.backoffMaxMs),
  ];
  if (initialMs === undefined || maxMs === undefined || initialMs <= maxMs) return [];
  return [
    {
      subject,
      path: 'retry.backoff.initial',
      message: `expected at most max (${formatDuration(maxMs)}), got ${formatDuration(initialMs)}`,
    },
  ];
}
