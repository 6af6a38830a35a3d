import { expect } from 'chai';
import { asyncScheduler, concat, defer, map, mergeMap, type Observable, of, take, throwError, timer } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { z } from 'zod';
import {
  CallTimeoutError,
  HttpStatusError,
  NetworkError,
  PermanentError,
  ResponseInvalidError,
  RetryExhaustedError,
  TransientError,
} from '../../src/errors.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { createMemoryJournal } from '../../src/journal/memory-journal.ts';
import { silentLogger } from '../../src/log.ts';
import { fingerprint } from '../../src/message/identity.ts';
import { saga } from '../../src/saga/saga.ts';

const Order = z.object({ id: z.string(), amount: z.number() });

/** What a saga did, in order. */
type Log = string[];

/** A saga of three steps that writes down what it does; `fail` says which moves fail, each time they are made. */
function orderSaga(log: Log, fail: Record<string, (nth: number) => Error | undefined>) {
  const made: Record<string, number> = {};
  const move = <T>(name: string, result: T): Observable<T> =>
    defer(() => {
      made[name] = (made[name] ?? 0) + 1;
      const error = fail[name]?.(made[name]);
      log.push(error === undefined ? name : `${name}!`);
      return timer(1).pipe(
        map(() => {
          if (error !== undefined) throw error;
          return result;
        }),
      );
    });
  return saga({ name: 'order', input: Order, apis: {}, id: ({ id }) => id })
    .step(
      'stock',
      () => move('deduct', 'deducted'),
      () => move('restore', undefined),
    )
    .step(
      'charge',
      ({ results }) => move('charge', `tx after ${results.stock}`),
      ({ results }) => move(`refund ${results.charge}`, undefined),
    )
    .step('ship', () => move('ship', 'track'))
    .returns(({ results }) => ({ status: 'placed' as const, track: results.ship }))
    .whenCompensated(({ failure }) => ({ status: 'undone' as const, ...failure }));
}

/** Runs tries of one message one after the other, in virtual time, over one journal, until one does not fail for later. */
function tries(
  handle: ReturnType<typeof orderSaga>,
  inputs: readonly { id: string; amount: number }[],
  maxAttempts: number,
  journal = createMemoryJournal(),
): unknown[] {
  const outcomes: unknown[] = [];
  new TestScheduler(() => {}).run(({ flush }) => {
    inputs.forEach((input, index) => {
      const context = { apis: {}, log: silentLogger, journal, attempt: Math.min(index + 1, maxAttempts), maxAttempts };
      asyncScheduler.schedule(() => {
        handle(input, context).subscribe({
          next: (value) => outcomes.push(value),
          error: (error: Error) => outcomes.push(`${error.name}: ${error.message}`),
        });
      }, index * 100);
    });
    flush();
  });
  return outcomes;
}

/** JSON sees nothing of it. */
class Amount {
  readonly #cents: number;

  constructor(cents: number) {
    this.#cents = cents;
  }

  get cents(): number {
    return this.#cents;
  }
}

/** Runs a saga of one step by what a schema made of its message, over one journal: its answer, or the name of its error. */
function payer(journal: Journal): (held: unknown, bodyHash?: string) => unknown {
  const handle = saga({
    name: 'pay',
    input: z.object({ id: z.string(), held: z.unknown() }),
    apis: {},
    id: ({ id }) => id,
  })
    .step('pay', () => of('paid'))
    .returns(({ results }) => results.pay);
  return (held, bodyHash) => {
    let end: unknown;
    const body = bodyHash === undefined ? {} : { bodyHash };
    const context = { apis: {}, log: silentLogger, journal, attempt: 1, maxAttempts: 1, ...body };
    new TestScheduler(() => {}).run(({ flush }) => {
      handle({ id: 'p', held }, context).subscribe({
        next: (answer) => (end = answer),
        error: (error: Error) => (end = error.name),
      });
      flush();
    });
    return end;
  };
}

