/** Pipelines that are recorded and replayed, and what they were changed into. */
import { concatMap, map } from 'rxjs';
import { defineApi, definePipeline, exchange, queue } from 'sluice';
import { z } from 'zod';

const bank = defineApi('bank-of-x', { baseUrl: 'http://localhost:1', timeout: '2s', retry: { maxAttempts: 2 } });
export const post = defineApi('post', { baseUrl: 'http://localhost:2', retry: false });
const apis = { bank, post };

const Order = z.object({ id: z.string(), amount: z.number(), key: z.string().meta({ secret: true }) });
export const source = queue('orders', { retry: { delays: ['5s', '1m'] } });
export const output = () => exchange('orders', 'order.paid');
const Receipt = z.object({ receipt: z.string() });

export const orders = definePipeline({
  name: 'orders',
  source,
  input: Order,
  apis,
  handle: ({ id, amount, key }, { apis: { bank: bankApi, post: postApi } }) =>
    bankApi
      .post('/pay/{id}', { amount, key }, { path: { id }, params: { key }, response: Receipt })
      .pipe(
        concatMap(({ receipt }) =>
          postApi.put('/letters', { receipt, text: `paid by ${key}` }).pipe(map(() => ({ id, key }))),
        ),
      ),
  output,
});

/** The same, with the letter before the payment. */
export const turned = definePipeline({
  name: 'orders',
  source,
  input: Order,
  apis,
  handle: ({ id, amount, key }, { apis: { bank: bankApi, post: postApi } }) =>
    postApi.put('/letters', { receipt: id }).pipe(
      concatMap(() => bankApi.post('/pay/{id}', { amount, key }, { path: { id }, params: { key } })),
      map(() => ({ id })),
    ),
  output: () => exchange('orders', 'order.done'),
});

/** Answers whoever asks, too. */
export const replying = { ...orders, replyTo: ['amq.*'] };
