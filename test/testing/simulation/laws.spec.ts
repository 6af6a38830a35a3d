/** Each law can be broken: a part is broken on purpose, and the law that forbids it is the one that says so. */
import { expect } from 'chai';
import { concat, defer, EMPTY, ignoreElements, interval, map, mergeMap, NEVER, of, take } from 'rxjs';
import { z } from 'zod';
import { queue } from '../../../src/broker/queue.ts';
import { defineApi } from '../../../src/http/define-api.ts';
import type { JournalRecord } from '../../../src/journal/journal.ts';
import { definePipeline } from '../../../src/pipeline/define-pipeline.ts';
import type { Pipeline } from '../../../src/pipeline/pipeline.ts';
import { Accounts } from '../../../src/testing/simulation/accounts.ts';
import { builtInLaws } from '../../../src/testing/simulation/laws/built-in-laws.ts';
import { nothingLost } from '../../../src/testing/simulation/laws/nothing-lost.ts';
import { apiOf } from './api-of.ts';
import { expectBroken, forwarded, orders, shop, withDeliveries, withPublish } from './broken.ts';

/** The same pipeline with an API that is defined otherwise. */
const withApi = (options: Partial<typeof shop.options>) => (pipeline: Pipeline) => ({
  ...pipeline,
  apis: { shop: { ...shop, options: { ...shop.options, ...options } } },
});

/** So that messages come for a second try. */
const failing = { shop: { failureRatio: 0.8 } };

const withHandle = (handle: Pipeline['handle']) => (pipeline: Pipeline) => ({ ...pipeline, handle });

