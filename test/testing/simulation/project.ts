/** The project's own pipelines in a simulation: their messages, their APIs' answers, and what must hold of orders whatever goes wrong. */
import type { z } from 'zod';
import contentSyndication from '../../../pipelines/content-syndication.ts';
import orderProcessing from '../../../pipelines/order-processing.ts';
import productSearch from '../../../pipelines/product-search.ts';
import userRegistration from '../../../pipelines/user-registration.ts';
import { httpError, ok } from '../../../src/testing/pipelines/answers.ts';
import type { Law } from '../../../src/testing/simulation/laws/law.ts';
import type { SimulationOptions } from '../../../src/testing/simulation/options.ts';
import type { EndedSaga, SimulationEnd } from '../../../src/testing/simulation/simulation-end.ts';

export const pipelines = [orderProcessing, userRegistration, productSearch, contentSyndication] as const;

/** A step and what undoes it, as its API sees them. */
const UNDONE_BY = { 'POST /deduct': 'POST /restore', 'POST /charge': 'POST /refund' } as const;
const SHIPMENT = 'POST /create-shipment';

/** A refusal by the shipping API: it surely shipped nothing. Anything else leaves it in doubt, and the order is undone all the same. */
const isRefused = ({ records }: EndedSaga): boolean =>
  records.some((record) => record.kind === 'stepFailed' && record.code === 'ERR_HTTP_STATUS');

/** An order is placed wholly, or undone wholly; one that is neither is among the dead letters. */
export const wholeOrders: Law = {
  name: 'an order is placed or undone as a whole',
  watch: () => ({
    end: ({ effects, sagas, results, messages }: SimulationEnd) => {
      for (const saga of sagas) {
        const { sagaId, end } = saga;
        const happened = new Set(
          effects.filter(({ correlationId }) => correlationId === sagaId).map(({ operation }) => operation),
        );
        const told = new Set(
          results.filter(({ correlationId }) => correlationId === sagaId).map(({ routingKey }) => routingKey),
        );
        const wrong = wrongAbout(saga, happened, told);
        if (wrong !== undefined) return { text: `order ${sagaId}, ${end}: ${wrong}`, messageId: sagaId };
        const letters = messages.find(({ messageId }) => messageId === sagaId)?.deadLettered ?? 0;
        if (end === undefined && letters === 0)
          return { text: `order ${sagaId} stands where it stood, and nobody is told`, messageId: sagaId };
      }
      return undefined;
    },
  }),
};

function wrongAbout(saga: EndedSaga, happened: ReadonlySet<string>, told: ReadonlySet<string>): string | undefined {
  const { end } = saga;
  if (told.has('order.placed') && end !== 'completed') return 'it was told to be placed';
  if (told.has('order.failed') && end !== 'undone') return 'it was told to have failed';
  for (const [step, undo] of Object.entries(UNDONE_BY)) {
    if (end === 'completed' && (!happened.has(step) || happened.has(undo))) return `${step} or ${undo}`;
    if (end === 'undone' && happened.has(step) && !happened.has(undo)) return `${step} was not undone`;
    if (happened.has(undo) && !happened.has(step)) return `${undo} without ${step}`;
  }
  if (end === 'completed' && !happened.has(SHIPMENT)) return 'it was not shipped';
  if (end === 'undone' && happened.has(SHIPMENT) && isRefused(saga)) return 'it was shipped';
  return undefined;
}

type Order = z.output<typeof orderProcessing.input>;

const fieldOf = (body: unknown, field: string): string =>
  typeof body === 'object' && body !== null && field in body ? String((body as Record<string, unknown>)[field]) : '';

export const projectOptions = {
  messages: {
    'order-processing': ({ id, random }): Order => ({
      order_id: id,
      items: [{ product_id: 'book', quantity: 1 + Math.floor(random() * 3) }],
      amount: 1 + Math.floor(random() * 100),
      payment_details: 'by card',
      shipping_address: 'somewhere',
    }),
    // One in twenty cannot be read.
    'user-registration': ({ id, random }) =>
      random() < 0.05 ? { username: id } : { username: id, email: `${id}@example.com`, password: 'a long one' },
    'product-search': ({ id }) => ({ query: id }),
    'content-syndication': ({ id }) => ({ id, title: id, url: `https://example.com/${id}`, author: 'somebody' }),
  },
  apis: {
    payment: {
      'POST /charge': ({ body }, random) =>
        random() < 0.05 ? httpError(402) : ok({ transaction_id: `t-${fieldOf(body, 'order_id')}` }),
    },
    shipping: {
      'POST /create-shipment': ({ body }, random) =>
        random() < 0.15 ? httpError(422) : ok({ tracking_number: `n-${fieldOf(body, 'order_id')}` }),
    },
    ums: {
      'POST /users': ({ body }) =>
        ok({
          id: `u-${fieldOf(body, 'username')}`,
          email: fieldOf(body, 'email'),
          username: fieldOf(body, 'username'),
        }),
    },
    'vendor-a': { latency: ['20ms', '1500ms'], 'GET /search': () => ok([{ title: 'A', price: 3 }]) },
    'vendor-b': { latency: ['20ms', '700ms'], 'GET /search': () => ok([{ title: 'B', price: 2 }]) },
    'vendor-c': { latency: ['20ms', '400ms'], 'GET /search': () => ok([]) },
    email: { honoursKeys: false },
  },
  laws: [wholeOrders],
} satisfies SimulationOptions;
