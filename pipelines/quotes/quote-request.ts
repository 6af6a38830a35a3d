/** Asks for taxes and freight at the same time, one over HTTP and one over the broker, and publishes the price of the order. */
import { map } from 'rxjs';
import { definePipeline, exchange, gather, queue } from 'sluice';
import { z } from 'zod';
import { freight, taxes } from './targets.ts';

export default definePipeline({
  name: 'quote-request',
  source: queue('quote.requested'),
  input: z.object({
    id: z.string(),
    net: z.number().nonnegative(),
    country: z.string().length(2),
    kilograms: z.number().positive(),
  }),
  apis: { taxes, freight },
  publishes: ['quotes'],
  handle: ({ id, net, country, kilograms }, { apis }) =>
    gather({
      tax: apis.taxes.get('/rates/{country}', { path: { country }, response: z.object({ ratio: z.number() }) }),
      freight: apis.freight.ask('quote', { country, kilograms }),
    }).pipe(
      map(({ tax, freight }) => ({
        id,
        carrier: freight.carrier,
        price: Math.round(100 * (net + freight.price) * (1 + tax.ratio)) / 100,
      })),
    ),
  output: () => exchange('quotes', 'quote.made'),
});
