/** What becomes of a question for prices, as marbles: three answers are enough, and a slow shop is asked twice. A frame is a millisecond. */
import { exchange } from 'sluice';
import { ack, call, deadLetter, httpError, marbles as marblesOf, message, ok, published } from 'sluice/testing';
import priceComparison from '../../pipelines/prices/price-comparison.ts';

const marbles = marblesOf<'north' | 'east' | 'south' | 'west'>;

const question = { sku: 'teapot' };
const price = (value: number) => ok({ price: value });
const asked = (shop: string) => call(shop, 'GET /prices/{sku}', { params: { sku: 'teapot' } });
const all = { n: asked('north'), e: asked('east'), s: asked('south'), w: asked('west') };
type Prices = readonly (readonly [shop: string, price: number])[];
const offers = (...prices: Prices) => ({
  sku: 'teapot',
  offers: prices.map(([shop, value]) => ({ shop, price: value })),
});
const compared = (...prices: Prices) => published(exchange('prices', 'prices.compared'), offers(...prices));

describe('price-comparison', () => {
  it(
    'answers when three shops have, cheapest first, and gives up on the fourth',
    marbles(priceComparison, ({ deliver, api, expectCalls, expectPublished, expectSettled, expectSubscriptions }) => {
      deliver('                              a', { a: question });
      api.north.on('GET /prices/{sku}', '    --(p|)', { p: price(12) });
      api.east.on('GET /prices/{sku}', '     ---(p|)', { p: price(9) });
      api.south.on('GET /prices/{sku}', '    -(p|)', { p: price(10) });
      const slow = api.west.on('GET /prices/{sku}', '-----(p|)', { p: price(1) });

      expectCalls('                          (nesw)', all);
      expectSubscriptions(slow.subscriptions).toBe('^--!');
      expectPublished('                      ---p', { p: compared(['east', 9], ['south', 10], ['north', 12]) });
      expectSettled('                        ---A', { A: ack(question) });
    }),
  );

  it(
    'asks a shop a second time after 80 ms, and takes whichever answer comes first',
    marbles(priceComparison, ({ deliver, api, expectCalls, expectPublished, expectSubscriptions }) => {
      deliver('                              a', { a: question });
      api.north.on('GET /prices/{sku}', '    -(p|)', { p: price(12) });
      api.east.on('GET /prices/{sku}', '     -#', {}, httpError(404));
      api.south.on('GET /prices/{sku}', '    -(p|)', { p: price(10) });
      const west = api.west.on('GET /prices/{sku}', ['-', '--(p|)'], { p: price(1) });

      expectCalls('                          (nesw) 74ms w', all);
      expectSubscriptions(west.subscriptions).toBe(['^ 81ms !', '80ms ^-!']);
      expectPublished('                      - 81ms p', { p: compared(['west', 1], ['south', 10], ['north', 12]) });
    }),
  );

  it(
    'answers whoever asked',
    marbles(priceComparison, ({ deliver, api, expectPublished }) => {
      deliver('              a', { a: message(question, { replyTo: 'prices.web-1', correlationId: 'request-7' }) });
      for (const shop of [api.north, api.east, api.south, api.west])
        shop.on('GET /prices/{sku}', '-(p|)', { p: price(5) });
      const three = offers(['north', 5], ['east', 5], ['south', 5]);

      expectPublished('      -(pr)', {
        p: compared(['north', 5], ['east', 5], ['south', 5]),
        r: published(exchange('', 'prices.web-1'), three, { correlationId: 'request-7' }),
      });
    }),
  );

  it(
    'fails as soon as three cannot answer any more, and is not tried again',
    marbles(priceComparison, ({ deliver, api, expectSettled }) => {
      deliver('                          a', { a: question });
      api.north.on('GET /prices/{sku}', '-#', {}, httpError(404));
      api.east.on('GET /prices/{sku}', ' --#', {}, httpError(404));
      api.south.on('GET /prices/{sku}', '-(p|)', { p: price(10) });
      api.west.on('GET /prices/{sku}', ' -');

      expectSettled('                    --D', { D: deadLetter(question, 'ERR_GATHER_FAILED') });
    }),
  );
});
