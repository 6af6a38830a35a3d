import { expect } from 'chai';
import { asyncScheduler, map } from 'rxjs';
import type { Pipeline } from '../../../src/pipeline/pipeline.ts';
import { ok } from '../../../src/testing/pipelines/answers.ts';
import { message } from '../../../src/testing/pipelines/messages.ts';
import { FAULT_KINDS } from '../../../src/testing/simulation/plan.ts';
import { simulate } from '../../../src/testing/simulation/simulate.ts';
import type { SimulationEnd } from '../../../src/testing/simulation/simulation-end.ts';
import { SimulationError } from '../../../src/testing/simulation/simulation-error.ts';
import type { WorldEvent } from '../../../src/testing/simulation/world-event.ts';
import { apiOf } from './api-of.ts';
import { orders, withPublish } from './broken.ts';

const messages = { orders: ({ id }: { readonly id: string }) => ({ id }) };

/** Everything a world tells, and what is left of it. */
async function lookAt(
  options: Partial<Parameters<typeof simulate>[1]> = {},
  pipelines: readonly Pipeline[] = [orders],
) {
  const events: WorldEvent[] = [];
  let ended: SimulationEnd | undefined;
  const law = {
    name: 'looks on',
    watch: () => ({
      see: (event: WorldEvent) => {
        events.push(event);
        return undefined;
      },
      end: (end: SimulationEnd) => {
        ended = end;
        return undefined;
      },
    }),
  };
  const report = await simulate(pipelines, { messages, hours: 0.2, ...options, laws: [law] });
  if (ended === undefined) throw new Error('the world has no end');
  return { events, ended, report };
}

async function failureOf(run: Promise<unknown>): Promise<SimulationError> {
  try {
    await run;
  } catch (error) {
    if (error instanceof SimulationError) return error;
    throw error;
  }
  throw new Error('no law is broken');
}

/** Loses the first copy of a message that has to wait: a defect that needs an API to fail. */
const losingCopies = withPublish((port, outgoing) =>
  port.publish(
    outgoing.routingKey.includes('.delay.') ? { ...outgoing, exchange: 'orders', routingKey: 'x' } : outgoing,
  ),
);

