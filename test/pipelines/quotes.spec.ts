/** A quote from an API and a service, as marbles: both are asked at once, both answer as diagrams. */
import { exchange } from 'sluice';
import {
  ack,
  call,
  deadLetter,
  marbles as marblesOf,
  message,
  ok,
  published,
  retry,
  serviceError,
} from 'sluice/testing';
import freightRates from '../../pipelines/quotes/freight-rates.ts';
import quoteRequest from '../../pipelines/quotes/quote-request.ts';

const marbles = marblesOf<'taxes' | 'freight'>;

const order = { id: 'o-1', net: 100, country: 'FR', kilograms: 2 };
const asked = {
  t: call('taxes', 'GET /rates/{country}', { params: { country: 'FR' } }),
  f: call('freight', 'ASK quote', { body: { country: 'FR', kilograms: 2 } }),
};
const tax = ok({ ratio: 0.2 });
const express = ok({ carrier: 'express', price: 20 });
const made = published(exchange('quotes', 'quote.made'), { id: 'o-1', carrier: 'express', price: 144 });

describe('quote-request', () => {
  it(
    'asks the API and the service at once, and is done with the later of them',
    marbles(quoteRequest, ({ deliver, api, expectCalls, expectPublished, expectSettled, expectSubscriptions }) => {
      deliver('                               o----', { o: order });
      api.taxes.on('GET /rates/{country}', '  --(t|)', { t: tax });
      const freight = api.freight.on('ASK quote', '---(f|)', { f: express });

      expectCalls('                           (tf)', asked);
      expectSubscriptions(freight.subscriptions).toBe('^--!');
      expectPublished('                       ---p', { p: made });
      expectSettled('                         ---A', { A: ack(order) });
    }),
  );

  it(
    'asks again under the same message id where the service did not answer in time',
    marbles(quoteRequest, { random: () => 0.5 }, ({ deliver, api, expectCalls, expectPublished, expectFacts }) => {
      deliver('                             o', { o: order });
      api.taxes.on('GET /rates/{country}', '(t|)', { t: tax });
      api.freight.on('ASK quote', ['-', '   -(f|)'], { f: express });

      expectCalls('                         (tf) 2046ms f', asked);
      expectFacts('callRetried', '          2s r', {
        r: { api: 'freight', operation: 'ASK quote', attempt: 1, code: 'ERR_CALL_TIMEOUT' },
      });
      expectPublished('                     2051ms p', { p: made });
    }),
  );

  it(
    'gives up what the service gave up, and waits where it is in trouble',
    marbles(quoteRequest, { random: () => 0 }, ({ deliver, api, expectSettled }) => {
      const other = { ...order, id: 'o-2' };
      deliver('                             x----o', { x: other, o: order });
      api.taxes.on('GET /rates/{country}', '----(t|)', { t: tax });
      api.freight.on('ASK quote', ['        -(g|)', '  -(t|)', '-(t|)', '-(f|)'], {
        g: serviceError('ERR_PAYLOAD_INVALID'),
        t: serviceError(undefined, 503),
        f: express,
      });

      expectSettled('                       -D-----R 5003ms A', {
        D: deadLetter(other, 'ERR_SERVICE_FAILED'),
        R: retry(order, '5s', 'ERR_RETRY_EXHAUSTED'),
        A: ack(order),
      });
    }),
  );
});

describe('quote-request beside freight-rates', () => {
  it(
    'is tested in one worker with it, where the service still answers as a diagram',
    marbles([freightRates, quoteRequest], ({ deliver, api, expectPublished, expectSettled }) => {
      deliver('                              o---', { o: order }, 'quote-request');
      api.taxes.on('GET /rates/{country}', ' --(t|)', { t: tax });
      api.freight.on('ASK quote', '          -(f|)', { f: express });

      expectPublished('                      --p', { p: made });
      expectSettled('                        --A', { A: ack(order) });
    }),
  );
});

describe('freight-rates', () => {
  it(
    'answers whoever asked',
    marblesOf(freightRates, ({ deliver, expectPublished, expectSettled }) => {
      const request = { country: 'FR', kilograms: 2 };
      deliver('        r', { r: message(request, { replyTo: 'amq.rabbitmq.reply-to.x', correlationId: 'attempt-1' }) });
      expectPublished('p', {
        p: published(
          exchange('', 'amq.rabbitmq.reply-to.x'),
          { carrier: 'express', price: 20 },
          { correlationId: 'attempt-1' },
        ),
      });
      expectSettled('  A', { A: ack(request) });
    }),
  );
});
