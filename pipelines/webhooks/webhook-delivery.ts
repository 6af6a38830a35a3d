/**
 * Delivers events to the endpoints of tenants: at once, and where that fails after 30 seconds, 5 minutes, half an hour, 2 hours, 8 hours, a day. Each tenant
 * has limits and a breaker of its own. What an endpoint refuses for good is a dead letter at once.
 */
import { map } from 'rxjs';
import { definePipeline, exchange, queue } from 'sluice';
import { z } from 'zod';
import { tenants } from './tenants.ts';

export default definePipeline({
  name: 'webhook-delivery',
  source: queue('webhooks', { retry: { delays: ['30s', '5m', '30m', '2h', '8h', '24h'] } }),
  input: z.object({
    event_id: z.string().min(1),
    tenant: z.enum(['acme', 'globex', 'initech']),
    type: z.string().min(1),
    data: z.unknown(),
  }),
  apis: tenants,
  // One tenant's open breaker stops nobody else's deliveries.
  needs: [],
  tenant: ({ tenant }) => tenant,
  timeout: '30s',
  publishes: ['webhooks.outcomes'],
  handle: ({ event_id, tenant, type, data }, { apis, attempt }) =>
    apis[tenant]
      .post('/events', { id: event_id, type, data }, { headers: { 'x-attempt': String(attempt) } })
      .pipe(map(() => ({ event_id, tenant, attempt }))),
  output: () => exchange('webhooks.outcomes', 'webhook.delivered'),
});
