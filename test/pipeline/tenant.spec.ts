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
import { ack, deadLetter, marbles } from '../../src/testing/index.ts';
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
    expect(other, 'without one, the same id and the same call are the same effect').to.equal(one);
  });
});

const bill = { tenant: 'ada' };

describe('a tenant that is none', () => {
  for (const [what, given] of [
    ['missing', undefined],
    ['empty', ''],
    ['a number', 5],
    ['a promise', Promise.resolve('ada')],
  ] as const)
    it(
      `dead-letters its message: ${what}`,
      marbles(
        definePipeline({
          name: 'bills',
          source: queue('bills', { retry: false }),
          input: Bill,
          tenant: () => given as never,
          handle: () => EMPTY,
        }),
        ({ deliver, expectSettled, expectDeadLetters }) => {
          deliver('          a', { a: bill });
          expectSettled('    D', { D: deadLetter(bill, 'ERR_PAYLOAD_INVALID') });
          expectDeadLetters('D', { D: { reason: 'tenant must give a text that is not empty' } });
        },
      ),
    );
});

describe('the key of an order', () => {
  it(
    'may be none: those who have none are in order with each other',
    marbles(
      definePipeline({
        name: 'bills',
        source: queue('bills', { retry: false }),
        input: Bill,
        order: { by: () => null as never },
        handle: () => EMPTY,
      }),
      ({ deliver, expectSettled }) => {
        deliver('          a', { a: bill });
        expectSettled('    A', { A: ack(bill) });
      },
    ),
  );

  it(
    'is a text otherwise: messages of all keys would be in one order by their promises',
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
