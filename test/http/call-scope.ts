/** What calls in specs are made for. */
import { firstValueFrom, type Observable } from 'rxjs';
import { createFacts, type Facts } from '../../src/events.ts';
import { type ApiClient, type CallScope, createApiClient } from '../../src/http/api-client.ts';
import { loadAxiosFor } from '../../src/http/axios-on-demand.ts';
import { type ApiOptions, defineApi } from '../../src/http/define-api.ts';
import type { Transport } from '../../src/http/transport.ts';

export const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

export const scopeOf = (scope: Partial<CallScope> = {}): CallScope => ({
  pipeline: 'orders',
  messageId: 'm1',
  correlationId: 'c1',
  deliveryTag: 1,
  traceId: TRACE.slice(3, 35),
  messageAttempt: 1,
  trace: { traceparent: TRACE },
  keyScope: 'orders/m1',
  ...scope,
});

// As the worker does before it makes clients.
await loadAxiosFor([defineApi('any', { baseUrl: 'http://any.test', axios: () => {} })]);

export const clientOf = (options: ApiOptions, transport?: Transport, facts: Facts = createFacts()): ApiClient =>
  createApiClient(defineApi('payment', options), { facts, random: () => 0, transport });

/** The error an Observable ends with. */
export async function failureOf(source: Observable<unknown>): Promise<Error & Record<string, unknown>> {
  let value: unknown;
  try {
    value = await firstValueFrom(source);
  } catch (error) {
    return error as Error & Record<string, unknown>;
  }
  throw new Error(`answered ${JSON.stringify(value)}`);
}
