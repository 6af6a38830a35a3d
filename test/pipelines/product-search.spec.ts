/** What becomes of a search, as marbles: whoever asks gets what the vendors said within 800 ms. */
import { exchange } from 'sluice';
import {
  ack,
  call,
  deadLetter,
  httpError,
  marbles as marblesOf,
  message,
  networkError,
  ok,
  published,
} from 'sluice/testing';
import productSearch from '../../pipelines/product-search.ts';

const marbles = marblesOf<'vendorA' | 'vendorB' | 'vendorC'>;

const search = { query: 'teapot' };
const query = { query: { q: 'teapot' } };
const asked = {
  a: call('vendorA', 'GET /search', query),
  b: call('vendorB', 'GET /search', query),
  c: call('vendorC', 'GET /search', query),
};
const offers = (price: number) => ok([{ title: 'teapot', price }]);
const found = (results: readonly (readonly [vendor: string, price: number])[], missing: readonly string[]) => ({
  query: 'teapot',
  results: results.map(([vendor, price]) => ({ title: 'teapot', price, vendor })),
  missing,
});
const completed = (...args: Parameters<typeof found>) =>
  published(exchange('search', 'search.completed'), found(...args));

describe('product-search', () => {
  it(
    'asks all vendors at once, and answers cheapest first when the last of them has answered',
    marbles(productSearch, ({ deliver, api, expectCalls, expectPublished, expectSettled }) => {
      deliver('                        s----', { s: search });
      api.vendorA.on('GET /search', '  --(o|)', { o: offers(30) });
      api.vendorB.on('GET /search', '  ----(o|)', { o: offers(20) });
      api.vendorC.on('GET /search', '  -(o|)', { o: offers(25) });

      expectCalls('                    (abc)', asked);
      expectPublished('                ----p', {
        p: completed(
          [
            ['vendorB', 20],
            ['vendorC', 25],
            ['vendorA', 30],
          ],
          [],
        ),
      });
      expectSettled('                  ----A', { A: ack(search) });
    }),
  );

  it(
    'answers in part after 800 ms, and aborts what is still under way',
    marbles(productSearch, ({ deliver, api, expectPublished, expectSettled, expectSubscriptions }) => {
      deliver('                               s', { s: search });
      api.vendorA.on('GET /search', '         --(o|)', { o: offers(30) });
      const slow = api.vendorB.on('GET /search', '2s (o|)', { o: offers(20) });
      const hanging = api.vendorC.on('GET /search', '-');

      expectSubscriptions(slow.subscriptions).toBe('   ^ 799ms !');
      expectSubscriptions(hanging.subscriptions).toBe('^ 799ms !');
      expectPublished('                       - 799ms p', { p: completed([['vendorA', 30]], ['vendorB', 'vendorC']) });
      expectSettled('                         - 799ms A', { A: ack(search) });
    }),
  );

  it(
    'names a vendor that fails, and does not ask it again',
    marbles(productSearch, ({ deliver, api, expectCalls, expectPublished, expectSettled }) => {
      deliver('                        s----', { s: search });
      api.vendorA.on('GET /search', '  --(o|)', { o: offers(30) });
      api.vendorB.on('GET /search', '  -#', {}, httpError(503));
      api.vendorC.on('GET /search', '  ---(x|)', { x: ok({ no: 'list' }) });

      expectCalls('                    (abc)', asked);
      expectPublished('                ---p-', { p: completed([['vendorA', 30]], ['vendorB', 'vendorC']) });
      expectSettled('                  ---A-', { A: ack(search) });
    }),
  );

  it(
    'answers whoever asked, at the queue the message names',
    marbles(productSearch, ({ deliver, api, expectPublished }) => {
      deliver('                        s--', {
        s: message(search, { replyTo: 'search.web-1', correlationId: 'request-7' }),
      });
      api.vendorA.on('GET /search', '  -(o|)', { o: offers(30) });
      api.vendorB.on('GET /search', '  -(o|)', { o: ok([]) });
      api.vendorC.on('GET /search', '  -(o|)', { o: ok([]) });

      expectPublished('                -(pr)', {
        p: completed([['vendorA', 30]], []),
        r: published(exchange('', 'search.web-1'), found([['vendorA', 30]], []), { correlationId: 'request-7' }),
      });
    }),
  );

  it(
    'dead-letters a search nobody could answer: minutes later it would help nobody',
    marbles(productSearch, ({ deliver, api, expectPublished, expectSettled, expectDeadLetters }) => {
      deliver('                        s', { s: search });
      api.vendorA.on('GET /search', '  -#', {}, networkError('ECONNREFUSED'));
      api.vendorB.on('GET /search', '  -#', {}, httpError(500));
      api.vendorC.on('GET /search', '  -');

      expectPublished('                -');
      expectSettled('                  - 799ms D', { D: deadLetter(search, 'ERR_GATHER_FAILED') });
      expectDeadLetters('              - 799ms D', { D: { body: search, attempts: 1, stage: 'handle' } });
    }),
  );

  it(
    'goes on taking searches while one vendor is down: any one will do',
    marbles(productSearch, ({ deliver, api, expectFacts, expectConsuming }) => {
      deliver('                        20ms s', { s: search });
      deliver('                        ssssssssssssssssssss', { s: search });
      api.vendorA.on('GET /search', '  (o|)', { o: offers(30) });
      api.vendorB.on('GET /search', '  #', {}, httpError(500));
      api.vendorC.on('GET /search', '  (o|)', { o: offers(25) });

      expectConsuming('t');
      expectFacts('breakerChanged', '19ms o', { o: { api: 'vendor-b', state: 'open' } });
    }),
  );
});