describe('laws of a simulation', () => {
  it('a delivery is settled at most once: broken by a second ack', async () => {
    const throughPort = withDeliveries((delivery) => ({
      ...delivery,
      ack: () => {
        delivery.ack();
        return delivery.ack();
      },
    }));
    await expectBroken('a delivery is settled at most once', { throughPort });
  });

  it('a message is acked after its effects are confirmed: broken by a publish that does not wait for its confirm', async () => {
    const throughPort = withPublish((port, message) =>
      defer(() => {
        port.publish(message).subscribe({ error: () => {} });
        return EMPTY;
      }),
    );
    await expectBroken('a message is acked after its effects are confirmed', { throughPort });
  });

  it('a message is acked after its effects are confirmed: broken by a copy that is never published', async () => {
    const throughPort = withPublish((port, message) =>
      message.routingKey.includes('.delay.') ? EMPTY : port.publish(message),
    );
    await expectBroken('a message is acked after its effects are confirmed', { throughPort, apis: failing });
  });

  it("a worker's books balance: broken by an ack that is not passed on", async () => {
    const throughPort = withDeliveries((delivery) => ({ ...delivery, ack: () => 'sent' }));
    await expectBroken("a worker's books balance", { throughPort });
  });

  it('nothing is lost: broken by a message that has not ended, and by a result that is not there', () => {
    const end = { results: [], deadLetters: [], effects: [], sagas: [] };
    const lost = { pipeline: 'orders', messageId: 'a', body: {}, published: 2, done: 1, deadLettered: 0 };
    const setup = { pipelines: [orders], workers: 1 };
    expect(nothingLost.watch(setup).end?.({ ...end, messages: [lost] })).to.deep.include({ messageId: 'a' });
    expect(nothingLost.watch(setup).end?.({ ...end, messages: [{ ...lost, deadLettered: 1 }] })).to.equal(undefined);

    const watch = nothingLost.watch(setup);
    watch.see?.({
      kind: 'confirmed',
      at: 1,
      life: { worker: 0, life: 1 },
      what: 'result',
      pipeline: undefined,
      messageId: 'r',
      address: 'r@orders/order.placed',
      correlationId: 'a',
    });
    expect(watch.end?.({ ...end, messages: [] })).to.deep.include({ messageId: 'a' });
  });

  it('a message ends twice only where a confirm or an ack was lost: broken by a copy that is stored twice', async () => {
    const throughPort = withPublish((port, message) =>
      message.routingKey.includes('.delay.')
        ? concat(port.publish(message), port.publish(message))
        : port.publish(message),
    );
    await expectBroken('a message ends twice only where a confirm or an ack was lost', { throughPort, apis: failing });
  });

  it('concurrency keeps to its bounds: broken by more handles at once', async () => {
    const throughPipeline = (pipeline: Pipeline) => ({ ...pipeline, concurrency: 20, prefetch: 6 });
    await expectBroken('concurrency keeps to its bounds', { throughPipeline });
  });

  it('concurrency keeps to its bounds: broken by more requests at once', async () => {
    const pipeline = { ...orders, concurrency: 20, prefetch: 40 };
    const throughPipeline = withApi({ concurrency: 20 });
    await expectBroken('concurrency keeps to its bounds', { throughPipeline }, [pipeline]);
  });

  it('rates keep to their limits: broken by an API that is called without its limit', async () => {
    for (const burst of [undefined, 3]) {
      const rateLimit = { requests: 5, per: '1s', ...(burst === undefined ? {} : { burst }) } as const;
      const shopWithLimit = { ...shop, options: { ...shop.options, rateLimit, concurrency: 64 } };
      const throughPipeline = withApi({ concurrency: 64 });
      await expectBroken('rates keep to their limits', { throughPipeline }, [
        { ...orders, apis: { shop: shopWithLimit } },
      ]);
    }
  });

  it('retries keep to their bounds: broken by one attempt more', async () => {
    const throughPipeline = withApi({ retry: { maxAttempts: 4, budget: false } });
    const apis = { shop: { failureRatio: 0.6 } };
    await expectBroken('retries keep to their bounds', { throughPipeline, apis });
  });

  it('retries keep to their bounds: broken by calls that retry without a budget', async () => {
    const throughPipeline = withApi({ retry: { budget: false }, breaker: false });
    const apis = { shop: { failureRatio: 0.9 } };
    await expectBroken('retries keep to their bounds', { throughPipeline, apis });
  });

  it('order is kept where it is asked for: broken by a pipeline that keeps none', async () => {
    const throughPipeline = (pipeline: Pipeline) => ({ ...pipeline, order: 'none' as const });
    const law = 'order is kept where it is asked for';
    const byKey = { ...orders, order: { by: () => 'the only one' } };
    await expectBroken(law, { throughPipeline }, [byKey]);
  });

  describe('a saga goes forward, or back in reverse order', () => {
    type Written = JournalRecord extends infer R ? (R extends JournalRecord ? Omit<R, 'at'> : never) : never;
    const failed = { kind: 'stepFailed', step: 'c', code: 'ERR', message: 'no' } as const;
    const step = (name: string) => [
      { kind: 'stepIntended' as const, step: name },
      { kind: 'stepDone' as const, step: name, result: undefined },
    ];
    const undo = (name: string) => [
      { kind: 'compensationIntended' as const, step: name },
      { kind: 'compensationDone' as const, step: name },
    ];
    const start = { kind: 'started', inputHash: '' } as const;
    const broken: Readonly<Record<string, readonly Written[]>> = {
      'compensations in forward order': [start, ...step('a'), ...step('b'), failed, ...undo('a'), ...undo('b')],
      'a compensation of a step that was not done': [start, ...step('a'), failed, ...undo('b')],
      'a step after the decision to turn back': [start, ...step('a'), failed, ...step('b')],
      'a step that is repeated': [start, ...step('a'), ...step('a')],
      'a compensation that is repeated': [start, ...step('a'), failed, ...undo('a'), ...undo('a')],
      'a way back without a failure': [start, ...step('a'), ...undo('a')],
      'a second decision': [start, ...step('a'), failed, failed],
      'a step that was not intended': [start, { kind: 'stepDone', step: 'a', result: undefined }],
      'a step before the start': [...step('a')],
      'a record after the end': [start, ...step('a'), { kind: 'completed' }, { kind: 'completed' }],
    };
    for (const [what, records] of Object.entries(broken)) {
      it(`broken by ${what}`, async () => {
        const writing = withHandle((message, { journal }) =>
          journal.open({ space: 'saga', name: 'broken', id: (message as { id: string }).id }).pipe(
            mergeMap((open) => concat(...records.map((record) => open.append({ ...record, at: 0 })), of('written'))),
            take(1),
            ignoreElements(),
          ),
        );
        await expectBroken('a saga goes forward, or back in reverse order', { throughPipeline: writing });
      });
    }
  });

  it('a saga ends, or its journal says that it is stuck: broken by one that is left half done', async () => {
    const leaving = withHandle((message, { journal }) =>
      journal.open({ space: 'saga', name: 'left', id: (message as { id: string }).id }).pipe(
        mergeMap(({ records, append }) =>
          records.length > 0 ? of('read') : concat(append({ kind: 'started', inputHash: '', at: 0 }), of('written')),
        ),
        take(1),
        ignoreElements(),
      ),
    );
    await expectBroken('a saga ends, or its journal says that it is stuck', { throughPipeline: leaving });
  });

  it('an effect happens once where keys are honoured: broken by keys that change with the attempt', async () => {
    const throughPipeline = withHandle(
      (message, { apis, attempt }) =>
        apiOf(apis.shop)?.post('/orders', message, { idempotencyKey: `try ${attempt}` }) ?? EMPTY,
    );
    const apis = { shop: { lostAnswerRatio: 0.5 } };
    await expectBroken('an effect happens once where keys are honoured', {
      throughPipeline: (pipeline) => withApi({ retry: false })(throughPipeline(pipeline)),
      apis,
    });
  });

  it('what a worker holds is bounded by the prefetch: broken by a consumer with another one', async () => {
    const throughPipeline = (pipeline: Pipeline) => ({ ...pipeline, prefetch: 50 });
    await expectBroken('what a worker holds is bounded by the prefetch', { throughPipeline });
  });

  it('no error is left unhandled: broken by a subscriber that throws', async () => {
    const throughPipeline = withHandle(() => {
      of(1).subscribe(() => {
        throw new Error('nobody catches this');
      });
      return EMPTY;
    });
    const { violation } = await expectBroken('no error is left unhandled', { throughPipeline });
    expect(violation.text).to.equal('nobody catches this');
  });

  it('once everything is healed, all work drains: broken by a worker that takes nothing', async () => {
    const throughPort = (port: Parameters<typeof forwarded>[0]) => ({ ...forwarded(port), consume: () => NEVER });
    await expectBroken('once everything is healed, all work drains', { throughPort });
  });

  it('once everything is healed, all work drains: broken by a worker that does not stop', async () => {
    const throughPort = (port: Parameters<typeof forwarded>[0]) => ({ ...forwarded(port), close: () => NEVER });
    await expectBroken('once everything is healed, all work drains', { throughPort });
  });

  it('a worker that has stopped leaves nothing behind: broken by a handle that leaves a timer', async () => {
    const throughPipeline = withHandle(() => {
      interval(60_000).pipe(ignoreElements()).subscribe();
      return EMPTY;
    });
    await expectBroken('a worker that has stopped leaves nothing behind', { throughPipeline });
  });

  it('a law of the author', async () => {
    const law = {
      name: 'every order is placed once',
      watch: () => ({
        end: ({ effects }: { readonly effects: readonly unknown[] }) =>
          effects.length > 0 ? `${effects.length} are` : undefined,
      }),
    };
    const [name, parts] = ['visits', { apis: { visits: defineApi('visits', { baseUrl: 'http://localhost:1' }) } }];
    const visits = definePipeline({
      name,
      source: queue('visits'),
      input: z.unknown(),
      ...parts,
      handle: (_, { apis }) =>
        apis.visits.get('/').pipe(
          map(() => undefined),
          ignoreElements(),
        ),
    });
    const laws = [law];
    const throughPipeline = withHandle((_, { apis }) => apiOf(apis.visits)?.post('/') ?? EMPTY);
    await expectBroken('every order is placed once', { laws, throughPipeline, apis: {} }, [visits]);
  });

  it('are all named once, and each by a sentence', () => {
    const names = builtInLaws(new Accounts(), {}).map(({ name }) => name);
    expect(names).to.have.length(new Set(names).size);
    for (const name of names) expect(name).to.match(/ /);
  });
});
