/**
 * The best price of a product among four shops, as soon as any three have answered: one that is slow or away holds up nobody. A shop that takes
 * longer than it mostly does is asked a second time, and whichever try answers first counts.
 */
import { map } from 'rxjs';
import { defineApi, definePipeline, env, exchange, gatherQuorum, queue } from 'sluice';
import { z } from 'zod';

const Price = z.object({ price: z.number().positive() });

/** Somebody waits: a price that comes after half a second is none. */
const shop = (name: string, baseUrl: ReturnType<typeof env.url>) =>
  defineApi(name, { baseUrl, timeout: '500ms', retry: { maxAttempts: 2, budget: 0.2 }, hedge: { after: '80ms' } });

const local = (port: number): string => `http://localhost:${port}/api/v1`;
const north = shop('north', env.url('NORTH_API_BASE_URL', local(7001)));
const east = shop('east', env.url('EAST_API_BASE_URL', local(7002)));
const south = shop('south', env.url('SOUTH_API_BASE_URL', local(7003)));
const west = shop('west', env.url('WEST_API_BASE_URL', local(7004)));

export default definePipeline({
  name: 'price-comparison',
  // A comparison that comes minutes late helps nobody.
  source: queue('prices.asked', { retry: false }),
  input: z.object({ sku: z.string().min(1) }),
  apis: { north, east, south, west },
  // Any three will do.
  needs: [],
  publishes: ['prices'],
  replyTo: ['amq.*', 'prices.*'],
  handle: ({ sku }, { apis }) => {
    const asked = { path: { sku }, response: Price };
    return gatherQuorum(
      {
        north: apis.north.get('/prices/{sku}', asked),
        east: apis.east.get('/prices/{sku}', asked),
        south: apis.south.get('/prices/{sku}', asked),
        west: apis.west.get('/prices/{sku}', asked),
      },
      { atLeast: 3, within: '1s' },
    ).pipe(
      map((answers) => {
        const offers = Object.entries(answers).map(([name, { price }]) => ({ shop: name, price }));
        return { sku, offers: offers.sort((a, b) => a.price - b.price) };
      }),
    );
  },
  output: () => exchange('prices', 'prices.compared'),
});
