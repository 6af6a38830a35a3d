/**
 * The sample APIs behind the ready pipelines: name, environment variable, default port and operations of each.
 * They answer as the real services would, and hold nothing but what a test or a demo needs to see.
 */
import { z } from 'zod';
import { get, list, type Operation, post } from './operation.ts';

export interface SampleApiEntry {
  /** Environment variable that holds the base URL. */
  readonly variable: string;
  readonly port: number;
  readonly operations: readonly Operation[];
}

/** Prefix of every operation's path, part of the base URL. */
export const PREFIX = '/api/v1';

const text = z.string().min(1);
const items = z.array(z.object({ product_id: text, quantity: z.number().positive() })).min(1);

const ums = [
  post('/users', {
    input: z.object({ username: text, email: text, password: text }),
    about: ({ username }) => username,
    prefix: 'user',
    answer: (id, { email, username }) => ({ id, email, username }),
    status: 201,
  }),
  list('/users', { operation: 'POST /users', by: 'email' }),
];

const email = [
  post('/send-email', {
    input: z.object({ to: text, subject: text, body: z.string().optional(), template: text.optional() }),
    about: ({ to }) => to,
    prefix: 'mail',
    answer: (id, { to }) => ({ id, to, status: 'queued' }),
  }),
  list('/emails', { operation: 'POST /send-email', by: 'to' }),
];

const inventory = [
  post('/deduct', {
    input: z.object({ order_id: text, items }),
    about: (order) => order.order_id,
    prefix: 'deduction',
    answer: (id, { order_id }) => ({ id, order_id, status: 'deducted' }),
  }),
  post('/restore', {
    input: z.object({ order_id: text }),
    about: (order) => order.order_id,
    prefix: 'restoration',
    answer: (id, { order_id }) => ({ id, order_id, status: 'restored' }),
  }),
];

const payment = [
  post('/charge', {
    input: z.object({ order_id: text, amount: z.number().nonnegative(), details: z.unknown().optional() }),
    about: (order) => order.order_id,
    prefix: 'tx',
    answer: (id, { order_id, amount }) => ({ transaction_id: id, order_id, amount }),
  }),
  post('/refund', {
    input: z.object({ order_id: text.optional(), transaction_id: text }),
    about: (refund) => refund.transaction_id,
    prefix: 'refund',
    answer: (id, { transaction_id }) => ({ refund_id: id, transaction_id }),
  }),
];

const shipping = [
  post('/create-shipment', {
    input: z.object({ order_id: text, address: z.unknown().optional() }),
    about: (order) => order.order_id,
    prefix: 'track',
    answer: (id, { order_id }) => ({ tracking_number: id, order_id }),
  }),
];

const twitter = [
  post('/tweet', {
    input: z.object({ text }),
    about: (tweet) => tweet.text,
    prefix: 'tweet',
    answer: (id) => ({ id }),
  }),
];

const linkedin = [
  post('/share', {
    input: z.object({ title: text, url: text }),
    about: (share) => share.url,
    prefix: 'share',
    answer: (id) => ({ id }),
  }),
];

const analytics = [
  post('/track-event', {
    input: z.looseObject({ event: text }),
    about: (tracked) => JSON.stringify(tracked),
    prefix: 'event',
    answer: (id) => ({ id }),
  }),
];

/** Three offers, the cheapest at `cents`. The same question always gets the same answer. */
const vendor = (name: string, cents: number) => [
  get('/search', {
    input: z.object({ q: text }),
    about: ({ q }) => q,
    prefix: 'search',
    answer: (_, { q }) =>
      ['Basic', 'Plus', 'Pro'].map((edition, step) => ({
        title: `${q} ${edition} by ${name}`,
        price: (cents + 1_000 * step) / 100,
      })),
  }),
];

/** Every sample API by name, in the order of their ports. */
export const catalogue = {
  ums: { variable: 'UMS_API_BASE_URL', port: 3001, operations: ums },
  email: { variable: 'EMAIL_API_BASE_URL', port: 3002, operations: email },
  inventory: { variable: 'INVENTORY_API_BASE_URL', port: 4001, operations: inventory },
  payment: { variable: 'PAYMENT_API_BASE_URL', port: 4002, operations: payment },
  shipping: { variable: 'SHIPPING_API_BASE_URL', port: 4003, operations: shipping },
  twitter: { variable: 'TWITTER_API_BASE_URL', port: 5001, operations: twitter },
  linkedin: { variable: 'LINKEDIN_API_BASE_URL', port: 5002, operations: linkedin },
  analytics: { variable: 'ANALYTICS_API_BASE_URL', port: 5003, operations: analytics },
  vendorA: { variable: 'VENDOR_A_API_BASE_URL', port: 6001, operations: vendor('Acme', 1_999) },
  vendorB: { variable: 'VENDOR_B_API_BASE_URL', port: 6002, operations: vendor('Globex', 1_899) },
  vendorC: { variable: 'VENDOR_C_API_BASE_URL', port: 6003, operations: vendor('Initech', 2_049) },
} as const satisfies Record<string, SampleApiEntry>;

export type SampleApiName = keyof typeof catalogue;
