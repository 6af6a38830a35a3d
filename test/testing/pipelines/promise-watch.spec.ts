import { expect } from 'chai';
import { concatMap, NEVER, timer } from 'rxjs';
import { definePipeline, queue, saga } from 'sluice';
import { ack, marbles, message } from 'sluice/testing';
import { a, apis, failureOf, paying, printedBy, Work, working } from './working.ts';

describe('marbles of a pipeline: a promise', () => {
  const wayOut =
    ': virtual time does not wait for promises. Return an Observable, or write the test as\n' +
    "  advancing(pipeline, async (m) => { …; await m.advance('1s'); … })";
  const steps = saga({ name: 'steps', input: Work, apis, id: ({ n }) => String(n) });

  for (const [title, handle, who] of [
    ['a handle returns', async () => 1, 'the handle of pipeline "work" returns a promise, for message a'],
    [
      'a handle goes on from',
      () => Promise.resolve(1).then((one) => one + 1),
      'the handle of pipeline "work" waits for a promise, for message a',
    ],
    [
      'a handle awaits together with others',
      async () => await Promise.all([Promise.resolve(1)]),
      'the handle of pipeline "work" waits for a promise, for message a',
    ],
    [
      'a stream waits for',
      () => timer(2).pipe(concatMap(async () => 1)),
      'a stream in the handle of pipeline "work" waits for a promise',
    ],
    [
      'a step of a saga returns',
      steps
        .step('first', () => timer(1))
        .step('second', async () => 1)
        .returns(() => 1),
      'step "second" of saga "steps" returns a promise',
    ],
  ] as const) {
    it(`that ${title} fails the test by name, with the way out`, () => {
      const failure = failureOf(working(handle), ({ deliver }) => deliver('a', { a }));
      expect(failure).to.include({ name: 'PromiseInVirtualTimeError', message: who + wayOut });
    });
  }

  it('that a stream comes to after others have begun is of one of those that have', () => {
    const waiting = working(() => timer(2).pipe(concatMap(async () => 1)));
    const other = definePipeline({ name: 'rest', source: queue('rest'), input: Work, handle: () => timer(5) });
    const test = marbles([waiting, other], ({ deliver }) => {
      deliver('a', { a }, 'work');
      deliver('-a', { a }, 'rest');
    });
    expect(test).to.throw(`a stream in the handle of pipeline "work" or "rest" waits for a promise${wayOut}`);
  });

  it('that RxJS cannot see is suspected when a handle runs out of time', () => {
    const hidden = working(() => NEVER);
    const printed = printedBy(hidden, ({ deliver, expectSettled }) => {
      deliver('      a', { a: message(a, { attempt: 3 }) });
      expectSettled('A', { A: ack(a) });
    });
    expect(printed).to.contain(
      'hint: the handle of message a ran out of time after 300000 ms without a call; if it awaits a promise: test it with advancing(',
    );
  });

  it('keeps its own way of waiting outside of the test', async () => {
    failureOf(
      working(async () => 1),
      ({ deliver }) => deliver('a', { a }),
    );
    expect(await Promise.resolve(1).then((one) => one + 1)).to.equal(2);
  });

  it('is not what a test returns', () => {
    expect(failureOf(paying, async () => {}).message).to.contain('advancing(');
  });
});
