import { expect } from 'chai';
import { map, mergeMap, timer } from 'rxjs';
import { defineApi, definePipeline, exchange, queue, saga } from 'sluice';
import { ack, call, httpError, marbles, ok, type PipelineTestOptions, published } from 'sluice/testing';
import { a, apis, b, ledger, passes, pay, paying, printedBy, source, Work, working } from './working.ts';

describe('marbles of a pipeline', () => {
  it('runs the same randomness by the same seed', () => {
    const retrying = defineApi('retrying', { baseUrl: 'http://localhost:1' });
    const pipeline = definePipeline({
      name: 'work',
      source,
      input: Work,
      apis: { pay: retrying },
      handle: (_, { apis: { pay: api } }) => api.get('/'),
    });
    const delaysBy = (options: PipelineTestOptions): string => {
      try {
        marbles<'pay'>(pipeline, options, ({ deliver, api, expectFacts }) => {
          deliver('a', { a });
          api.pay.on('GET /', ['#', '(r|)'], { r: ok() }, httpError(500));
          expectFacts('callRetried', '-', { x: { nextDelayMs: 0 } });
        })();
      } catch (error) {
        return error instanceof Error ? (/nextDelayMs: ([\d.]+)/.exec(error.message)?.[1] ?? '') : '';
      }
      return '';
    };
    expect(delaysBy({}))
      .to.equal(delaysBy({ seed: 1 }))
      .and.to.equal(delaysBy({ seed: 1 }))
      .and.not.to.equal(delaysBy({ seed: 2 }));
    expect(delaysBy({ random: () => 0.25 })).to.equal('25');
  });

  it('gives each test limits, breakers and journals of its own', () => {
    const pipeline = working(
      saga({ name: 'once', input: Work, apis, id: () => 'same' })
        .step('pay', ({ apis: { pay: api } }) => api.post('/pay'))
        .returns(() => 1),
    );
    for (const _ of [1, 2])
      passes(pipeline, ({ deliver, api, expectCalls }) => {
        deliver('    a-a', { a });
        api.pay.on('POST /pay', '-(r|)', { r: ok() });
        expectCalls('c', { c: call('pay', 'POST /pay') });
      })();
  });

  it('tells streams beside the pipeline as ever', () => {
    passes(paying, ({ cold, expectObservable, expectSubscriptions }) => {
      const beside = cold('-x|');
      expectObservable(beside).toBe('-x|');
      expectSubscriptions(beside.subscriptions).toBe('^-!');
    })();
    expect(printedBy(paying, ({ cold, expectObservable }) => expectObservable(cold('-x|')).toBe('-y|'))).to.contain(
      'the stream differs',
    );
  });

  it('checks what is expected so far at each flush', () => {
    passes(paying, ({ deliver, api, flush, expectSettled }) => {
      deliver('      a', { a });
      api.pay.on('POST /pay', '-(r|)', { r: ok(1) });
      expectSettled('-A', { A: ack(a) });
      flush();
      deliver('      -----b', { b });
      expectSettled('-A----B', { A: ack(a), B: ack(b) });
    })();
  });

  it('runs several pipelines at once, one feeding the other', () => {
    const first = definePipeline({
      name: 'first',
      source: queue('first'),
      input: Work,
      apis: { pay },
      handle: ({ n }, { apis: { pay: api } }) => api.post('/pay', { n }).pipe(map(() => ({ n: n + 1 }))),
      output: () => exchange('steps', 'second'),
    });
    const second = definePipeline({
      name: 'second',
      source: queue('second', { bindings: [{ exchange: 'steps', key: 'second' }] }),
      input: Work,
      apis: { ledger },
      handle: ({ n }, { apis: { ledger: api } }) => timer(3).pipe(mergeMap(() => api.post('/book', { n }))),
    });
    marbles<'pay' | 'ledger'>([first, second], ({ deliver, api, expectCalls, expectPublished, expectSettled }) => {
      deliver('        a', { a });
      deliver('        ----------b', { b: { n: 8 } }, 'second');
      api.pay.on('POST /pay', '-(r|)', { r: ok() });
      api.ledger.on('POST /book', '-(r|)', { r: ok() });
      expectCalls('    p---l--------m', {
        p: call('pay', 'POST /pay'),
        l: call('ledger', 'POST /book', { body: { n: 2 } }),
        m: call('ledger', 'POST /book', { body: { n: 8 } }),
      });
      expectPublished('-p', { p: published(exchange('steps', 'second'), { n: 2 }) });
      expectSettled('  -A---B--------C', { A: ack(a), B: ack({ n: 2 }), C: ack({ n: 8 }) });
    })();
  });
});
