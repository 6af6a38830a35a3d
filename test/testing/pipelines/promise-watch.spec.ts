import { expect } from 'chai';
import { concatMap, NEVER, Observable, throwError, timer } from 'rxjs';
import { definePipeline, queue, saga } from 'sluice';
import { ack, marbles, message, published } from 'sluice/testing';
import { a, apis, done, failureOf, paying, printedBy, source, Work, working } from './working.ts';

describe('marbles of a pipeline: a promise', () => {
  const wayOut =
    ': virtual time does not wait for promises. Return an Observable, or write the test as\n' +
    "  advancing(pipeline, async (m) => { …; await m.advance('1s'); … })";
  const suspicion =
    'hint: in the handle of message a time ran out without a call; if it awaits a promise: test it with advancing(';
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
      const [first, ...frames] = (failure.stack ?? '')
        .slice(failure.name.length + 2 + failure.message.length)
        .split('\n');
      expect(first).to.equal('');
      expect(frames, 'the test that asks, and nothing of RxJS or ours').to.be.an('array').that.is.not.empty;
      for (const frame of frames) expect(frame).to.match(/^ {4}at .*[\\/]test[\\/]testing[\\/]/);
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
    expect(printed).to.contain(suspicion);
  });

  const awaiting = () =>
    new Observable<number>((subscriber) => {
      void (async () => {
        subscriber.next(await Promise.resolve(1));
        subscriber.complete();
      })();
    });
  for (const [title, pipeline, code] of [
    ['is cut off', working(steps.step('first', awaiting).returns(() => 1)), 'ERR_SAGA_CUT_OFF'],
    [
      'is in doubt',
      working(steps.step('first', { run: awaiting, compensate: () => timer(1), timeout: '10s' }).returns(() => 1)),
      'ERR_SAGA_IN_DOUBT',
    ],
    [
      'cannot be undone',
      working(
        steps
          .step('first', () => timer(1), awaiting)
          .step('second', () => throwError(() => new RangeError('none left')))
          .returns(() => 1),
      ),
      'ERR_COMPENSATION_FAILED',
    ],
    [
      'is given up by a step',
      working(steps.step('first', { run: awaiting, timeout: '10s' }).returns(() => 1)),
      'ERR_TIMEOUT',
    ],
  ] as const) {
    it(`that RxJS cannot see is suspected when a saga ${title} after its time`, () => {
      const printed = printedBy(pipeline, ({ deliver, expectSettled }) => {
        deliver('      a', { a: message(a, { attempt: 3 }) });
        expectSettled('A', { A: ack(a) });
      });
      expect(printed).to.contain(`deadLetter(a, '${code}')`).and.to.contain(suspicion);
    });
  }

  const untried = queue('work', { retry: false });
  const undone = definePipeline({
    name: 'work',
    source: untried,
    input: Work,
    apis,
    needs: [],
    handle: steps
      .step('first', { run: awaiting, compensate: () => timer(1), undoInDoubt: () => timer(1), timeout: '10s' })
      .returns(() => 'made')
      .whenCompensated(() => 'undone'),
    output: () => done,
  });

  it('that RxJS cannot see is suspected when a saga turned back for it, and was acked', () => {
    const printed = printedBy(undone, ({ deliver, expectPublished }) => {
      deliver('        a', { a });
      expectPublished('A', { A: published(done, 'made') });
    });
    expect(printed).to.contain('undone').and.to.contain(suspicion);
  });

  it('is not suspected where a call was cut off with a step of a saga that was undone later', () => {
    const handle = steps
      .step(
        'first',
        () => timer(1),
        () => timer(3),
      )
      .step('second', { run: ({ apis: { pay } }) => pay.post('/pay', {}), timeout: '2s' })
      .returns(() => 1);
    const charging = definePipeline({ name: 'work', source: untried, input: Work, apis, needs: [], handle });
    const printed = printedBy(charging, ({ deliver, api, expectSettled }) => {
      deliver('                a', { a });
      api.pay.on('POST /pay', '-');
      expectSettled('          A', { A: ack(a) });
    });
    expect(printed).to.contain("deadLetter(a, 'ERR_TIMEOUT')").and.not.to.contain('hint:');
  });

  for (const [title, timeout, code] of [
    ['with its saga', undefined, 'ERR_SAGA_CUT_OFF'],
    ['with its step', '2s', 'ERR_SAGA_IN_DOUBT'],
  ] as const) {
    it(`is not suspected where a call was cut off ${title}`, () => {
      const handle = steps
        .step('first', {
          run: ({ apis: { pay } }) => pay.post('/pay', {}),
          compensate: () => timer(1),
          ...(timeout === undefined ? {} : { timeout }),
        })
        .returns(() => 1);
      const charging = definePipeline({ name: 'work', source, input: Work, apis, needs: [], timeout: '3s', handle });
      const printed = printedBy(charging, ({ deliver, api, expectSettled }) => {
        deliver('                a', { a: message(a, { attempt: 3 }) });
        api.pay.on('POST /pay', '-');
        expectSettled('          A', { A: ack(a) });
      });
      expect(printed).to.contain(`deadLetter(a, '${code}')`).and.not.to.contain('hint:');
    });
  }

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
