/** What a call leaves behind that nobody waits for any more: nothing. */
import { map, mergeMap, race, timer } from 'rxjs';
import { defineApi, definePipeline, exchange, queue } from 'sluice';
import { ack, call, marbles, ok, returned, status } from 'sluice/testing';
import { z } from 'zod';

/** One call at a time. */
const narrow = defineApi('narrow', { baseUrl: 'http://localhost:1', concurrency: 1, retry: false });

const impatient = definePipeline({
  name: 'impatient',
  source: queue('impatient'),
  input: z.object({ id: z.string() }),
  apis: { narrow },
  // The first answer counts, and 5 ms without one are an answer too.
  handle: ({ id }, { apis }) =>
    race(apis.narrow.get('/things/{id}', { path: { id } }), timer(5)).pipe(map((answer) => ({ id, answer }))),
  output: () => exchange('out', 'done'),
});

const thing = (id: string) => call('narrow', 'GET /things/{id}', { params: { id } });
const [a, b] = [{ id: 'a' }, { id: 'b' }];

describe('a call that is given up', () => {
  it(
    'frees its slot for the next one: where it lost a race',
    marbles<'narrow'>(impatient, ({ deliver, api, expectCalls, expectSettled, expectSubscriptions }) => {
      deliver('                               a-----b----', { a, b });
      const hanging = api.narrow.on('GET /things/{id}', ['-', '--(r|)'], { r: ok(1) });

      expectCalls('                           a-----b----', { a: thing('a'), b: thing('b') });
      expectSubscriptions(hanging.subscriptions).toBe(['^----!', '------^-!']);
      expectSettled('                         -----A--B--', { A: ack(a), B: ack(b) });
    }),
  );

  it(
    'frees its slot for the next one: where its delivery was lost',
    marbles<'narrow'>(impatient, ({ deliver, api, at, broker, expectSettled }) => {
      deliver('                               a', { a });
      api.narrow.on('GET /things/{id}', ['-', '--(r|)'], { r: ok(1) });
      at('                                    --x', { x: () => broker.cutConnections() });

      expectSettled('                         --R 101ms A', { R: returned(a), A: ack(a) });
    }),
  );
});

describe('a call that is to come later', () => {
  const polite = defineApi('polite', {
    baseUrl: 'http://localhost:1',
    retry: { maxAttempts: 2, backoff: { initial: '10ms', jitter: 'none' } },
  });
  const asking = definePipeline({
    name: 'asking',
    source: queue('asking'),
    input: z.object({ id: z.string() }),
    apis: { polite },
    needs: [],
    handle: ({ id }, { apis }) => apis.polite.get('/things/{id}', { path: { id } }).pipe(mergeMap(() => [])),
  });
  const thing = call('polite', 'GET /things/{id}');

  it(
    'comes when its API asks for it, not when its own pause is over',
    marbles<'polite'>(asking, ({ deliver, api, expectCalls, expectSettled }) => {
      deliver('                               a', { a });
      const busy = { 'retry-after': '2' };
      api.polite.on('GET /things/{id}', ['-(b|)', '-(r|)'], { b: status(503, undefined, busy), r: ok() });

      expectCalls('                           c 2000ms c', { c: thing });
      expectSettled('                         - 2000ms -A', { A: ack(a) });
    }),
  );
});
