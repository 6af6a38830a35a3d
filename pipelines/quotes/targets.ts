/** What a quote is made of: taxes from an API over HTTP, freight from a service over the broker. */
import { defineApi, defineService, env } from 'sluice';
import { z } from 'zod';

export const taxes = defineApi('taxes', {
  baseUrl: env.url('TAXES_API_BASE_URL', 'http://localhost:7001/api/v1'),
  timeout: '1s',
});

/** What both sides of the service agree on. */
export const FreightRequest = z.object({ country: z.string().length(2), kilograms: z.number().positive() });
export const Freight = z.object({ carrier: z.string(), price: z.number().nonnegative() });

export const freight = defineService('freight', {
  queue: 'freight.requested',
  operations: { quote: { request: FreightRequest, answer: Freight, idempotent: true } },
  timeout: '2s',
  retry: { maxAttempts: 2 },
});
