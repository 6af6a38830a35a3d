/** What steps can be beside a call and its undoing: at the same time, on a condition, tried again, in doubt, after the point of no return, of a version. */
import { expect } from 'chai';
import { asyncScheduler, defer, map, NEVER, type Observable, of, throwError, timer } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { z } from 'zod';
import { CallTimeoutError, PermanentError, TransientError } from '../../src/errors.ts';
import { createJournal } from '../../src/journal/create-journal.ts';
import type { JournalRecord } from '../../src/journal/journal.ts';
import { MemoryStore } from '../../src/journal/memory-store.ts';
import { silentLogger } from '../../src/log.ts';
import { saga } from '../../src/saga/saga.ts';
import type { SagaContext } from '../../src/saga/saga-plan.ts';

const Order = z.object({ id: z.string(), isGift: z.boolean().optional() });
type Order = z.output<typeof Order>;

const begin = (version = 1) => saga({ name: 'order', version, input: Order, apis: {}, id: ({ id }) => id });

type Handle = (input: Order, context: SagaContext<Record<never, never>>) => Observable<unknown>;

const refused = () => new PermanentError('refused');
const doubtful = () => new CallTimeoutError({ api: 'bank', operation: 'POST /charge' }, 5_000);

/** What moves were made, and how they end: at once, or after so many ms. */
class Moves {
  readonly made: string[] = [];
  readonly #nth = new Map<string, number>();

