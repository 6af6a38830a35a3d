/** The APIs of the ready pipelines: one definition each, one set of limits, shared by every pipeline of the worker. */
import { defineApi, env } from 'sluice';

const local = (port: number): string => `http://localhost:${port}/api/v1`;

export const ums = defineApi('ums', { baseUrl: env.url('UMS_API_BASE_URL', local(3001)), timeout: '5s' });
export const email = defineApi('email', { baseUrl: env.url('EMAIL_API_BASE_URL', local(3002)), timeout: '5s' });

export const inventory = defineApi('inventory', {
  baseUrl: env.url('INVENTORY_API_BASE_URL', local(4001)),
  timeout: '5s',
  concurrency: 32,
});
export const payment = defineApi('payment', {
  baseUrl: env.url('PAYMENT_API_BASE_URL', local(4002)),
  timeout: '5s',
  concurrency: 32,
  retry: { maxAttempts: 4, backoff: { initial: '100ms', max: '5s', jitter: 'full' } },
});
export const shipping = defineApi('shipping', {
  baseUrl: env.url('SHIPPING_API_BASE_URL', local(4003)),
  timeout: '5s',
  concurrency: 32,
});

export const twitter = defineApi('twitter', { baseUrl: env.url('TWITTER_API_BASE_URL', local(5001)), timeout: '5s' });
export const linkedin = defineApi('linkedin', {
  baseUrl: env.url('LINKEDIN_API_BASE_URL', local(5002)),
  timeout: '5s',
});
export const analytics = defineApi('analytics', {
  baseUrl: env.url('ANALYTICS_API_BASE_URL', local(5003)),
  timeout: '5s',
});

/** Somebody waits for the answer of a search: better without a slow vendor than late, so nothing is tried twice. */
const vendor = (name: string, baseUrl: ReturnType<typeof env.url>) =>
  defineApi(name, { baseUrl, timeout: '800ms', retry: false });

export const vendorA = vendor('vendor-a', env.url('VENDOR_A_API_BASE_URL', local(6001)));
export const vendorB = vendor('vendor-b', env.url('VENDOR_B_API_BASE_URL', local(6002)));
export const vendorC = vendor('vendor-c', env.url('VENDOR_C_API_BASE_URL', local(6003)));
