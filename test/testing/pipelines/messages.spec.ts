import { expect } from 'chai';
import { of } from 'rxjs';
import { codec, definePipeline, exchange, TransientError } from 'sluice';
import { ack, deadLetter, message, published, retry } from 'sluice/testing';
import { a, b, done, failureOf, passes, paying, source, Work, working } from './working.ts';

const count = codec({
  contentType: 'application/x-count',
  decode: ({ byteLength }) => ({ n: byteLength }),
  encode: () => new Uint8Array(),
});
const counting = definePipeline({
  name: 'counting',
  source,
  input: Work,
  reads: { codecs: [count] },
  handle: (counted) => of(counted),
  output: () => done,
});

describe('marbles of a pipeline: deliver', () => {
  it(
    'names a message by its symbol, and a second one of it by a number',
    passes(
      working(({ n }, { messageId }) => of({ n, messageId })),
      ({ deliver, expectPublished, expectFacts }) => {
        deliver('        -a-(ab)', { a, b });
        expectPublished('-x-(yz)', {
          x: published(done, { n: 1, messageId: 'a' }),
          y: published(done, { n: 1, messageId: 'a.2' }),
          z: published(done, { n: 2, messageId: 'b' }),
        });
        expectFacts('delivered', '-x-(xx)', { x: { queue: 'work', attempt: 1 } });
      },
    ),
  );

  it(
    'sends headers and properties as they are given',
    passes(
      working((_, { headers, correlationId, messageId }) => of({ tenant: headers.tenant, correlationId, messageId })),
      ({ deliver, expectPublished }) => {
        const given = message(a, {
          headers: { tenant: 't' },
          messageId: 'm',
          correlationId: 'c',
          replyTo: 'amq.gen-1',
        });
        deliver('        a   ', { a: given });
        const result = { tenant: 't', correlationId: 'c', messageId: 'm' };
        expectPublished('(pr)', {
          p: published(done, result),
          r: published(exchange('', 'amq.gen-1'), result, { correlationId: 'c' }),
        });
      },
    ),
  );

  it(
    'gives a message the tries it had before',
    passes(
      working((_, { attempt }) => {
        throw new TransientError(`try ${attempt}`);
      }),
      ({ deliver, expectSettled }) => {
        const second = message(a, { attempt: 2 });
        const third = message(b, { attempt: 3 });
        deliver('      a-b', { a: second, b: third });
        expectSettled('R-D 59997ms X', {
          R: retry(second, '1m'),
          D: deadLetter(third, 'ERR_TRANSIENT'),
          X: deadLetter(second),
        });
      },
    ),
  );

  it(
    'gives a message an end of its time, counted from its delivery or from the beginning',
    passes(paying, ({ deliver, api, expectSubscriptions, expectSettled }) => {
      const short = message(a, { expiration: '10ms' });
      const late = message(b, { deadline: '15ms' });
      deliver('                a----b', { a: short, b: late });
      const calls = api.pay.on('POST /pay', '-');
      expectSubscriptions(calls.subscriptions).toBe(['^ 9ms !', '-----^ 9ms !']);
      expectSettled('----- 5ms X----Y', {
        X: deadLetter(short, 'ERR_DEADLINE_EXCEEDED'),
        Y: deadLetter(late, 'ERR_DEADLINE_EXCEEDED'),
      });
    }),
  );

  it(
    'sends bytes as they are',
    passes(paying, ({ deliver, expectSettled, expectDeadLetters }) => {
      const torn = message(Buffer.from('{"n":'));
      const unknown = message(Buffer.from('n=1'), { contentType: 'application/x-www-form-urlencoded' });
      deliver('          ab', { a: torn, b: unknown });
      expectSettled('    XY', { X: deadLetter(torn, 'ERR_PAYLOAD_INVALID'), Y: deadLetter(unknown) });
      expectDeadLetters('XY', {
        X: { stage: 'decode' },
        Y: { stage: 'decode', headers: { 'x-sluice-attempts': 1 } },
      });
    }),
  );

  it(
    'sends no bytes where there are none: nothing where JSON is expected, and what a codec takes them for',
    passes(counting, ({ deliver, expectPublished, expectSettled }) => {
      const unsaid = message(new Uint8Array());
      const none = message(new Uint8Array(), { contentType: 'application/x-count' });
      const two = message(Buffer.from('xx'), { contentType: 'application/x-count' });
      deliver('        abc', { a: unsaid, b: none, c: two });
      expectPublished('-yz', { y: published(done, { n: 0 }), z: published(done, { n: 2 }) });
      expectSettled('  XYZ', { X: deadLetter(unsaid, 'ERR_PAYLOAD_INVALID'), Y: ack(none), Z: ack(two) });
    }),
  );

  it('refuses an attempt the queue does not give', () => {
    const failure = failureOf(paying, ({ deliver }) => deliver('a', { a: message(a, { attempt: 9 }) }));
    expect(failure)
      .to.be.instanceOf(RangeError)
      .with.property('message', 'attempt: queue "work" gives 3 attempts, got 9');
  });
});
