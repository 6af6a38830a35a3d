/** Two pipelines in a chain, the second fed by the first; and the same with handles that wait for promises. */
import { firstValueFrom, map } from 'rxjs';
import { defineApi, definePipeline, exchange, queue } from 'sluice';
import { z } from 'zod';

const bank = defineApi('bank', { baseUrl: 'http://localhost:1', retry: false });
const post = defineApi('post', { baseUrl: 'http://localhost:2', retry: false });

const paying = {
  name: 'orders',
  source: queue('orders', { retry: { delays: ['5s'] } }),
  input: z.object({ id: z.string(), key: z.string().meta({ secret: true }).optional() }),
  apis: { bank },
  output: () => exchange('shop', 'order.paid'),
};

const sending = {
  name: 'letters',
  source: queue('letters', { bindings: [{ exchange: 'shop', key: 'order.paid' }], retry: { delays: ['5s'] } }),
  // Of what no schema describes a recording has stand-ins: not what the first pipeline made.
  input: z.object({ id: z.string(), note: z.unknown() }),
  apis: { post },
  output: () => exchange('shop', 'letter.sent'),
};

const note = 'paid in full';

export const orders = definePipeline({
  ...paying,
  handle: ({ id }, { apis }) => apis.bank.post('/pay', { id }).pipe(map(() => ({ id, note }))),
});

export const letters = definePipeline({
  ...sending,
  handle: (letter, { apis }) => apis.post.put('/letters', letter).pipe(map(() => ({ id: letter.id }))),
});

export const waitingOrders = definePipeline({
  ...paying,
  handle: async ({ id }, { apis }) => {
    await firstValueFrom(apis.bank.post('/pay', { id }));
    return { id, note };
  },
});

export const waitingLetters = definePipeline({
  ...sending,
  handle: async (letter, { apis }) => {
    await firstValueFrom(apis.post.put('/letters', letter));
    return { id: letter.id };
  },
});

/** Takes the same, but nobody has bound its queue to where the first publishes. */
export const unbound = definePipeline({
  ...sending,
  source: queue('letters', { retry: { delays: ['5s'] } }),
  handle: (letter, { apis }) => apis.post.put('/letters', letter).pipe(map(() => ({ id: letter.id }))),
});

/** Publishes elsewhere. */
export const turnedOrders = definePipeline({
  ...paying,
  handle: ({ id }, { apis }) => apis.bank.post('/pay', { id }).pipe(map(() => ({ id, note }))),
  output: () => exchange('shop', 'order.settled'),
});

/** Many letters of one order. */
export const manyOrders = definePipeline({
  ...paying,
  handle: ({ id }) => Array.from({ length: 130 }, (_, index) => ({ id: `${id}-${index}`, note })),
});

/** Makes what it publishes of a secret; and who takes that describes it. */
export const hintingOrders = definePipeline({
  ...paying,
  handle: ({ id, key = '' }) => [{ id, note: key.slice(-4) }],
});

export const hintedLetters = definePipeline({
  ...sending,
  input: z.object({ id: z.string(), note: z.string().length(4) }),
  handle: (letter, { apis }) => apis.post.put('/letters', letter).pipe(map(() => ({ id: letter.id }))),
});