describe('simulate', () => {
  it('dead-letters what leaves a call behind that nobody makes, as production does', async () => {
    const forgetful: Pipeline = {
      ...orders,
      handle: (order, { apis }) => {
        (apiOf(apis.shop) ?? expect.fail()).post('/orders', order);
        return [];
      },
    };
    const { report } = await lookAt({ faults: [] }, [forgetful]);
    expect(report.totals).to.include({ calls: 0, deadLetters: report.totals.messages });
  });

  it('tells the same world for the same seed, and another for another', async () => {
    const told = async (seed: number) => JSON.stringify(await lookAt({ seed, maxFaults: 10 }));
    const first = await told(3);
    expect(await told(3)).to.equal(first);
    expect(await told(4)).to.not.equal(first);
  });

  it('counts what it did', async () => {
    const { report, events, ended } = await lookAt({ seed: 5 });
    const { totals } = report;
    const count = (kind: WorldEvent['kind']) => events.filter((event) => event.kind === kind).length;
    expect(totals.virtualHours).to.be.within(0.2, 1);
    expect(totals.messages)
      .to.equal(ended.messages.reduce((sum, { published }) => sum + published, 0))
      .and.above(0);
    expect(totals.deliveries).to.equal(count('delivered'));
    expect(totals.calls).to.equal(count('called'));
    expect(totals.effects).to.equal(ended.effects.length);
    expect(Object.values(totals.faults).reduce((sum, each) => sum + each, 0)).to.equal(count('fault'));
  });

  it('ends when every message has, with nothing but work after the safety phase', async () => {
    const { events, ended } = await lookAt({ seed: 6, maxFaults: 20 });
    const healed = events.findIndex(({ kind }) => kind === 'healed');
    expect(events[healed]?.at).to.equal(0.2 * 3_600_000);
    expect(events.slice(healed).map(({ kind }) => kind)).to.not.include.members(['fault', 'lifeCrashed']);
    for (const { published, done, deadLettered } of ended.messages)
      expect(done + deadLettered).to.be.at.least(published);
  });

  for (const kind of FAULT_KINDS) {
    it(`keeps the laws under ${kind} alone, and it strikes`, async () => {
      const { report } = await lookAt({ faults: [kind], maxFaults: 20, maxMessages: 60, seed: 2 });
      expect(Object.keys(report.totals.faults)).to.deep.equal([kind]);
    });
  }

  it('leaves the clocks of RxJS as they were', async () => {
    await lookAt({ faults: ['clockJump'], maxFaults: 20 });
    expect(Math.abs(asyncScheduler.now() - Date.now())).to.be.below(1_000);
  });

  it('takes messages with properties, and bodies that cannot be read', async () => {
    const bad = Buffer.from('{');
    const { ended } = await lookAt({
      faults: [],
      messages: { orders: ({ id, n }) => (n % 2 === 0 ? bad : message({ id }, { headers: { n } })) },
    });
    const letters = ended.messages.filter(({ deadLettered }) => deadLettered > 0);
    expect(letters).to.have.length(ended.messages.filter(({ body }) => body === bad).length).and.not.be.empty;
    expect(ended.deadLetters[0]?.headers['x-sluice-error-code']).to.equal('ERR_PAYLOAD_INVALID');
  });

  describe('when a law is broken', () => {
    const broken = {
      messages,
      hours: 0.2,
      maxFaults: 30,
      throughPort: losingCopies,
      // Always: so that nothing else in a plan matters, and all of it can be left out.
      apis: { shop: { failureRatio: 1 } },
    };

    it('shrinks the plan and tells how to see it again', async () => {
      const failure = await failureOf(simulate([orders], { ...broken, seed: 8 }));
      const { violation, plan, seed, path, shrinks } = failure;
      expect(shrinks).to.be.above(0);
      expect(plan.bursts).to.have.length(1);
      expect(plan.faults).to.deep.equal([]);
      const again = await failureOf(simulate([orders], { ...broken, seed, path }));
      expect(again.plan).to.deep.equal(plan);
      expect(again.violation).to.deep.equal(violation);
      expect(again.message.split('\n').filter((line) => !line.startsWith('seed '))).to.deep.equal(
        failure.message.split('\n').filter((line) => !line.startsWith('seed ')),
      );
    });

    it('prints law, seed, path, plan and the timeline of the message', async () => {
      const failure = await failureOf(simulate([orders], { ...broken, seed: 8 }));
      const { messageId } = failure.violation;
      expect(failure.message)
        .to.include(`broken law: ${failure.violation.law}`)
        .and.include(`seed 8, path ${JSON.stringify(failure.path)}`)
        .and.include(' for orders, every ')
        .and.include('faults: none')
        .and.include(`timeline of ${messageId}:`);
      // What a runner prints.
      expect(failure.stack).to.match(/^SimulationError: broken law: /);
      expect(failure.timeline)
        .to.match(/^publisher {2}p/m)
        .and.match(/^worker 0 .*\(?dh/m);
      expect(failure.timeline).to.include(`${messageId} is published`);
    });
  });

  describe('refuses', () => {
    const refused = async (options: object, pipelines: readonly Pipeline[] = [orders]): Promise<string> => {
      try {
        await simulate(pipelines, { messages, ...options });
      } catch (error) {
        return error instanceof Error ? error.message : String(error);
      }
      throw new Error('it runs');
    };

    it('no pipelines, and pipelines without messages', async () => {
      expect(await refused({}, [])).to.include('at least one pipeline');
      expect(await refused({ messages: {} })).to.include('messages: expected a function for pipeline "orders"');
    });

    it('APIs nobody calls, and answers for what is no operation', async () => {
      expect(await refused({ apis: { payment: {} } })).to.equal('apis: "payment" is no API of these pipelines: shop');
      expect(await refused({ apis: { shop: { 'post /x': () => undefined } } }))
        .to.include('shop')
        .and.include('post /x');
    });

    it('options, traits of APIs and faults that do not exist', async () => {
      expect(await refused({ huors: 2 })).to.match(/^simulate: no option "huors", only messages, seed, /);
      expect(await refused({ apis: { shop: { latncy: ['1s', '2s'] } } })).to.match(
        /^api "shop": no option "latncy", only latency, /,
      );
      expect(await refused({ faults: ['crsh'] })).to.match(/^faults: no "crsh", only crash, /);
    });

    it('numbers out of their range', async () => {
      expect(await refused({ hours: 0 })).to.include('hours: expected a number above 0');
      expect(await refused({ workers: 0 })).to.include('workers: expected an integer from 1 to 20, got 0');
      expect(await refused({ maxFaults: 1.5 })).to.include('maxFaults');
    });

    it('handles that return a promise, by the name of the pipeline', async () => {
      const text = await refused({
        maxFaults: 0,
        throughPipeline: (pipeline: Pipeline) => ({ ...pipeline, handle: async () => 1 }),
      });
      expect(text).to.include('the handle of pipeline "orders" returns a promise, for message ');
    });

    it('a path that leads nowhere', async () => {
      expect(await refused({ path: '0:999999' })).to.be.a('string').and.not.be.empty;
    });
  });

  it('names the answers that no request was for: a misspelt one is answered {} in its place', async () => {
    const answer = () => ok({});
    const { report } = await lookAt({
      faults: [],
      apis: { shop: { 'POST /orders': answer, 'PUT /orders': answer, 'POST /orders/{id}': answer } },
    });
    expect(report.unusedAnswers).to.deep.equal(['shop PUT /orders', 'shop POST /orders/{id}']);
  });

  it('answers by operation and path, and has an effect for each key once', async () => {
    const asked = new Map<string, number>();
    const throughPipeline = (pipeline: Pipeline): Pipeline => ({
      ...pipeline,
      handle: (order, { apis }) =>
        (apiOf(apis.shop) ?? expect.fail())
          .put('/orders/{id}', order, { path: { id: (order as { id: string }).id } })
          .pipe(map(() => order)),
    });
    const { ended } = await lookAt({
      faults: ['crash', 'lostAnswers'],
      maxFaults: 20,
      throughPipeline,
      apis: {
        shop: {
          'PUT /orders/{id}': ({ params }) => {
            asked.set(params.id ?? '', (asked.get(params.id ?? '') ?? 0) + 1);
            return { kind: 'answer', status: 200, body: { seen: params.id }, headers: {} };
          },
        },
      },
    });
    expect([...asked.values()].every((count) => count === 1)).to.equal(true);
    expect(ended.effects).to.have.length(asked.size);
    expect(ended.effects[0]?.operation).to.equal('PUT /orders/{id}');
    expect(ended.effects[0]?.answer).to.deep.equal({ seen: ended.effects[0]?.correlationId });
  });
});