  readonly move = <T>(name: string, result: T, ms = 1, fail?: (nth: number) => Error | undefined): Observable<T> =>
    defer(() => {
      const nth = (this.#nth.get(name) ?? 0) + 1;
      this.#nth.set(name, nth);
      this.made.push(name);
      const error = fail?.(nth);
      return timer(ms).pipe(
        map(() => {
          this.made.push(error === undefined ? `${name}.` : `${name}!`);
          if (error !== undefined) throw error;
          return result;
        }),
      );
    });
}

interface Told {
  readonly outcomes: unknown[];
  readonly errors: unknown[];
  readonly records: readonly JournalRecord[];
}

/** Runs tries of one message one after the other, a minute each, in virtual time. */
function tries(
  handles: readonly Handle[],
  {
    maxAttempts = handles.length,
    order = { id: 'o1' } as Order,
    store = new MemoryStore(),
    bodies = [] as readonly string[],
    orders = [] as readonly Order[],
  } = {},
): Told {
  const told: Told & { records: readonly JournalRecord[] } = { outcomes: [], errors: [], records: [] };
  new TestScheduler(() => {}).run(({ flush }) => {
    const journal = createJournal(store);
    handles.forEach((handle, index) => {
      const bodyHash = bodies[index];
      const context = { apis: {}, log: silentLogger, journal, attempt: index + 1, maxAttempts, bodyHash };
      asyncScheduler.schedule(() => {
        handle(orders[index] ?? order, context).subscribe({
          next: (value) => told.outcomes.push(value),
          error: (error: Error) => {
            told.outcomes.push(error.name);
            told.errors.push(error);
          },
        });
      }, index * 60_000);
    });
    flush();
    store.read({ space: 'saga', name: 'order', id: order.id }).subscribe((stored) => {
      told.records = stored.map(({ body }) => JSON.parse(body) as JournalRecord);
    });
  });
  return told;
}

const kinds = ({ records }: Told): string[] =>
  records.map((record) => ('step' in record ? `${record.kind} ${record.step}` : record.kind));

describe('steps at the same time', () => {
  it('begin together, and the next waits for all of them', () => {
    const { made, move } = new Moves();
    const handle = begin()
      .all({ slow: () => move('slow', 1, 20), quick: () => move('quick', 2, 5) })
      .step('sum', ({ results }) => of(results.slow + results.quick))
      .returns(({ results }) => results.sum);
    const told = tries([handle]);
    expect(told.outcomes).to.deep.equal([3]);
    expect(made).to.deep.equal(['slow', 'quick', 'quick.', 'slow.']);
    expect(kinds(told).slice(0, 5)).to.deep.equal([
      'started',
      'stepIntended slow',
      'stepIntended quick',
      'stepDone quick',
      'stepDone slow',
    ]);
  });

  it('are undone in the reverse order in which they were done, after all have ended', () => {
    const { made, move } = new Moves();
    const handle = begin()
      .step(
        'first',
        () => move('first', 0),
        () => move('undo first', 0),
      )
      .all((together) =>
        together
          .step(
            'slow',
            () => move('slow', 'S', 20),
            ({ results }) => move(`undo ${results.slow}`, 0),
          )
          .step(
            'quick',
            () => move('quick', 'Q', 5),
            ({ results }) => move(`undo ${results.quick}`, 0),
          )
          .step(
            'bad',
            () => move('bad', 'B', 1, refused),
            () => move('undo bad', 0),
          ),
      )
      .returns(() => 'done')
      .whenCompensated(({ failure }) => failure);
    const told = tries([handle]);
    expect(made.filter((name) => name.endsWith('.') || name.endsWith('!'))).to.deep.equal([
      'first.',
      'bad!',
      'quick.',
      'slow.',
      'undo S.',
      'undo Q.',
      'undo first.',
    ]);
    expect(told.outcomes).to.deep.equal([
      { step: 'bad', code: 'ERR_PERMANENT', message: 'refused', compensated: ['slow', 'quick', 'first'] },
    ]);
  });

  it('go on where they stood: those that are done are not repeated', () => {
    const { made, move } = new Moves();
    const once = (nth: number) => (nth === 1 ? new TransientError('down') : undefined);
    const handle = begin()
      .all({ a: () => move('a', 1), b: () => move('b', 2, 1, once) })
      .returns(({ results }) => results);
    expect(tries([handle, handle]).outcomes).to.deep.equal(['TransientError', { a: 1, b: 2 }]);
    expect(made).to.deep.equal(['a', 'b', 'a.', 'b!', 'b', 'b.']);
  });

  it('decide nothing while one of them is worth another try', () => {
    const { made, move } = new Moves();
    const handle = begin()
      .all({
        refused: { run: () => move('refused', 1, 1, refused) },
        later: {
          run: () => move('later', 2, 1, (nth) => (nth === 1 ? doubtful() : undefined)),
          compensate: () => move('undo later', 0),
        },
      })
      .returns(() => 'done')
      .whenCompensated(({ failure }) => failure.step);
    expect(tries([handle, handle]).outcomes).to.deep.equal(['CallTimeoutError', 'refused']);
    expect(made.filter((name) => name.startsWith('undo'))).to.deep.equal(['undo later', 'undo later.']);
  });
});

describe('a step with a condition', () => {
  const conditional = (asked: string[], { move }: Moves, fail?: () => Error) =>
    begin()
      .step('wrap', {
        when: ({ input }) => {
          asked.push('asked');
          return input.isGift === true;
        },
        run: () => move('wrap', 'paper'),
        compensate: () => move('unwrap', 0),
      })
      .step('ship', ({ results }) => move('ship', results.wrap ?? 'plain', 1, fail))
      .returns(({ results }) => results.ship)
      .whenCompensated(({ failure }) => failure.compensated);

  it('runs where it holds, and not where it does not; then there is nothing to undo', () => {
    expect(tries([conditional([], new Moves())], { order: { id: 'o1', isGift: true } }).outcomes).to.deep.equal([
      'paper',
    ]);
    const plainMoves = new Moves();
    const told = tries([conditional([], plainMoves)]);
    expect(told.outcomes).to.deep.equal(['plain']);
    expect(kinds(told)).to.include('stepSkipped wrap');
    const undone = new Moves();
    expect(tries([conditional([], undone, refused)]).outcomes).to.deep.equal([[]]);
    expect(undone.made).to.deep.equal(['ship', 'ship!']);
  });

  it('is decided once, whatever happens later', () => {
    const asked: string[] = [];
    const moves = new Moves();
    const handle = conditional(asked, moves, () => new TransientError('down'));
    tries([handle, handle, handle], { maxAttempts: 4 });
    expect(asked).to.deep.equal(['asked']);
  });

  it('turns the saga back when its condition throws: nothing was done', () => {
    const handle = begin()
      .step('x', {
        when: () => {
          throw new TypeError('no');
        },
        run: () => of(1),
        compensate: () => of(1),
      })
      .returns(() => 1)
      .whenCompensated(({ failure }) => failure.message);
    expect(tries([handle]).outcomes).to.deep.equal(['no']);
  });
});

describe('the tries of a step', () => {
  it('are as many as it says, with pauses that double', () => {
    const times: number[] = [];
    const handle = begin()
      .step('a', {
        retry: { maxAttempts: 4, backoff: { initial: '1s', max: '3s' } },
        run: () =>
          defer(() => {
            times.push(asyncScheduler.now());
            return times.length < 4 ? throwError(() => new TransientError('down')) : of('up');
          }),
      })
      .returns(({ results }) => results.a);
    expect(tries([handle]).outcomes).to.deep.equal(['up']);
    expect(times).to.deep.equal([0, 1_000, 3_000, 6_000]);
  });

  it('are cut off after its timeout, and made again', () => {
    const { made, move } = new Moves();
    const handle = begin()
      .step('a', { timeout: '10ms', retry: { maxAttempts: 2 }, run: () => move('a', 1, made.length === 0 ? 50 : 1) })
      .returns(({ results }) => results.a);
    expect(tries([handle]).outcomes).to.deep.equal([1]);
    expect(made).to.deep.equal(['a', 'a', 'a.']);
  });

  it('count for its compensation too', () => {
    const { made, move } = new Moves();
    const handle = begin()
      .step('a', {
        retry: { maxAttempts: 3, backoff: { initial: '1s' } },
        run: () => move('a', 1),
        compensate: () => move('undo', 0, 1, (nth) => (nth < 3 ? new TransientError('down') : undefined)),
      })
      .step('b', () => throwError(refused))
      .returns(() => 1)
      .whenCompensated(({ failure }) => failure.compensated);
    expect(tries([handle]).outcomes).to.deep.equal([['a']]);
    expect(made.filter((name) => name === 'undo')).to.have.length(3);
  });
});

describe('a step in doubt', () => {
  const withUndo = ({ move }: Moves) =>
    begin()
      .step(
        'stock',
        () => move('stock', 1),
        () => move('restore', 0),
      )
      .step('charge', {
        timeout: '1s',
        run: () => NEVER as Observable<string>,
        compensate: () => move('refund', 0),
        undoInDoubt: () => move('cancel', 0),
      })
      .returns(() => 'done')
      .whenCompensated(({ failure }) => ({ step: failure.step, compensated: failure.compensated }));

  it('is repeated on later tries, and undone when none is left, where that does no harm', () => {
    const moves = new Moves();
    const handle = withUndo(moves);
    const told = tries([handle, handle]);
    expect(told.outcomes).to.deep.equal(['TimeoutExceededError', { step: 'charge', compensated: ['charge', 'stock'] }]);
    expect(moves.made.filter((name) => name.endsWith('.'))).to.deep.equal(['stock.', 'cancel.', 'restore.']);
    expect(told.records.find(({ kind }) => kind === 'stepFailed')).to.deep.include({ inDoubt: ['charge'] });
  });

  it('is undone in the first place after an interruption too', () => {
    const moves = new Moves();
    const { outcomes } = tries([withUndo(moves), withUndo(moves)], { maxAttempts: 1 });
    expect(outcomes[1], 'the answer is repeated').to.deep.equal(outcomes[0]);
  });

  it('is one whose result does not fit its schema', () => {
    const handle = begin()
      .step('charge', {
        result: z.object({ id: z.string() }),
        run: () => of({ id: 5 }) as Observable<unknown>,
        compensate: () => of(1),
      })
      .returns(() => 'done');
    const { outcomes, errors } = tries([handle]);
    expect(outcomes).to.deep.equal(['SagaInDoubtError']);
    expect((errors[0] as Error).message).to.include('its result does not fit: id: Invalid input: expected string');
  });

  it('is told with the first of what does not fit in its result, and how much more there is', () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    const handle = begin()
      .step('charge', {
        result: z.object(Object.fromEntries(names.map((name) => [name, z.string('no text')]))),
        run: () => of({}) as Observable<unknown>,
        compensate: () => of(1),
      })
      .returns(() => 'done');
    const { errors } = tries([handle]);
    expect((errors[0] as Error).message).to.include(
      'a: no text; b: no text; c: no text; d: no text; e: no text; and 2 more',
    );
  });

  it('is one whose schema waits for a promise, which is said', () => {
    const handle = begin()
      .step('charge', {
        result: z.string().refine(async () => true),
        run: () => of('tx'),
        compensate: () => of(1),
      })
      .returns(() => 'done');
    const { errors } = tries([handle]);
    expect((errors[0] as Error).message).to.include('the schema of step "charge" waits for a promise');
  });

  for (const [result, says] of [
    [5n, 'value is a BigInt'],
    [{ parts: new Map([['a', 1]]) }, 'value.parts is a Map'],
    [{ cents: Number.NaN }, 'value.cents is NaN'],
    [{ scan: Buffer.of(1) }, 'value.scan holds bytes'],
  ] as const)
    it(`is one whose result cannot be written down: ${says}`, () => {
      const handle = begin()
        .step(
          'charge',
          () => of<unknown>(result),
          () => of(1),
        )
        .returns(() => 'done');
      const { outcomes, errors } = tries([handle]);
      expect(outcomes).to.deep.equal(['SagaInDoubtError']);
      expect((errors[0] as Error).message).to.include(`the result of step "charge" cannot be written down: ${says}`);
    });

  it('is none where the step returned nothing, which is told by its name', () => {
    const handle = begin()
      .step('charge', () => undefined as never)
      .returns(() => 'done');
    const { errors } = tries([handle]);
    expect((errors[0] as Error).message).to.include(
      'step "charge" returned undefined; expected an Observable, a promise',
    );
  });
});

