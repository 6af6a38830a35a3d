/** What becomes of who awaits what a function of sluice gives, which is an Observable and no promise. Without types, as JavaScript has it. */
/* eslint-disable @typescript-eslint/await-thenable -- it says so too, where it is asked */
import { expect } from 'chai';
import { firstValueFrom, isObservable, map, type Observable, of } from 'rxjs';
import { defineApi, definePipeline, queue, saga } from 'sluice';
import { gather, gatherQuorum, gatherSettled } from 'sluice/operators';
import { advancing, call, deadLetter, ok } from 'sluice/testing';
import { z } from 'zod';
import { rejectionOf } from '../support/rejection-of.ts';

const refusalOf = (name: string): string =>
  `${name} was not begun, for it is no promise: return it itself (not out of an async function), or put it into await firstValueFrom(…)`;

const GATHERS: Readonly<Record<string, () => Observable<unknown>>> = {
  'gather({ … })': () => gather({ a: of(1) }),
  'gatherSettled({ … })': () => gatherSettled({ a: of(1) }),
  'gatherQuorum({ … })': () => gatherQuorum({ a: of(1) }, { atLeast: 1 }),
};

describe('what is gathered and awaited', () => {
  for (const [name, made] of Object.entries(GATHERS)) {
    it(`is refused by its name, and where it is awaited: ${name}`, async () => {
      const error = await rejectionOf(async function waiting() {
        await (made() as unknown);
      });
      expect(error).to.be.instanceOf(TypeError);
      expect(error.message).to.equal(refusalOf(name));
      expect(error.stack?.split('\n')[1]).to.match(/^ {4}at waiting \(.*cold\.spec\.ts/);
    });

    it(`is refused out of an async function, in a list, and piped: ${name}`, async () => {
      const ways: readonly (() => unknown)[] = [
        async () => made(),
        () => Promise.all([made()]),
        async () => await (made().pipe(map(String)) as unknown),
      ];
      for (const way of ways) expect((await rejectionOf(way)).message).to.equal(refusalOf(name));
    });

    it(`is an Observable to whoever subscribes: ${name}`, async () => {
      expect(isObservable(made())).to.equal(true);
      expect(await firstValueFrom(made().pipe(map((value) => typeof value)))).to.equal('object');
    });
  }
});

describe('a handle that awaits', () => {
  const Order = z.object({ id: z.string() });
  const order = { id: 'o1' };
  const bank = defineApi('bank', { baseUrl: 'http://bank.test', retry: false });
  const common = { name: 'orders', source: queue('orders', { retry: false }), input: Order, apis: { bank } } as const;

  it(
    'a gather makes a dead letter, also where it has called before',
    advancing<'bank'>(
      definePipeline({
        ...common,
        handle: async (_, { apis }) => {
          await firstValueFrom(apis.bank.post('/charge'));
          await (gather({ told: apis.bank.post('/notify') }) as unknown);
        },
      }),
      async ({ deliver, api, expectCalls, expectSettled, expectDeadLetters }) => {
        deliver('          a', { a: order });
        api.bank.on('POST /charge', '(r|)', { r: ok() });
        expectCalls('      c', { c: call('bank', 'POST /charge') });
        expectSettled('    D', { D: deadLetter(order, 'ERR_HANDLE_FAILED') });
        expectDeadLetters('D', { D: { reason: refusalOf('gather({ … })') } });
      },
    ),
  );

  const pay = saga({ name: 'pay', input: Order, apis: { bank }, id: ({ id }) => id })
    .step('charge', ({ apis }) => apis.bank.post('/charge'))
    .returns(() => 'paid');
  it(
    'a saga makes a dead letter',
    advancing(
      definePipeline({
        ...common,
        handle: async (input, context) => {
          await (pay(input, context) as unknown);
        },
      }),
      async ({ deliver, expectCalls, expectSettled, expectDeadLetters }) => {
        deliver('          a', { a: order });
        expectCalls('      -');
        expectSettled('    D', { D: deadLetter(order, 'ERR_HANDLE_FAILED') });
        expectDeadLetters('D', { D: { reason: refusalOf('saga "pay"') } });
      },
    ),
  );
});
