import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { map } from 'rxjs';
import sinon from 'sinon';
import { definePipeline, saga } from 'sluice';
import {
  type AdvancingKit,
  ack,
  advancing,
  call,
  ok,
  type PipelineTestOptions,
  published,
  returned,
} from 'sluice/testing';
import { a, apis, b, done, paying, source, Work, working } from './pipelines/working.ts';

type Test = (kit: AdvancingKit<'pay' | 'ledger'>) => Promise<void>;
type Tested = ReturnType<typeof working>;

const passes = (pipeline: Tested, test: Test, options: PipelineTestOptions = {}) => advancing(pipeline, options, test);

async function failureOf(pipeline: Tested, test: Test, options: PipelineTestOptions = {}): Promise<Error> {
  try {
    await advancing(pipeline, options, test)();
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
  throw new Error('the test passes');
}

const slow = working(async ({ n }) => {
  await sleep(10);
  return n;
});

describe('advancing', () => {
  it(
    'waits for promises of the handle, in time that the test moves',
    passes(slow, async ({ deliver, advance, expectPublished, expectSettled }) => {
      deliver('        a-b', { a, b });
      await advance('1s');
      expectPublished('----------p-q', { p: published(done, 1), q: published(done, 2) });
      expectSettled('  ----------A-B', { A: ack(a), B: ack(b) });
    }),
  );

  it(
    'answers calls, and shows them, as virtual time does',
    passes(paying, async ({ deliver, api, expectCalls, expectSubscriptions, expectSettled }) => {
      deliver('    -a-----', { a });
      const answers = api.pay.on('POST /pay', '-----(r|)', { r: ok(1) });
      expectCalls('-c-----', { c: call('pay', 'POST /pay', { body: a }) });
      expectSubscriptions(answers.subscriptions).toBe('-^----!');
      expectSettled('------A', { A: ack(a) });
    }),
  );

  it(
    'runs on to the end by itself when the test is over',
    passes(slow, async ({ deliver, expectSettled }) => {
      deliver('      a', { a });
      expectSettled('----------A', { A: ack(a) });
    }),
  );

  it(
    'lets a test do something in between',
    passes(slow, async ({ deliver, advance, broker, expectSettled }) => {
      deliver('      a', { a });
      await advance(3);
      broker.cutConnections();
      expectSettled('---R 109ms A', { R: returned(a), A: ack(a) });
    }),
  );

  it(
    'moves every clock a handle may look at',
    passes(
      working(async () => {
        const times = [Date.now(), Date.parse(new Date().toISOString()), new Date(7).getTime()];
        await new Promise((resolve) => setTimeout(resolve, 5));
        times.push(Date.now());
        await promisify(setTimeout)(5);
        times.push(Date.now());
        const ticks = await new Promise<number>((resolve) => {
          let count = 0;
          const timer = setInterval(() => {
            if (++count < 3) return;
            clearInterval(timer);
            resolve(count);
          }, 10);
        });
        const never = setTimeout(() => times.push(-1), 1_000);
        clearTimeout(never);
        return [...times, ticks, Date.now()];
      }),
      async ({ deliver, expectPublished }) => {
        deliver('        -a', { a });
        expectPublished('- 40ms p', { p: published(done, [1, 1, 7, 6, 11, 3, 41]) });
      },
    ),
  );

  it('gives the clocks back, whether the test passes or fails', async () => {
    const originals = [setTimeout, clearTimeout, setInterval, clearInterval, Date];
    await passes(slow, async () => {
      expect(setTimeout).not.to.equal(originals[0]);
    })();
    await failureOf(slow, async () => {
      throw new Error('mine');
    });
    expect([setTimeout, clearTimeout, setInterval, clearInterval, Date]).to.deep.equal(originals);
    expect(Date.now()).to.be.above(1e12);
  });

  it(
    'waits for the promises of a saga, step by step',
    passes(
      working(
        saga({ name: 'steps', input: Work, apis, id: ({ n }) => String(n) })
          .step('first', async () => sleep(5, 'one'))
          .step('second', ({ results, apis: { pay } }) => pay.post('/pay', { after: results.first }).pipe(map(() => 2)))
          .returns(({ results }) => results),
      ),
      async ({ deliver, api, expectCalls, expectPublished }) => {
        deliver('        a', { a });
        api.pay.on('POST /pay', '-(r|)', { r: ok() });
        expectCalls('    -----c', { c: call('pay', 'POST /pay', { body: { after: 'one' } }) });
        expectPublished('------p', { p: published(done, { first: 'one', second: 2 }) });
      },
    ),
  );

  it('draws what differs, and says where it was expected', async () => {
    const { message, stack = '' } = await failureOf(slow, async ({ deliver, expectSettled }) => {
      deliver('a', { a });
      expectSettled('-A', { A: ack(a) });
    });
    expect(message).to.equal(
      [
        'the settlements differ from their diagram',
        '  expected: -A---------',
        '  actual:   ----------A',
        '             ^ first difference, at 1 ms',
        '  A = ack(a)',
      ].join('\n'),
    );
    expect(stack.split('\n').find((line) => line.startsWith('    at '))).to.contain('advancing.spec.ts');
  });

  it('says that a message waits for nothing that comes', async () => {
    const hanging = definePipeline({
      name: 'work',
      source,
      input: Work,
      apis,
      needs: [],
      timeout: '1s',
      handle: () => new Promise(() => {}),
    });
    const { message } = await failureOf(hanging, async ({ deliver, expectSettled }) => {
      deliver('a', { a });
      expectSettled('', {});
    });
    expect(message)
      .to.contain("retry(a, '5s', 'ERR_HANDLE_TIMEOUT')")
      .and.to.contain(
        'hint: in the handle of message a time ran out without a call; if it awaits a promise: one of a file or a socket comes too late, ',
      )
      .and.not.to.contain('advancing(');
  });

  it('says of a message in flight what it may wait for, here too', async () => {
    const { message } = await failureOf(slow, async ({ deliver, broker }) => {
      broker.block();
      deliver('a', { a });
    });
    expect(message)
      .to.contain('a message is still in flight at 10 ms')
      .and.to.contain('or for a promise: one of a file or a socket comes too late')
      .and.not.to.contain('advancing(');
  });

  it('has an end', async () => {
    const beating = working(async () => {
      setInterval(() => {}, 3_600_000);
    });
    const { message } = await failureOf(beating, async ({ deliver }) => deliver('a', { a }));
    expect(message).to.match(
      /^time went past 86400000 ms, and something is still due at 90000000 ms, by a timer set at .*advancing\.spec\.ts:\d+:\d+\)?; the option within/,
    );
  });

  it('finds a timer that was left behind', async () => {
    const leaving = working(async () => {
      setTimeout(() => {}, 5_000);
    });
    const { message } = await failureOf(leaving, async ({ deliver }) => deliver('a', { a }));
    expect(message).to.equal('a timer was left: nothing happened after 0 ms, but something was still due at 5000 ms');
  });

  it('says that timers are faked already, where it would wait for ever', async () => {
    const clock = sinon.useFakeTimers();
    try {
      const failure = await advancing(slow, async () => {})().then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(failure)
        .to.be.instanceOf(Error)
        .and.have.property('message')
        .that.contains('the timers are faked already');
    } finally {
      clock.restore();
    }
  });

  it('says by its name that a time is none', async () => {
    const { message } = await failureOf(slow, async ({ advance }) => advance('5 sec' as never));
    expect(message).to.equal(
      "advance: expected milliseconds or a number with its unit, '250ms', '5s', '10m', '2h', '7d', got '5 sec'",
    );
  });

  it('has the clock for itself', async () => {
    const { message } = await failureOf(slow, () => advancing(slow, async () => {})());
    expect(message)
      .to.contain('one after the other')
      .and.to.contain('as where its body awaits a timer: only advance(…) moves time');
  });
});