describe('results and answers', () => {
  it('have null in lists for calls that answered nothing, as their types say', () => {
    const handle = begin()
      .step('release', ({ input }) => of({ answers: [undefined, input.id] }))
      .returns(({ results }): (string | null)[] => results.release.answers);
    expect(tries([handle]).outcomes).to.deep.equal([[null, 'o1']]);
  });

  it('are the same whether they come from a step or from the journal', () => {
    const seen: unknown[] = [];
    const handle = begin()
      .step('when', () => of({ at: new Date(0), gone: undefined }))
      .step('look', ({ results }) => {
        seen.push(results.when);
        return seen.length === 1 ? throwError(() => new TransientError('down')) : of(1);
      })
      .returns(({ results }) => results.when);
    const { outcomes } = tries([handle, handle, handle]);
    expect(seen[0]).to.deep.equal(seen[1]);
    expect(outcomes.slice(1)).to.deep.equal([{ at: '1970-01-01T00:00:00.000Z' }, { at: '1970-01-01T00:00:00.000Z' }]);
  });
});

describe('a saga after its point of no return', () => {
  const forward = ({ move }: Moves, fail: (nth: number) => Error | undefined) =>
    begin()
      .step(
        'charge',
        () => move('charge', 1),
        () => move('refund', 0),
      )
      .pivot()
      .step('ship', () => move('ship', 'track', 1, fail))
      .returns(({ results }) => results.ship)
      .whenCompensated(() => 'undone');

  it('never goes back: a refusal leaves it stuck, and it goes on when its message is given back', () => {
    const moves = new Moves();
    const handle = forward(moves, (nth) => (nth === 1 ? refused() : undefined));
    const told = tries([handle, handle], { maxAttempts: 1 });
    expect(told.outcomes).to.deep.equal(['SagaForwardFailedError', 'track']);
    expect(moves.made).to.deep.equal(['charge', 'charge.', 'ship', 'ship!', 'ship', 'ship.']);
    expect((told.errors[0] as Error).message).to.equal(
      'saga "order" o1 is stuck: step "ship" failed after the point of no return: refused',
    );
  });

  it('is tried later for a transient cause', () => {
    const moves = new Moves();
    const handle = forward(moves, (nth) => (nth < 3 ? new TransientError('down') : undefined));
    expect(tries([handle, handle, handle]).outcomes).to.deep.equal(['TransientError', 'TransientError', 'track']);
  });

  it('has steps at the same time too, of which those that are done are not repeated, and none can be undone', () => {
    const { made, move } = new Moves();
    const down = (nth: number) => (nth === 1 ? new TransientError('down') : undefined);
    const sealed = begin()
      .step('seal', () => of('sealed'))
      .pivot();
    const handle = sealed
      .all({ ship: () => move('ship', 'track', 1, down), tell: { run: () => move('tell', 2, 5) } })
      .step('sum', ({ results }) => of(`${results.ship} ${results.tell.toFixed()}`))
      .returns(({ results }) => results.sum);
    expect(tries([handle, handle]).outcomes).to.deep.equal(['TransientError', 'track 2']);
    expect(made).to.deep.equal(['ship', 'tell', 'ship!', 'tell.', 'ship', 'ship.']);
    expect(() =>
      // @ts-expect-error: nothing is undone there.
      sealed.all({ ship: { run: () => of(1), compensate: () => of(0) } }),
    ).to.throw('after the point of no return nothing is undone');
  });

  it('goes back from a step before it', () => {
    const { made, move } = new Moves();
    const handle = begin()
      .step(
        'a',
        () => move('a', 1),
        () => move('undo a', 0),
      )
      .step('b', () => move('b', 1, 1, refused))
      .pivot()
      .step('c', () => move('c', 1))
      .returns(() => 1)
      .whenCompensated(() => 'undone');
    expect(tries([handle]).outcomes).to.deep.equal(['undone']);
    expect(made).to.not.include('c');
  });
});

