import { expect } from 'chai';
import { EMPTY, NEVER, ReplaySubject } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { z } from 'zod';
import { queue } from '../../src/broker/queue.ts';
import { createFacts } from '../../src/events.ts';
import { defineApi } from '../../src/http/define-api.ts';
import { createMemoryJournal } from '../../src/journal/memory-journal.ts';
import { silentLogger } from '../../src/log.ts';
import { definePipeline } from '../../src/pipeline/define-pipeline.ts';
import { runPipeline } from '../../src/pipeline/run-pipeline.ts';
import { deadLetter, marbles } from '../../src/testing/index.ts';
import { clientOf } from '../http/call-scope.ts';
import { ScriptedBroker } from '../support/scripted-broker.ts';

const Bill = z.object({ tenant: z.string() });

/** The idempotency keys of one call for each message, in their order. */
function keysOf(tenant: ((bill: z.output<typeof Bill>) => string) | undefined, tenants: readonly string[]): string[] {
  const keys: string[] = [];
  const transport = (request: { readonly headers: Readonly<Record<string, string>> }) => {
    keys.push(request.headers['idempotency-key'] ?? '');
    return EMPTY;
  };
  const pipeline = definePipeline({
    name: 'bills',
    source: queue('work'),
    input: Bill,
    apis: { payment: defineApi('payment', { baseUrl: 'http://api.test' }) },
    needs: [],
    ...(tenant === undefined ? {} : { tenant }),
    handle: (_bill, { apis }) => apis.payment.post('/charge', { amount: 1 }),
  });
  new TestScheduler(() => {}).run(({ flush }) => {
    const broker = new ScriptedBroker();
    const drain = new ReplaySubject<void>(1);
    const client = clientOf({ baseUrl: 'http://api.test', retry: false }, transport);
    const run = runPipeline(pipeline, {
      broker,
      facts: createFacts(),
      drain,
      halt: NEVER,
      journal: createMemoryJournal(),
      log: silentLogger,
      random: () => 0.5,
      topology: 'assert',
      bindApi: (_definition, scope) => client.bind(scope),
      availabilityOf: () => NEVER,
    });
    run.work.subscribe();
    for (const name of tenants) broker.deliver({ body: { tenant: name }, properties: { messageId: '1' } });
    drain.next();
    flush();
  });
  return keys;
}

describe('the tenant of a message', () => {
  it('is part of its idempotency keys, which stay the same for its redeliveries', () => {
    const [ada, bob, adaAgain] = keysOf(({ tenant }) => tenant, ['ada', 'bob', 'ada']);
    expect(ada).to.match(/^[\w-]{43}$/);
    expect(adaAgain).to.equal(ada);
    expect(bob).to.not.equal(ada);
    const [one, other] = keysOf(undefined, ['ada', 'bob']);
    expect(keysOf((() => undefined) as never, ['ada']), 'nobody is no tenant').to.deep.equal([]);
    expect(keysOf(() => '', ['ada'])).to.deep.equal([]);
    expect(other, 'without one, the same id and the same call are the same effect').to.equal(one);
  });
});

describe('the key of an order', () => {
  const bill = { tenant: 'ada' };
  it(
    'is a text: messages of one key whose keys are promises would be in none',
    marbles(
      definePipeline({
        name: 'bills',
        source: queue('bills', { retry: false }),
        input: Bill,
        order: { by: (async () => 'ada') as never },
        handle: () => EMPTY,
      }),
      ({ deliver, expectSettled, expectDeadLetters }) => {
        deliver('          a', { a: bill });
        expectSettled('    D', { D: deadLetter(bill, 'ERR_PAYLOAD_INVALID') });
        expectDeadLetters('D', { D: { reason: 'order.by must give a text' } });
      },
    ),
  );
});
