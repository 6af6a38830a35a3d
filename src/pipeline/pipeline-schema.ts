/** What each option of a pipeline may be by itself, and what it is where nothing is said. */
import { z } from 'zod';
import { EXCHANGE_TYPES } from '../broker/topology.ts';
import { zodSchema } from '../definition.ts';
import { ingressSchema } from '../ingress/ingress.ts';
import { brokerName } from '../message/short-string-schema.ts';
import { type Duration, parseDuration } from '../policies/duration.ts';
import { durationSchema } from '../policies/duration-schema.ts';
import { isSource } from '../sources/source.ts';
import { readsSchema, writesSchema } from './message-format.ts';
import type { PublishedExchange } from './pipeline-options.ts';

export const DEFAULTS: {
  readonly concurrency: number;
  readonly timeout: Duration;
  readonly maxMessageBytes: number;
  readonly replyTo: readonly string[];
} = { concurrency: 64, timeout: '5m', maxMessageBytes: 1024 * 1024, replyTo: ['amq.*'] };

const MAX_TIMEOUT_MS = 14 * 60_000;

/** By its words: sagas are strangers here. */
const isSagaWithoutEnd = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'step' in value && 'returns' in value;

const isFunction = (value: unknown): boolean => typeof value === 'function';

const isTarget = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'kind' in value && (value.kind === 'api' || value.kind === 'service');

const publishedSchema = z.strictObject({
  exchange: brokerName(),
  type: z.enum(EXCHANGE_TYPES),
} satisfies Record<keyof PublishedExchange, z.ZodType>);

export const pipelineSchema = z.strictObject({
  name: z.string().regex(/^[\w.-]{1,100}$/, { error: 'expected 1 to 100 letters, digits, "-", "_" or "."' }),
  source: z.custom(isSource, {
    error: 'expected a source made by queue(), partitioned(), stream(), every(), schedule() or outbox()',
  }),
  input: zodSchema(),
  apis: z
    .record(
      z.string(),
      z.custom(isTarget, { error: 'expected an API made by defineApi() or a service made by defineService()' }),
    )
    .optional(),
  needs: z.array(z.string()).optional(),
  concurrency: z.int().min(1).max(10_000).optional(),
  order: z
    .union([
      z.enum(['none', 'arrival']),
      z.strictObject({ by: z.custom(isFunction, { error: 'expected a function from message to key' }) }),
    ])
    .optional(),
  timeout: durationSchema()
    .refine((timeout) => (parseDuration(timeout) ?? 0) <= MAX_TIMEOUT_MS, {
      error: `expected at most '14m': beyond half of its limit for unsettled deliveries the broker may take the message back`,
    })
    .optional(),
  maxMessageBytes: z
    .int()
    .min(1)
    .max(128 * 1024 * 1024)
    .optional(),
  reads: readsSchema.optional(),
  writes: writesSchema.optional(),
  publishes: z.array(z.union([brokerName(), publishedSchema])).optional(),
  replyTo: z.array(z.string().min(1)).optional(),
  tenant: z.custom(isFunction, { error: 'expected a function from message to tenant' }).optional(),
  dedupe: z
    .strictObject({
      key: z.custom(isFunction, { error: 'expected a function from message to key' }).optional(),
      ttl: durationSchema(),
      repeatResults: z.boolean().optional(),
      otherBody: z.enum(['dead-letter', 'done']).optional(),
    })
    .optional(),
  ingress: ingressSchema.optional(),
  handle: z.custom(isFunction, {
    error: ({ input }) =>
      isSagaWithoutEnd(input)
        ? 'is a saga without an end: add .returns(…) after its last step'
        : 'expected a function (message, context) => Observable, Promise or iterable',
  }),
  output: z.custom(isFunction, { error: 'expected a function result => exchange(…)' }).optional(),
});