describe('a saga that is stuck', () => {
  it('F40: says so in its journal, and its error carries the whole of it', () => {
    const handle = begin()
      .step(
        'a',
        () => of(1),
        () => throwError(refused),
      )
      .step('b', () => throwError(refused))
      .returns(() => 1);
    const told = tries([handle]);
    expect(kinds(told)).to.deep.equal([
      'started',
      'stepIntended a',
      'stepDone a',
      'stepIntended b',
      'stepFailed b',
      'compensationIntended a',
      'compensationFailed a',
      'stuck a',
    ]);
    const [error] = told.errors;
    expect(error).to.include({ code: 'ERR_COMPENSATION_FAILED', isTransient: false });
    expect((error as { details?: string }).details?.split('\n').map((line) => line.slice(25))).to.deep.equal([
      'started, version 1',
      'a: begun',
      'a: done',
      'b: begun',
      'b: failed, turning back: ERR_PERMANENT refused',
      'a: undoing',
      'a: could not be undone: ERR_PERMANENT refused',
      'stuck at a: ERR_COMPENSATION_FAILED saga "order" o1 is stuck: the compensation of step "a" failed: refused',
    ]);
  });
});

describe('a saga whose definition has changed', () => {
  const down = () => throwError(() => new TransientError('down'));
  const first = begin()
    .step('a', () => of(1))
    .step('b', down)
    .returns(() => 'first');
  const ended = begin()
    .step('a', () => of(1))
    .step('b', () => of(2))
    .returns(() => 'first');
  const second = begin(2)
    .step('a', () => of(1))
    .step('c', () => of(3))
    .returns(() => 'second');

  it('is finished by the definition it was begun under, where that is named', () => {
    expect(tries([first, second.formerly(ended)]).outcomes).to.deep.equal(['TransientError', 'first']);
    expect(tries([second.formerly(ended)]).outcomes, 'a new one').to.deep.equal(['second']);
  });

  it('is stuck where it is not, and goes on with a worker that knows it', () => {
    const told = tries([first, second, ended], { maxAttempts: 3 });
    expect(told.outcomes).to.deep.equal(['TransientError', 'SagaVersionError', 'first']);
    expect((told.errors[1] as Error).message).to.equal(
      'saga "order" o1 is stuck: it was begun under version 1, known are 2',
    );
  });

  it('B12: refuses another body under its id, whichever version began it, and takes the same', () => {
    const bodies = ['body', 'another body', 'body'];
    expect(tries([first, second.formerly(ended), second.formerly(ended)], { bodies }).outcomes).to.deep.equal([
      'TransientError',
      'SagaConflictError',
      'first',
    ]);
    // Of one that has ended too.
    expect(tries([ended, second], { bodies }).outcomes).to.deep.equal(['first', 'SagaConflictError']);
  });

  it('is found out when its steps have changed under the same version', () => {
    const changed = begin()
      .step('a', () => of(1))
      .step('x', () => of(3))
      .returns(() => 'changed');
    const told = tries([first, changed]);
    expect((told.errors[1] as Error).message).to.match(
      /the steps of version 1 have changed since it began; a change of steps needs a new version$/,
    );
  });

  it('repeats the answer of one that has ended, whatever has changed', () => {
    expect(tries([ended, second]).outcomes).to.deep.equal(['first', 'first']);
  });

  it('repeats the answer it was undone with, or that there was none, whatever has changed', () => {
    const refusing = begin()
      .step('a', () => of(1))
      .step('b', () => throwError(refused))
      .returns(() => 'first');
    const told = refusing.whenCompensated(() => 'undone');
    expect(tries([told, second]).outcomes, 'an answer').to.deep.equal(['undone', 'undone']);
    const answering = second.whenCompensated(() => 'another');
    for (const later of [answering, answering.formerly(refusing)])
      expect(tries([refusing, later]).outcomes, 'none').to.deep.equal(['PermanentError', 'SagaUndoneError']);
    // Its author has said since what to answer.
    expect(tries([refusing, told]).outcomes).to.deep.equal(['PermanentError', 'undone']);
    const silent = refusing.whenCompensated(() => undefined);
    expect(tries([silent, silent]).outcomes, 'an answer that is none').to.deep.equal([undefined, undefined]);
  });

  it('is finished by the definitions that an earlier one names too', () => {
    const third = begin(3)
      .step('d', () => of(4))
      .returns(() => 'third');
    for (const later of [
      third.formerly(second.formerly(ended)),
      third.formerly(second.formerly(ended), ended),
      third.formerly(ended).formerly(second),
    ])
      expect(tries([first, later]).outcomes).to.deep.equal(['TransientError', 'first']);
  });

  it('takes the same bytes for the same message; where its schema reads them as another input by now, it is stuck until one that does not', () => {
    const asBefore = { id: 'o1' };
    const otherwise = { id: 'o1', isGift: false };
    const told = tries([first, ended, ended, ended], {
      bodies: ['body', 'body', 'body', 'body'],
      orders: [asBefore, otherwise, asBefore, otherwise],
    });
    expect(told.outcomes).to.deep.equal(['TransientError', 'SagaVersionError', 'first', 'first']);
    expect((told.errors[1] as Error).message).to.match(
      /stuck: the same body is read as another input than when it began/,
    );
    for (const bodies of [['body', 'another body'], []])
      expect(tries([first, ended], { bodies, orders: [asBefore, otherwise] }).outcomes).to.deep.equal([
        'TransientError',
        'SagaConflictError',
      ]);
    const spaced = ['{"id":"o1"}', '{ "id": "o1" }'];
    expect(tries([first, ended], { bodies: spaced }).outcomes).to.deep.equal(['TransientError', 'first']);
  });

  it('is refused with definitions of another name or of one version', () => {
    const other = saga({ name: 'other', input: Order, apis: {}, id: ({ id }) => id })
      .step('a', () => of(1))
      .returns(() => 1);
    expect(() => second.formerly(other)).to.throw('saga "order": formerly: expected sagas of the same name');
    expect(() =>
      second.formerly(
        begin(2)
          .step('a', () => of(1))
          .returns(() => 1),
      ),
    ).to.throw('a version of its own for each');
  });
});

describe('the id of a saga', () => {
  for (const id of ['', 'x'.repeat(513), 'a\u0000b']) {
    it(`is refused as ${JSON.stringify(id).slice(0, 20)}`, () => {
      const handle = begin()
        .step('a', () => of(1))
        .returns(() => 1);
      expect(tries([handle], { order: { id } }).outcomes).to.deep.equal(['SagaIdError']);
    });
  }
});
