/** Whoever waits for a promise in a simulation is named: virtual time would go on without it, and the world show something else. */
import { expect } from 'chai';
import { firstValueFrom, mergeMap, Observable, of, type Subscriber, type TeardownLogic, timer } from 'rxjs';
import { z } from 'zod';
import { exchange } from '../../../src/broker/exchange.ts';
import { queue } from '../../../src/broker/queue.ts';
import { definePipeline } from '../../../src/pipeline/define-pipeline.ts';
import type { Pipeline } from '../../../src/pipeline/pipeline.ts';
import { type SagaHandle, saga } from '../../../src/saga/saga.ts';
import { httpError } from '../../../src/testing/pipelines/answers.ts';
import { FakeClock } from '../../../src/testing/pipelines/fake-clock.ts';
import { simulate } from '../../../src/testing/simulation/simulate.ts';
import { shop } from './broken.ts';

const Order = z.object({ id: z.string() });
const apis = { shop };

const packing = (handle: Pipeline['handle']): Pipeline => ({
  ...definePipeline({
    name: 'packing',
    source: queue('packing', { prefetch: 5 }),
    input: Order,
    concurrency: 1,
    handle: () => [],
  }),
  handle,
});

const pack = saga({ name: 'pack', input: Order, apis, id: ({ id }) => id });

/** What a simulation of it is refused with. */
async function refusalOf(pipeline: Pipeline): Promise<unknown> {
  try {
    await simulate([pipeline], {
      messages: { packing: ({ id }) => ({ id }) },
      hours: 0.2,
      workers: 1,
      apis: 'shop' in pipeline.apis ? { shop: { 'POST /ship': () => httpError(422) } } : {},
    });
  } catch (error) {
    return error;
  }
  throw new Error('it runs');
}

describe('simulate refuses a promise', () => {
  const packs = (handle: SagaHandle<z.output<typeof Order>, typeof apis, unknown>): Pipeline =>
    definePipeline({ name: 'packing', source: queue('packing'), input: Order, apis, handle });

  for (const [title, pipeline, who] of [
    [
      'a handle returns',
      packing(async () => 1),
      'the handle of pipeline "packing" returns a promise, for message m0-0',
    ],
    [
      'a handle awaits together with others',
      packing(async () => await Promise.all([Promise.resolve(1)])),
      'the handle of pipeline "packing" waits for a promise, for message m0-0',
    ],
    [
      'a stream waits for',
      packing((order) => of(order).pipe(mergeMap(async () => 1))),
      'a stream in the handle of pipeline "packing" waits for a promise',
    ],
    [
      'a step of a saga returns',
      packs(
        pack
          .step('box', () => timer(1))
          .step('label', async ({ input, apis: { shop: api } }) => firstValueFrom(api.post('/labels', input)))
          .returns(() => 1),
      ),
      'step "label" of saga "pack" returns a promise',
    ],
    [
      'a compensation returns',
      packs(
        pack
          .step(
            'box',
            () => timer(1),
            async () => 1,
          )
          .step('ship', ({ input, apis: { shop: api } }) => api.post('/ship', input))
          .returns(() => 1),
      ),
      'the compensation of step "box" of saga "pack" returns a promise',
    ],
  ] as const) {
    it(`that ${title}, by name`, async () => {
      expect(await refusalOf(pipeline)).to.include({
        name: 'PromiseInVirtualTimeError',
        message: `${who}: virtual time does not wait for promises. Return an Observable, as the methods of an API do`,
      });
    });
  }

  it('at once: it looks for no smaller plan, and nobody goes on when the promise settles', async () => {
    const clock = new FakeClock();
    const handBack = clock.install();
    try {
      let handled = 0;
      // Others wait behind it.
      const handle = () => (++handled < 5 ? timer(20_000) : of(1).pipe(mergeMap(async () => 1)));
      await refusalOf(packing(handle));
      expect(handled).to.equal(5);
      await clock.runUntil(60_000);
      expect(handled).to.equal(5);
    } finally {
      handBack();
    }
  });

  it('and where it is not seen and a law is broken, leaves nothing to do for when it settles', async () => {
    const clock = new FakeClock();
    const handBack = clock.install();
    try {
      const answer = async (subscriber: Subscriber<number>): Promise<void> => {
        await Promise.resolve();
        subscriber.next(1);
        subscriber.complete();
      };
      // As an async function in its place would be: a promise for a teardown, which cannot be torn down.
      const handle = () => new Observable<number>((subscriber) => answer(subscriber) as unknown as TeardownLogic);
      const publishing = definePipeline({
        name: 'packing',
        source: queue('packing', { retry: false }),
        input: Order,
        handle,
        publishes: ['packed'],
        output: () => exchange('packed', 'done'),
      });
      const messages = { packing: ({ id }: { readonly id: string }) => ({ id }) };
      const broken = await simulate([publishing], { seed: 2, messages, hours: 0.2 }).catch((error: Error) => error);
      expect(broken).to.have.property('name', 'SimulationError');
      await clock.runUntil(0);
      expect(clock.next, 'what is due after it').to.equal(undefined);
    } finally {
      handBack();
    }
  });
});
