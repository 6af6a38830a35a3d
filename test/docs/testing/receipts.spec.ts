import { exchange } from 'sluice';
import {
  ack,
  call,
  deadLetter,
  httpError,
  marbles,
  message,
  ok,
  published,
  retry,
  returned,
  status,
} from 'sluice/testing';
import receipts from './receipts.ts';

const paid = { order: 'o-1', total: 20 };
const print = call('printer', 'POST /receipts/{order}', { params: { order: 'o-1' }, body: { total: 20 } });
const printed = published(exchange('receipts', 'receipt.printed'), { order: 'o-1', page: 'p-7' });

describe('receipts', () => {
  it(
    'prints a receipt for each paid order',
    marbles<'printer'>(receipts, ({ deliver, api, expectCalls, expectPublished, expectSettled }) => {
      deliver('                                -a-----', { a: paid });
      api.printer.on('POST /receipts/{order}', ' ---(r|)', { r: ok({ page: 'p-7' }) });

      expectCalls('                            -c-----', { c: print });
      expectPublished('                        ----p--', { p: printed });
      expectSettled('                          ----A--', { A: ack(paid) });
    }),
  );

  it(
    'tries again after a pause when the printer is busy',
    marbles<'printer'>(receipts, { random: () => 0.5 }, ({ deliver, api, expectCalls, expectSettled }) => {
      deliver('                                 a', { a: paid });
      api.printer.on('POST /receipts/{order}', ['-(b|)', '-(r|)'], { b: status(503), r: ok({ page: 'p-7' }) });

      expectCalls('                             c- 49ms c', { c: print });
      expectSettled('                           -- 49ms -A', { A: ack(paid) });
    }),
  );

  it(
    'leaves an order in the broker while the printer is off',
    marbles<'printer'>(receipts, { random: () => 0.5 }, ({ deliver, api, expectSettled, expectDeadLetters }) => {
      deliver('                               a', { a: paid });
      api.printer.on('POST /receipts/{order}', '#', {}, httpError(500));

      expectSettled('    50ms R 4999ms 50ms S 59999ms 50ms D', {
        R: retry(paid, '5s'),
        S: retry(paid, '1m'),
        D: deadLetter(paid, 'ERR_RETRY_EXHAUSTED'),
      });
      expectDeadLetters('50ms - 4999ms 50ms - 59999ms 50ms D', { D: { attempts: 3, causeCode: 'ERR_HTTP_STATUS' } });
    }),
  );

  it(
    'gives a printer that hangs 2 s',
    marbles<'printer'>(receipts, { random: () => 0.5 }, ({ deliver, api, expectSubscriptions, expectSettled }) => {
      const lastTry = message(paid, { attempt: 3 });
      deliver('                                          a', { a: lastTry });
      const calls = api.printer.on('POST /receipts/{order}', '-');

      expectSubscriptions(calls.subscriptions).toBe(['   ^ 1999ms !', '- 1999ms - 49ms ^ 1999ms !']);
      expectSettled('                                    - 1999ms - 49ms - 1999ms D', { D: deadLetter(lastTry) });
    }),
  );

  it(
    'prints nothing for what is no order',
    marbles<'printer'>(receipts, ({ deliver, expectCalls, expectSettled }) => {
      const torn = message(Buffer.from('{"order":'));
      deliver('      a', { a: torn });
      expectCalls('  -');
      expectSettled('D', { D: deadLetter(torn, 'ERR_PAYLOAD_INVALID') });
    }),
  );

  it(
    'prints each page of its own',
    marbles<'printer'>(receipts, ({ deliver, api, expectPublished }) => {
      const other = { order: 'o-2', total: 5 };
      deliver('        a--b', { a: paid, b: other });
      api.printer.on('POST /receipts/{order}', '-(r|)', { r: ok(({ params }) => ({ page: `of ${params.order}` })) });

      expectPublished('-p--q', {
        p: published(exchange('receipts', 'receipt.printed'), { order: 'o-1', page: 'of o-1' }),
        q: published(exchange('receipts', 'receipt.printed'), { order: 'o-2', page: 'of o-2' }),
      });
    }),
  );

  it(
    'takes no more orders while the printer is off',
    marbles<'printer'>(receipts, { random: () => 0.5 }, ({ deliver, api, expectConsuming }) => {
      deliver('                                 (aaa)', { a: paid });
      api.printer.on(
        'POST /receipts/{order}',
        ['#', '#', '#', '#', '#', '#', '(r|)', '(r|)', '(r|)'],
        { r: ok({ page: 'p-7' }) },
        httpError(500),
      );

      expectConsuming('                         t 49ms f 9999ms t');
    }),
  );

  it(
    'comes back to an order when the connection breaks',
    marbles<'printer'>(receipts, ({ deliver, api, at, broker, expectSettled }) => {
      deliver('                                 a', { a: paid });
      api.printer.on('POST /receipts/{order}', '-----(r|)', { r: ok({ page: 'p-7' }) });
      at('                                      --x', { x: () => broker.cutConnections() });

      expectSettled('                           --R 104ms A', { R: returned(paid), A: ack(paid) });
    }),
  );
});
