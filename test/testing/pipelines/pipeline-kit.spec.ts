import { expect } from 'chai';
import { map, of, timer } from 'rxjs';
import { exchange, saga, TransientError } from 'sluice';
import { ack, call, httpError, message, ok, published, retry } from 'sluice/testing';
import { a, apis, b, done, failureOf, type Kit, passes, paying, printedBy, text, Work, working } from './working.ts';

describe('marbles of a pipeline: what is expected', () => {
  it('is drawn over what was, with what the symbols stand for', () => {
    const printed = printedBy(paying, ({ deliver, api, expectSettled, expectPublished, expectCalls }) => {
      deliver('        a-b', { a, b });
      api.pay.on('POST /pay', ['-(r|)', '-#'], { r: ok({ paid: true }) }, httpError(402));
      expectCalls('    c--d', { c: call('pay', 'POST /pay', { body: a }), d: call('pay', 'POST /refund') });
      expectPublished('--p', { p: published(done, { paid: false }, { correlationId: 'a' }) });
      expectSettled('  -A-B', { A: ack(a), B: retry(b, '5s', 'ERR_NETWORK') });
    });
    expect(printed).to.equal(
      text(
        'the calls differ from their diagram',
        '  expected: c--d',
        '  actual:   c-A-',
        '              ^ first difference, at 2 ms',
        "  c = call('pay', 'POST /pay', { body: { n: 1 } })",
        "  d = call('pay', 'POST /refund')",
        "  A = call('pay', 'POST /pay', { body: { n: 2 } })",
        '',
        'what was published differs from its diagram',
        '  expected: --p',
        '  actual:   -A-',
        '             ^ first difference, at 1 ms',
        "  p = published(exchange('out', 'done'), { paid: false }, { correlationId: 'a' })",
        "  A = published(exchange('out', 'done'), { paid: true }, { correlationId: 'a' })",
        '  there: body.paid is true, expected false',
        '',
        'the settlements differ from their diagram',
        '  expected: -A-B',
        '  actual:   -A-C',
        '               ^ first difference, at 3 ms',
        '  A = ack(a)',
        "  B = retry(b, '5s', 'ERR_NETWORK')",
        "  C = deadLetter(b, 'ERR_HTTP_STATUS'): pay POST /pay: answered 402",
      ),
    );
  });

  it('is said where the test expects it', () => {
    const { stack = '' } = failureOf(
      working(() => of(1)),
      ({ deliver, expectSettled }) => {
        deliver('a', { a });
        expectSettled('-A', { A: ack(a) });
      },
    );
    const [first] = stack.split('\n').filter((line) => line.startsWith('    at '));
    expect(first).to.contain('pipeline-kit.spec.ts');
  });

  for (const [part, expected] of [
    ['api', call('ledger', 'POST /pay')],
    ['operation', call('pay', 'PUT /pay')],
    ['body', call('pay', 'POST /pay', { body: { n: 1, more: true } })],
    ['query', call('pay', 'POST /pay', { query: { q: '1' } })],
    ['headers', call('pay', 'POST /pay', { headers: { 'x-correlation-id': 'other' } })],
  ] as const) {
    it(`tells calls apart by their ${part}`, () => {
      const printed = printedBy(paying, ({ deliver, api, expectCalls }) => {
        deliver('a', { a });
        api.pay.on('POST /pay', '(r|)', { r: ok(1) });
        expectCalls('c', { c: expected });
      });
      expect(printed).to.contain("A = call('pay', 'POST /pay', { body: { n: 1 }");
    });
  }

  for (const [part, expected] of [
    ['exchange', published(exchange('else', 'done'), 1)],
    ['routing key', published(exchange('out', 'else'), 1)],
    ['body', published(done, 2)],
    ['headers', published(done, 1, { headers: { tenant: 't' } })],
    ['properties', published(done, 1, { correlationId: 'else' })],
  ] as const) {
    it(`tells results apart by their ${part}`, () => {
      const printed = printedBy(
        working(() => of(1)),
        ({ deliver, expectPublished }) => {
          deliver('        a', { a });
          expectPublished('p', { p: expected });
        },
      );
      expect(printed).to.contain("A = published(exchange('out', 'done'), 1");
    });
  }

  for (const [part, expected] of [
    ['kind', ack(a)],
    ['message', retry(b)],
    ['delay', retry(a, '6s')],
    ['code', retry(a, '5s', 'ERR_NETWORK')],
  ] as const) {
    it(`tells settlements apart by their ${part}`, () => {
      const failing = working(() => {
        throw new TransientError('later');
      });
      const printed = printedBy(failing, ({ deliver, expectSettled }) => {
        deliver('      a', { a: message(a, { attempt: 1 }) });
        expectSettled('R 4999ms X 59999ms X', { R: expected, X: retry(a, '1m') });
      });
      expect(printed).to.contain("A = retry(a, '5s', 'ERR_TRANSIENT'): later");
    });
  }

  it('compares facts by the fields that are named, and takes no others', () => {
    const pipeline = working(() => timer(5).pipe(map(() => 1)));
    passes(pipeline, ({ deliver, expectFacts }) => {
      deliver('                                       a', { a });
      expectFacts(['slotTaken', 'published'], '       s----p', { s: { waitedMs: 0 }, p: { exchange: 'out' } });
    })();
    const printed = printedBy(pipeline, ({ deliver, expectFacts }) => {
      deliver('                a', { a });
      expectFacts('published', '-----p', { p: { exchange: 'else' } });
    });
    expect(printed).to.contain("A = { type: 'published', exchange: 'out' }");
  });

  it(
    'has the moves of a saga among the facts',
    passes(
      working(
        saga({ name: 'steps', input: Work, apis, id: ({ n }) => String(n) })
          .step('first', () => timer(4))
          .returns(() => 1),
      ),
      ({ deliver, expectFacts }) => {
        const moved = { saga: 'steps', sagaId: '1', messageId: 'a' };
        deliver('                 a', { a });
        expectFacts('sagaMoved', '(sb)(dc)', {
          s: { ...moved, move: 'started' },
          b: { ...moved, move: 'stepIntended', step: 'first' },
          d: { ...moved, move: 'stepDone', step: 'first' },
          c: { ...moved, move: 'completed' },
        });
      },
    ),
  );

  it('says of dead letters what their headers say', () => {
    const printed = printedBy(
      working(() => {
        throw new TypeError('broken');
      }),
      ({ deliver, expectDeadLetters }) => {
        deliver('          -a', { a });
        expectDeadLetters('-D', { D: { code: 'ERR_NETWORK' } });
      },
    );
    expect(printed).to.contain(
      "A = { queue: 'work.dead', messageId: 'a', correlationId: 'a', body: { n: 1 }, pipeline: 'work', stage: 'handle', code: 'ERR_HANDLE_FAILED', reason: 'broken', attempts: 1, firstFailedAt: 1, lastFailedAt: 1 }",
    );
  });

  for (const [title, say, problem] of [
    [
      'a diagram with a symbol that has no value',
      ({ expectSettled }: Kit) => expectSettled('-A-B', { A: ack(a) }),
      'expectSettled: no value is given for "B"\n  -A-B\n     ^',
    ],
    [
      'a time that is none',
      ({ deliver }: Kit) => deliver('a 5s-a', { a }),
      'deliver: a time is a number with ms, s or m, and a space on both sides\n  a 5s-a\n    ^',
    ],
    [
      'hours',
      ({ deliver }: Kit) => deliver('a 5h a', { a }),
      'deliver: a time is a number with ms, s or m, and a space on both sides\n  a 5h a\n    ^',
    ],
    [
      'a group without an end',
      ({ deliver }: Kit) => deliver('-(aa', { a }),
      'deliver: the group is never closed\n  -(aa\n   ^',
    ],
    [
      'a group within a group',
      ({ deliver }: Kit) => deliver('(a(a))', { a }),
      'deliver: a group inside a group\n  (a(a))\n    ^',
    ],
    ['an end of no group', ({ deliver }: Kit) => deliver('a)', { a }), 'deliver: ")" closes no group\n  a)\n   ^'],
    [
      'an end where nothing ends',
      ({ deliver }: Kit) => deliver('a|', { a }),
      'deliver: "|" means nothing here\n  a|\n   ^',
    ],
    [
      'a subscription that is none',
      ({ expectSubscriptions }: Kit) => expectSubscriptions([]).toBe('^-a'),
      'expectSubscriptions: a subscription is drawn with "^", "!" and time alone, not with "a"\n  ^-a\n    ^',
    ],
    [
      'a call of an API the pipeline has not',
      ({ expectCalls }: Kit) => expectCalls('c', { c: call('pya', 'GET /') }),
      'expectCalls: c: the pipeline has no api "pya", only pay, ledger',
    ],
    [
      'an answer of an API the pipeline has not',
      ({ api }: Kit) => Reflect.get(api, 'pya'),
      'the pipeline has no api "pya", only pay, ledger',
    ],
    [
      'a message without a value',
      ({ deliver }: Kit) => Reflect.apply(deliver, undefined, ['-a']),
      'deliver: no value is given for "a"\n  -a\n   ^',
    ],
    [
      'a pipeline that is not there',
      ({ expectConsuming }: Kit) => expectConsuming('t', 'wrok'),
      'expectConsuming: no pipeline "wrok", only work',
    ],
  ] as const) {
    it(`refuses ${title}, and says where`, () => {
      expect(failureOf(paying, (kit) => void say(kit)).message).to.equal(problem);
    });
  }

  it('names the members in which large bodies differ, the first few', () => {
    const large = { id: 1, lines: [{ n: 1 }, { n: 2 }], tags: ['x'], note: 'same' };
    const printed = printedBy(
      working(() => of(large)),
      ({ deliver, expectPublished }) => {
        deliver('        a', { a });
        expectPublished('p', { p: published(done, { ...large, lines: [{ n: 1 }, { n: 3 }], tags: 'x', more: true }) });
      },
    );
    expect(printed.split('\n').filter((line) => line.startsWith('  there: '))).to.deep.equal([
      '  there: body.lines.1.n is 2, expected 3',
      "  there: body.tags is [ 'x' ], expected 'x'",
      '  there: body.more is undefined, expected true',
    ]);
  });

  it('names the dead letter where nothing was published', () => {
    const asking = message(a, { replyTo: 'answers' });
    const answering = working(() => of('yes'));
    expect(
      printedBy(answering, ({ deliver, expectPublished }) => {
        deliver('        a', { a: asking });
        expectPublished('p', { p: published(exchange('', 'answers'), 'yes') });
      }),
    ).to.equal(
      text(
        'what was published differs from its diagram',
        '  expected: p',
        '  actual:   -',
        '            ^ first difference, at 0 ms',
        "  p = published(exchange('', 'answers'), 'yes')",
        `  there: nothing, but deadLetter(a, 'ERR_PAYLOAD_INVALID'): reply-to "answers" is not allowed here; the pipeline's replyTo allows amq.*`,
      ),
    );
  });
});
