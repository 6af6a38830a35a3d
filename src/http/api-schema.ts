/** What is right and wrong in the options of an API. Texts about URLs, headers and secrets never begin with "expected": those that do are shown with the value. */
import { z } from 'zod';
import { breakerRules } from '../operators/breaker-options.ts';
import { isTokenStoreDefinition } from '../operators/shared-tokens.ts';
import { formatDuration, parseDuration } from '../policies/duration.ts';
import { durationSchema } from '../policies/duration-schema.ts';
import { isSetting } from '../setting.ts';
import { parseNetwork } from './addresses.ts';
import { API_DEFAULTS } from './api-defaults.ts';
import type { ApiOptions } from './api-options.ts';
import { isAuth } from './auth.ts';
import { headerNameProblem, headerValueProblem } from './headers.ts';
import { tlsSchema } from './tls-schema.ts';
import { parseBaseUrl, UrlError } from './url.ts';

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
  if (!isAuth(value))
    return context.addIssue({ code: 'custom', message: 'must be made by apiKey, bearer, basic or oauth2' });
  const problem = headerNameProblem(value.header);
  if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
});

const headersSchema = z.record(z.string(), z.unknown()).superRefine((headers, context) => {
  for (const [name, value] of Object.entries(headers)) {
    const problem = headerNameProblem(name) ?? (isSetting(value) ? undefined : headerValueProblem(name, value));
    if (problem !== undefined) context.addIssue({ code: 'custom', path: [name], message: problem });
  }
});

const network = z.custom<string>((value) => typeof value === 'string' && parseNetwork(value) !== undefined, {
  error: "expected a network as '10.20.0.0/16' or 'fd00::/8'",
});

const count = z.int().min(1);
const duration = durationSchema().optional();
const ratio = z.number().gt(0).max(1);

const retrySchema = z.strictObject({
  maxAttempts: count.optional(),
  backoff: z
    .strictObject({ initial: duration, max: duration, jitter: z.enum(['none', 'full', 'equal']).optional() })
    .superRefine(({ initial, max }, context) => {
      const initialMs = parseDuration(initial ?? API_DEFAULTS.backoffInitialMs) ?? 0;
      const maxMs = parseDuration(max ?? API_DEFAULTS.backoffMaxMs) ?? 0;
      if (initialMs > maxMs)
        context.addIssue({
          code: 'custom',
          path: ['initial'],
          message: `must be at most max (${formatDuration(maxMs)}), is ${formatDuration(initialMs)}`,
        });
    })
    .optional(),
  maxRetryAfter: duration,
  budget: z.union([z.literal(false), z.number().gt(0)]).optional(),
});

const adaptiveSchema = z
  .strictObject({
    adaptive: z.enum(['gradient', 'vegas', 'aimd']),
    initial: count.optional(),
    min: count.optional(),
    max: count.optional(),
  })
  .superRefine((given, context) => {
    const { min = API_DEFAULTS.adaptive.min } = given;
    const { max = Math.max(API_DEFAULTS.adaptive.max, min) } = given;
    const { initial = Math.min(max, Math.max(min, API_DEFAULTS.adaptive.initial)) } = given;
    if (min > max)
      context.addIssue({ code: 'custom', path: ['min'], message: `must be at most max (${max}), is ${min}` });
    else if (initial < min || initial > max)
      context.addIssue({ code: 'custom', path: ['initial'], message: `must be from ${min} to ${max}, is ${initial}` });
  });

const rateLimitSchema = z.strictObject({
  requests: count.max(1_000_000),
  per: durationSchema(),
  burst: count.max(1_000_000).optional(),
  shared: z
    .custom<unknown>(isTokenStoreDefinition, { error: 'must be made by redisTokens, of sluice/redis' })
    .optional(),
});

const cacheSchema = z.strictObject({
  ttl: durationSchema(),
  staleFor: duration,
  maxEntries: count.max(1_000_000).optional(),
  maxBytes: count.optional(),
});

const breakerSchema = z
  .strictObject({
    window: z.union([durationSchema(), z.strictObject({ calls: count.max(1_000_000) })]).optional(),
    failureRatio: ratio.optional(),
    minimumCalls: count.optional(),
    consecutiveFailures: count.optional(),
    slowCall: duration,
    slowCallRatio: ratio.optional(),
    openFor: z
      .union([
        durationSchema(),
        z.strictObject({ initial: durationSchema(), factor: z.number().min(1).optional(), max: duration }),
      ])
      .optional(),
    probes: count.max(1_000).optional(),
    probesToClose: count.optional(),
  })
  .superRefine((options, context) => {
    // What is wrong between two options, each of them right: one that is wrong by itself was told.
    if (context.issues.length > 0) return;
    try {
      breakerRules(options);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      const [, path = '', message = error.message] = /^([\w.]+): (.*)$/.exec(error.message) ?? [];
      context.addIssue({
        code: 'custom',
        path: path.split('.').filter((key) => key !== ''),
        message: `must fit: ${message}`,
      });
    }
  });

const pauseSchema = z.strictObject({
  percentile: z.number().min(50).lt(100),
  minimum: durationSchema({ zero: true }),
  maximum: durationSchema(),
});

/** Of APIs and services alike. */
export const guardRules = {
  timeout: duration,
  concurrency: z.union([count, adaptiveSchema]).optional(),
  maxQueued: count.optional(),
  rateLimit: rateLimitSchema.optional(),
  breaker: z.union([z.literal(false), breakerSchema]).optional(),
  throttle: z.union([z.boolean(), z.strictObject({ k: z.number().min(1).optional() })]).optional(),
  hedge: z.strictObject({ after: z.union([durationSchema(), pauseSchema]) }).optional(),
  retry: z.union([z.literal(false), retrySchema]).optional(),
  classify: z.custom<unknown>((value) => typeof value === 'function', { error: 'expected a function' }).optional(),
  maxRequestBytes: count.optional(),
  maxResponseBytes: count.optional(),
};

export const optionsSchema: z.ZodType = z.strictObject({
  baseUrl: baseUrlSchema,
  auth: authSchema.optional(),
  headers: headersSchema.optional(),
  tls: tlsSchema.optional(),
  addresses: z.union([z.enum(['any', 'public']), z.array(network).min(1)]).optional(),
  connections: count.optional(),
  keepAlive: duration,
  cache: cacheSchema.optional(),
  compressRequests: z.strictObject({ above: z.int().min(0) }).optional(),
  ...guardRules,
  axios: z.custom<unknown>((value) => typeof value === 'function', { error: 'expected a function' }).optional(),
} satisfies Record<keyof ApiOptions, z.ZodType>);
