/** Asks three vendors at once and answers with what came within 800 ms, cheapest first; vendors that are missing are named. */
import { map } from 'rxjs';
import { definePipeline, exchange, gatherSettled, queue } from 'sluice';
import { z } from 'zod';
import { vendorA, vendorB, vendorC } from './apis.ts';

const Offers = z.array(z.object({ title: z.string(), price: z.number() }));

export default definePipeline({
  name: 'product-search',
  // A search that comes minutes late helps nobody: it is not tried again.
  source: queue('search.requested', { retry: false }),
  input: z.object({ query: z.string().min(1) }),
  apis: { vendorA, vendorB, vendorC },
  // Any one vendor will do.
  needs: [],
  publishes: ['search'],
  replyTo: ['amq.*', 'search.*'],
  handle: ({ query }, { apis }) =>
    gatherSettled(
      {
        vendorA: apis.vendorA.get('/search', { params: { q: query }, response: Offers }),
        vendorB: apis.vendorB.get('/search', { params: { q: query }, response: Offers }),
        vendorC: apis.vendorC.get('/search', { params: { q: query }, response: Offers }),
      },
      { within: '800ms', atLeast: 1 },
    ).pipe(
      map((vendors) => {
        const answers = Object.entries(vendors);
        return {
          query,
          results: answers
            .flatMap(([vendor, answer]) =>
              answer.status === 'fulfilled' ? answer.value.map((offer) => ({ ...offer, vendor })) : [],
            )
            .sort((a, b) => a.price - b.price),
          missing: answers.flatMap(([vendor, answer]) => (answer.status === 'rejected' ? [vendor] : [])),
        };
      }),
    ),
  output: () => exchange('search', 'search.completed'),
});
