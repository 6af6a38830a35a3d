/** What is right and wrong in the options of a service. */
import { z } from 'zod';
import { zodSchema } from '../definition.ts';
import { brokerName } from '../message/short-string-schema.ts';
import { guardRules } from './api-schema.ts';
import type { ServiceOperation, ServiceOptions } from './service-options.ts';

const schema = zodSchema();

const operationSchema = z.strictObject({
  request: schema,
  answer: schema.optional(),
  routingKey: brokerName().optional(),
  idempotent: z.boolean().optional(),
} satisfies Record<keyof ServiceOperation, z.ZodType>);

const operationsSchema = z.record(z.string(), operationSchema).superRefine((operations, context) => {
  if (Object.keys(operations).length === 0) context.addIssue({ code: 'custom', message: 'must name at least one' });
});

export const serviceSchema: z.ZodType = z
  .strictObject({
    queue: brokerName().optional(),
    exchange: brokerName().optional(),
    operations: operationsSchema,
    ...guardRules,
  } satisfies Record<keyof ServiceOptions, z.ZodType>)
  .superRefine(({ queue, exchange, operations }, context) => {
    if ((queue === undefined) === (exchange === undefined))
      context.addIssue({
        code: 'custom',
        path: ['queue'],
        message: 'must be given where exchange is not, and only there',
      });
    if (queue === undefined) return;
    for (const [name, { routingKey }] of Object.entries(operations)) {
      if (routingKey === undefined) continue;
      const message = 'must be left out beside queue, whose name is the routing key';
      context.addIssue({ code: 'custom', path: ['operations', name, 'routingKey'], message });
    }
  });
