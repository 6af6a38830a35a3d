/** What becomes of an event, as marbles: a day of tries, and tenants that do not feel each other. A frame is a millisecond. */
import { exchange } from 'sluice';
import {
  ack,
  call,
  deadLetter,
  httpError,
  marbles as marblesOf,
  networkError,
  ok,
  published,
  retry,
} from 'sluice/testing';
import webhookDelivery from '../../pipelines/webhooks/webhook-delivery.ts';

const marbles = marblesOf<'acme' | 'globex' | 'initech'>;

const event = (tenant: string, id = 'e-1') => ({ event_id: id, tenant, type: 'order.paid', data: { order: 'o-1' } });
const posted = (tenant: string, attempt: number) =>
  call(tenant, 'POST /events', {
    body: { id: 'e-1', type: 'order.paid', data: { order: 'o-1' } },
    headers: { 'x-attempt': String(attempt) },
  });
const delivered = (tenant: string, attempt: number) =>
  published(exchange('webhooks.outcomes', 'webhook.delivered'), { event_id: 'e-1', tenant, attempt });

describe('webhook-delivery', () => {
  it(
    'posts an event to its tenant alone, and tells that it is delivered',
    marbles(webhookDelivery, ({ deliver, api, expectCalls, expectPublished, expectSettled }) => {
      deliver('                     a', { a: event('acme') });
      api.acme.on('POST /events', ' --(r|)', { r: ok() });

      expectCalls('                 a', { a: posted('acme', 1) });
      expectPublished('             --p', { p: delivered('acme', 1) });
      expectSettled('               --A', { A: ack(event('acme')) });
    }),
  );

  it(
    'tries for a day and more, at growing distances, then gives the event to people',
    marbles(webhookDelivery, { within: '48h' }, ({ deliver, api, expectSettled, expectDeadLetters }) => {
      const body = event('globex');
      deliver('                       a', { a: body });
      api.globex.on('POST /events', ' #', {}, networkError('ECONNREFUSED'));

      const [waits, hours] = ['a 29999ms b 299999ms c 1799999ms d', '7199999ms e 28799999ms f 86399999ms'];
      expectSettled(`${waits} ${hours} D`, {
        a: retry(body, '30s'),
        b: retry(body, '5m'),
        c: retry(body, '30m'),
        d: retry(body, '2h'),
        e: retry(body, '8h'),
        f: retry(body, '24h'),
        D: deadLetter(body, 'ERR_NETWORK'),
      });
      expectDeadLetters('- 29999ms - 299999ms - 1799999ms - 7199999ms - 28799999ms - 86399999ms D', {
        D: { attempts: 7 },
      });
    }),
  );

  it(
    'tries again what somebody will mend, and not what the endpoint refuses for good',
    marbles(webhookDelivery, ({ deliver, api, expectSettled }) => {
      const [lost, gone] = [event('acme'), event('initech')];
      deliver('                        (ag)', { a: lost, g: gone });
      api.acme.on('POST /events', ['   -#', '-(r|)'], { r: ok() }, httpError(404));
      api.initech.on('POST /events', ' --#', {}, httpError(410));

      expectSettled('                  -RD 29998ms -A', {
        R: retry(lost, '30s', 'ERR_HTTP_STATUS'),
        D: deadLetter(gone, 'ERR_HTTP_STATUS'),
        A: ack(lost),
      });
    }),
  );

  it(
    'lets a slow tenant take its own four slots and its own line, and puts what is more on the ladder at once',
    marbles(webhookDelivery, ({ deliver, api, expectSettled }) => {
      const slow = Object.fromEntries([...'abcdefghijklm'].map((symbol) => [symbol, event('globex', `e-${symbol}`)]));
      const quick = event('acme');
      deliver('                       (abcdefghijklm)', slow);
      deliver('                       - 19ms z', { z: quick });
      api.globex.on('POST /events', ' 3s (r|)', { r: ok() });
      api.acme.on('POST /events', '   -(r|)', { r: ok() });

      const acked = Object.fromEntries(Object.entries(slow).map(([symbol, value]) => [symbol, ack(value)]));
      expectSettled('R 20ms z 2978ms (abcd) 2994ms (efgh) 2994ms (ijkl) 23994ms m', {
        ...acked,
        R: retry(slow.m, '30s', 'ERR_BULKHEAD_REJECTED'),
        z: ack(quick),
      });
    }),
  );
});
