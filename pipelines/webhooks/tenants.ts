/** Whose webhooks there are: an API for each tenant, so that one whose endpoint is slow or down takes nothing from the others. */
import { bearer, defineApi, env, HttpStatusError } from 'sluice';

/** Answers by which an endpoint says that it will never take this event. */
const REFUSED: ReadonlySet<number> = new Set([400, 410, 413, 415, 422]);

/**
 * A tenant's endpoint is somebody else's: only public addresses, few calls at a time, hardly any that wait. What does not fit is turned away at
 * once and comes again by the ladder of the queue, which holds no slot. So nothing is tried again here.
 */
const tenant = (name: string) => {
  const variable = name.toUpperCase();
  return defineApi(`hook-${name}`, {
    baseUrl: env.url(`WEBHOOK_${variable}_URL`, `https://hooks.${name}.example/sluice`),
    auth: bearer(env.secret(`WEBHOOK_${variable}_TOKEN`)),
    addresses: 'public',
    timeout: '10s',
    concurrency: 4,
    maxQueued: 8,
    rateLimit: { requests: 20, per: '1s' },
    breaker: { minimumCalls: 5, openFor: '30s' },
    retry: false,
    // A 401 or 404 is a mistake that somebody mends within a day.
    classify: (error) => (error instanceof HttpStatusError && !REFUSED.has(error.status) ? 'transient' : undefined),
  });
};

export const tenants = { acme: tenant('acme'), globex: tenant('globex'), initech: tenant('initech') };