const order = { id: 'o1', amount: 5 };
const refused = () => new PermanentError('refused');

describe('a saga', () => {
  it('runs its steps in order and answers with their results', () => {
    const log: Log = [];
    expect(tries(orderSaga(log, {}), [order], 1)).to.deep.equal([{ status: 'placed', track: 'track' }]);
    expect(log).to.deep.equal(['deduct', 'charge', 'ship']);
  });

  it('undoes the steps done in reverse order when a later one is refused', () => {
    const log: Log = [];
    const outcomes = tries(orderSaga(log, { ship: refused }), [order], 3);
    expect(log).to.deep.equal(['deduct', 'charge', 'ship!', 'refund tx after deducted', 'restore']);
    expect(outcomes).to.deep.equal([
      { status: 'undone', step: 'ship', code: 'ERR_PERMANENT', message: 'refused', compensated: ['charge', 'stock'] },
    ]);
  });

  it('undoes nothing when its first step is refused', () => {
    const log: Log = [];
    expect(tries(orderSaga(log, { deduct: refused }), [order], 3)).to.deep.equal([
      { status: 'undone', step: 'stock', code: 'ERR_PERMANENT', message: 'refused', compensated: [] },
    ]);
    expect(log).to.deep.equal(['deduct!']);
  });

  it('fails for later after a transient cause with tries left, and goes on where it stood', () => {
    const log: Log = [];
    const down = (nth: number) => (nth === 1 ? new TransientError('down') : undefined);
    const outcomes = tries(orderSaga(log, { charge: down }), [order, order], 2);
    expect(outcomes).to.deep.equal(['TransientError: down', { status: 'placed', track: 'track' }]);
    expect(log).to.deep.equal(['deduct', 'charge!', 'charge', 'ship']);
  });

  it('undoes after a transient cause when no try is left', () => {
    const log: Log = [];
    tries(orderSaga(log, { charge: () => new TransientError('down') }), [order, order], 2);
    expect(log).to.deep.equal(['deduct', 'charge!', 'charge!', 'restore']);
  });

  it('F40: goes on undoing on a later try once it has decided to, and never forwards again', () => {
    const log: Log = [];
    const once = (nth: number) => (nth === 1 ? new TransientError('down') : undefined);
    const outcomes = tries(
      orderSaga(log, { ship: (nth) => (nth === 1 ? refused() : undefined), restore: once }),
      [order, order],
      2,
    );
    expect(log).to.deep.equal(['deduct', 'charge', 'ship!', 'refund tx after deducted', 'restore!', 'restore']);
    expect(outcomes[1]).to.deep.include({ status: 'undone', step: 'ship', compensated: ['charge', 'stock'] });
  });

  it('F40: gives each compensation as many tries as a message has, whatever the way forward used up; then it is stuck', () => {
    const down = () => new TransientError('down');
    const log: Log = [];
    const journal = createMemoryJournal();
    const handle = orderSaga(log, { ship: down, 'refund tx after deducted': down });
    const outcomes = tries(handle, [order, order, order], 2, journal);
    expect(outcomes).to.deep.equal([
      'TransientError: down',
      'CompensationDelayedError: the compensation of step "charge" failed, and is tried again: down',
      'CompensationFailedError: saga "order" o1 is stuck: the compensation of step "charge" failed: down',
    ]);
    expect(log).to.deep.equal([
      ...['deduct', 'charge', 'ship!', 'ship!'],
      ...['refund tx after deducted!', 'refund tx after deducted!'],
    ]);
    // Given back, it has them anew.
    expect(tries(handle, [order], 2, journal)).to.deep.equal([outcomes[1]]);
  });

  it('F40: is stuck when a compensation fails for good, and says which', () => {
    const outcomes = tries(orderSaga([], { ship: refused, restore: refused }), [order], 3);
    expect(outcomes).to.deep.equal([
      'CompensationFailedError: saga "order" o1 is stuck: the compensation of step "stock" failed: refused',
    ]);
  });

  describe('whose step is in doubt when no try is left', () => {
    const call = { api: 'payment', operation: 'POST /charge' };
    const doubts = {
      'a timeout': new CallTimeoutError(call, 5_000),
      'a lost answer': new RetryExhaustedError(3, { cause: new NetworkError(call, 'reset') }),
      'an answer that cannot be read': new ResponseInvalidError(call, 'no JSON'),
      'a 500': new HttpStatusError(call, 500),
      'a mistake of the program': new TypeError('x is undefined'),
    };
    for (const [title, error] of Object.entries(doubts)) {
      it(`is stuck after ${title}, undoes nothing, and goes on when it is given back`, () => {
        const log: Log = [];
        const once = (nth: number) => (nth === 1 ? error : undefined);
        const outcomes = tries(orderSaga(log, { charge: once }), [order, order], 1);
        expect(outcomes[0]).to.match(
          /^SagaInDoubtError: saga "order" o1 is stuck: step "charge" may or may not have taken effect: /,
        );
        expect(outcomes[1]).to.deep.equal({ status: 'placed', track: 'track' });
        expect(log).to.deep.equal(['deduct', 'charge!', 'charge', 'ship']);
      });
    }

    it('undoes the others where the step has nothing to undo', () => {
      const log: Log = [];
      tries(orderSaga(log, { ship: () => doubts['a timeout'] }), [order], 1);
      expect(log).to.deep.equal(['deduct', 'charge', 'ship!', 'refund tx after deducted', 'restore']);
    });

    it('undoes after a 4xx: the API says that it did nothing', () => {
      const log: Log = [];
      tries(orderSaga(log, { charge: () => new HttpStatusError(call, 402) }), [order], 1);
      expect(log).to.deep.equal(['deduct', 'charge!', 'restore']);
    });
  });

  it('repeats its answer for the same message published again, and calls nothing', () => {
    const log: Log = [];
    const outcomes = tries(orderSaga(log, {}), [order, order], 1);
    expect(outcomes).to.deep.equal([
      { status: 'placed', track: 'track' },
      { status: 'placed', track: 'track' },
    ]);
    expect(log).to.have.length(3);
  });

  it('repeats its answer for a message that was undone, and calls nothing', () => {
    const log: Log = [];
    const outcomes = tries(orderSaga(log, { charge: refused }), [order, order], 1);
    expect(outcomes[1]).to.deep.equal(outcomes[0]);
    expect(log).to.deep.equal(['deduct', 'charge!', 'restore']);
  });

  it('B12: refuses the same id with another input', () => {
    const outcomes = tries(orderSaga([], {}), [order, { ...order, amount: 6 }], 1);
    expect(outcomes[1]).to.equal(
      'SagaConflictError: saga "order" o1 was started with another input; ids must not be reused',
    );
  });

  for (const [what, one, other] of [
    ['a BigInt', 5n, 6n],
    ['a map', new Map([['a', 1]]), new Map([['a', 2]])],
    ['a set', new Set([1]), new Set([2])],
    ['what is no number', Number.NaN, Number.NEGATIVE_INFINITY],
  ] as const)
    it(`B12: tells inputs apart by what a schema makes of them, ${what} too`, () => {
      const pay = payer(createMemoryJournal());
      expect([pay(one), pay(one), pay(other)]).to.deep.equal(['paid', 'paid', 'SagaConflictError']);
    });

  it('B12: tells inputs that JSON sees nothing of apart by their bodies', () => {
    const pay = payer(createMemoryJournal());
    const ends = [pay(new Amount(5), 'five'), pay(new Amount(5), 'five'), pay(new Amount(6), 'six')];
    expect(ends).to.deep.equal(['paid', 'paid', 'SagaConflictError']);
  });

  for (const [what, held] of [
    ['a map', new Map([['a', 1]])],
    ['what is no number', Number.NaN],
    ['an amount in private fields', new Amount(5)],
  ] as const)
    it(`goes on with what was begun when inputs were told apart by JSON alone: ${what}`, () => {
      const journal = createMemoryJournal();
      const inputHash = fingerprint(JSON.stringify({ id: 'p', held }));
      journal
        .open({ space: 'saga', name: 'pay', id: 'p' })
        .pipe(
          mergeMap((open) =>
            concat(open.append({ kind: 'started', at: 0, inputHash, bodyHash: 'one', version: 1 }), of('written')),
          ),
          take(1),
        )
        .subscribe();
      expect(payer(journal)(held, 'one')).to.equal('paid');
    });

  it('is run by one message at a time; another waits, and has the same answer', () => {
    const log: Log = [];
    const journal = createMemoryJournal();
    const outcomes: unknown[] = [];
    new TestScheduler(() => {}).run(({ flush }) => {
      const context = { apis: {}, log: silentLogger, journal, attempt: 1, maxAttempts: 3 };
      const handle = orderSaga(log, {});
      for (let n = 0; n < 2; n++)
        handle(order, context).subscribe({
          next: (value) => outcomes.push(value),
          error: (error: Error) => outcomes.push(error.name),
        });
      flush();
    });
    const placed = { status: 'placed', track: 'track' };
    expect(outcomes).to.deep.equal([placed, placed]);
    expect(log).to.deep.equal(['deduct', 'charge', 'ship']);
  });

  it('F39: lets go of its journal when it is unsubscribed, and repeats the step in doubt', () => {
    const log: Log = [];
    const journal = createMemoryJournal();
    new TestScheduler(() => {}).run(({ flush }) => {
      const context = { apis: {}, log: silentLogger, journal, attempt: 1, maxAttempts: 3 };
      const handle = orderSaga(log, {});
      const running = handle(order, context).subscribe();
      timer(1).subscribe(() => {
        running.unsubscribe();
        handle(order, context).subscribe();
      });
      flush();
    });
    expect(log).to.deep.equal(['deduct', 'charge', 'charge', 'ship']);
  });

  it('fails with the cause when nothing is said about being undone', () => {
    const bare = saga({ name: 'bare', input: Order, apis: {}, id: ({ id }) => id })
      .step('only', () => throwError(refused))
      .returns(() => 'never');
    expect(tries(bare as never, [order, order], 1)).to.deep.equal([
      'PermanentError: refused',
      'SagaUndoneError: saga "bare" o1 was undone: step "only" failed: refused',
    ]);
  });

  it('takes a step without a value for done', () => {
    const bare = saga({ name: 'bare', input: Order, apis: {}, id: ({ id }) => id })
      .step('silent', () => of<never>())
      .returns(({ results }) => Object.keys(results));
    expect(tries(bare as never, [order], 1)).to.deep.equal([['silent']]);
  });

  it('B39: refuses steps of one name and a saga without steps, naming both', () => {
    const begin = () => saga({ name: 'twice', input: Order, apis: {}, id: ({ id }) => id });
    expect(() =>
      begin()
        .step('a', () => of(1))
        .step('a', () => of(2)),
    ).to.throw('saga "twice": steps.a: expected a name of its own; another step has it');
    const ended = begin().step('a', () => of(1));
    expect(() => ended.returns({ done: true } as never)).to.throw(
      'saga "twice": returns: expected a function (scope) => answer, got object',
    );
    expect(() => ended.returns(() => 1).whenCompensated('undone' as never)).to.throw(
      'saga "twice": whenCompensated: expected a function (scope) => answer, got string',
    );
    expect(() => saga(undefined as never)).to.throw('saga: expected options, got undefined');
    expect(() => begin().returns(() => 1)).to.throw('saga "twice": steps: expected at least one step before returns()');
  });
});
