import { expect } from 'chai';
import { concatMap, forkJoin, map } from 'rxjs';
import { codec, definePipeline, exchange, queue } from 'sluice';
import { httpError, message, networkError, ok, status } from 'sluice/testing';
import { z } from 'zod';
import type { Pipeline } from '../../../src/pipeline/pipeline.ts';
import { type Replay, type ReplayOptions, replay } from '../../../src/testing/replay/replay.ts';
import { runSpec } from './passing.ts';
import { recordedBy, type Script } from './recorded.ts';
import { orders, output, post, replying, turned } from './replayed.ts';

const SECRET = 'sesame-4711';

const order = (id: string) => ({ id, amount: 20, key: SECRET });

const aDay = ({ api, deliver }: Script): void => {
  deliver(10, order('o-1'));
  deliver(400, message(order('o-2'), { correlationId: 'talk', replyTo: 'amq.gen-1' }));
  deliver(500, { nothing: true });
  deliver(600, message(Buffer.from('{"id":')));
  api('bank').on('POST /pay/{id}', ['--(r|)', '-(b|)', '---(r|)'], { r: ok({ receipt: 'r-1' }), b: status(503) });
  api('post').on('PUT /letters', '-(r|)', { r: ok() });
};

const everything: ReplayOptions = {
  only: new Set(),
  maxMessages: 20,
  toleranceMs: 0,
  importOf: (pipeline, name) => `import { ${name} } from './${pipeline.name}.ts';`,
};

const textOf = ({ spec }: Replay): string => ('text' in spec ? spec.text : `no spec: ${spec.why}`);

describe('a replay', () => {
  it('goes as recorded where nothing has changed, to the millisecond', async () => {
    const recording = recordedBy([replying], aDay);
    const { messages, changed, leftOut } = await replay(recording, [replying], everything);
    expect(changed.flatMap(({ differences }) => differences)).to.deep.equal([]);
    expect(leftOut).to.deep.equal([]);
    expect(messages).to.equal(4);
  });

  it('delivers an empty text as one, and leaves out what a codec alone can read', async () => {
    const counted = codec({
      contentType: 'application/x-counted',
      decode: ({ byteLength }) => 'x'.repeat(byteLength),
      encode: () => new Uint8Array(),
    });
    const echo = definePipeline({
      name: 'echo',
      source: queue('echo', { retry: false }),
      input: z.string().max(3),
      reads: { codecs: [counted] },
      handle: (text) => [text],
      output: () => exchange('echoes', 'echo'),
    });
    const recording = recordedBy([echo], ({ deliver }) => {
      deliver(0, message(Buffer.alloc(0), { contentType: 'text/plain' }));
      deliver(10, message(Buffer.alloc(0), { contentType: 'application/x-counted' }));
      deliver(20, message(Buffer.alloc(9), { contentType: 'application/x-counted' }));
      deliver(30, message(Buffer.alloc(0)));
    });
    const { messages, changed, leftOut } = await replay(recording, [echo], everything);
    expect(changed).to.deep.equal([]);
    expect(messages).to.equal(3);
    expect(leftOut.map(({ messageId, why }) => `${messageId}: ${why}`)).to.deep.equal([
      'm-2: with a body that a codec alone can read: nothing of it is recorded',
    ]);
  });

  it('draws what a changed pipeline does over what was recorded', async () => {
    const recording = recordedBy([orders], (script) => {
      script.deliver(10, order('o-1'));
      script.api('bank').on('POST /pay/{id}', '--(r|)', { r: ok({ receipt: 'r-1' }) });
      script.api('post').on('PUT /letters', '-(r|)', { r: ok() });
    });
    const { changed } = await replay(recording, [turned], everything);
    expect(changed).to.have.length(1);
    expect(changed[0]?.differences.join('\n')).to.equal(
      [
        'its calls differ from the recording',
        '  recorded: A-B',
        '  replayed: CA-',
        '            ^ first difference, at 0 ms',
        "  A = call('bank', 'POST /pay/{id}', { body: { amount: 20, key: 'redacted-1' }, query: { key: 'redacted-1' }, params: { id: 'o-1' } })",
        "  B = call('post', 'PUT /letters', { body: { receipt: 'r-1', text: '[not recorded]' } })",
        "  C = call('post', 'PUT /letters', { body: { receipt: 'o-1' } })",
        'its results differ from the recording',
        '  recorded: ---A',
        '  replayed: ---B',
        '               ^ first difference, at 3 ms',
        "  A = published(exchange('orders', 'order.paid'), { id: 'o-1', key: 'redacted-1' })",
        "  B = published(exchange('orders', 'order.done'), { id: 'o-1' })",
      ].join('\n'),
    );
  });

  it('tells of calls and settlements that are new, and of those that are gone', async () => {
    const recording = recordedBy([orders], (script) => {
      script.deliver(0, order('o-1'));
      script.api('bank').on('POST /pay/{id}', '--#', {}, httpError(402));
    });
    const eager = { ...orders, handle: () => [] };
    const [gone] = (await replay(recording, [eager], everything)).changed;
    expect(gone?.differences.join('\n'))
      .to.match(/recorded: A\n {2}replayed: -/)
      .and.contain("= deadLetter(m-1, 'ERR_HTTP_STATUS')");

    const { changed, spec } = await replay(recording, [turned], everything);
    expect(changed[0]?.differences.join('\n')).to.contain("call('post', 'PUT /letters'");
    expect(spec).to.deep.equal({ why: 'the recording has no answer for post PUT /letters of message m-1' });
  });

  it('takes times within the tolerance for the same', async () => {
    const recording = recordedBy([orders], aDay);
    for (const event of recording.events) if (event.kind === 'settled') Object.assign(event, { at: event.at + 30 });
    expect((await replay(recording, [orders], { ...everything, toleranceMs: 30 })).changed).to.deep.equal([]);
    const [late] = (await replay(recording, [orders], { ...everything, toleranceMs: 29 })).changed;
    expect(late?.differences.join()).to.contain('what became of it differs from the recording');
  });

  it('lets messages come back from their delay queues by themselves, and tries of an earlier day be what they were', async () => {
    const recording = recordedBy([orders], (script) => {
      script.deliver(0, order('o-1'));
      script.deliver(20, message(order('o-2'), { attempt: 3 }));
      script.deliver(9_000, message(order('o-3'), { deadline: '10s' }));
      const failures = new Array<string>(6).fill('-#');
      script
        .api('bank')
        .on('POST /pay/{id}', [...failures, '(r|)', '(r|)'], { r: ok({ receipt: 'r' }) }, networkError('ECONNREFUSED'));
      script.api('post').on('PUT /letters', '-(r|)', { r: ok() });
    });
    const { changed, leftOut, messages } = await replay(recording, [orders], everything);
    expect(changed.flatMap(({ differences }) => differences)).to.deep.equal([]);
    expect([messages, leftOut]).to.deep.equal([3, []]);
  });

  it('repeats calls that were given up, and answers that broke off', async () => {
    const recording = recordedBy([orders], (script) => {
      script.deliver(0, message(order('o-1'), { attempt: 3 }));
      script.deliver(9_000, message(order('o-2'), { attempt: 3 }));
      script.api('bank').on('POST /pay/{id}', ['-', '-#', '-#', '-#'], {}, networkError('HPE_INVALID_CONSTANT'));
    });
    const given = await replay(recording, [orders], everything);
    expect(given.changed.flatMap(({ differences }) => differences)).to.deep.equal([]);
    expect(textOf(given)).to.contain("networkError('HPE_INVALID_CONSTANT')");
  });

  it('says of each message it leaves out why', async () => {
    const recording = recordedBy([orders], (script) => {
      script.deliver(0, order('done'));
      script.deliver(100, order('returned'));
      script.deliver(300, order('open'));
      script.api('bank').on('POST /pay/{id}', ['(r|)', '-----(r|)', '(r|)', '(r|)'], { r: ok({ receipt: 'r' }) });
      script.api('post').on('PUT /letters', '-(r|)', { r: ok() });
      script.at(102, ({ broker }) => broker.cutConnections());
    });
    const last = recording.events.findLastIndex(({ kind }) => kind === 'settled');
    const torn = { ...recording, events: recording.events.slice(0, last) };
    const { leftOut, messages } = await replay(torn, [orders], everything);
    expect(messages).to.equal(1);
    expect(leftOut.map(({ messageId, why }) => `${messageId}: ${why}`)).to.deep.equal([
      'm-2: given back to the broker',
      'm-3: not settled when the recording ended',
    ]);

    const elsewhere = await replay(torn, [{ ...orders, name: 'others' }], everything);
    expect(elsewhere.leftOut[0]?.why).to.equal('their pipeline is not there any more');
    const named = await replay(torn, [orders], { ...everything, only: new Set(['m-9']) });
    expect(named.leftOut[0]?.why).to.equal('not asked for');
    expect(named.spec).to.deep.equal({ why: 'no message was replayed' });
  });

  it('holds no secret: not of a message, a request, a path, an answer or a result, nor does its spec', async () => {
    const echo = { ...orders, output: (_: unknown, { key }: { key: string }) => exchange('orders', `paid.${key}`) };
    const recording = recordedBy([echo as Pipeline], ({ api, deliver }) => {
      deliver(0, message(order(SECRET), { correlationId: `about ${SECRET}`, headers: { key: SECRET } }));
      api('bank').on('POST /pay/{id}', '-(r|)', { r: ok({ receipt: 'r', echo: SECRET }, { 'x-key': SECRET }) });
      api('post').on('PUT /letters', '-(r|)', { r: ok({ echo: [SECRET] }) });
    });
    expect(recording.events.filter(({ kind }) => kind === 'published')).to.have.length(1);
    expect(JSON.stringify(recording)).to.not.contain(SECRET);
    const replayed = await replay(recording, [echo as Pipeline], everything);
    expect(replayed.changed).to.deep.equal([]);
    expect(textOf(replayed)).to.not.contain(SECRET);
  });

  it('holds no secret that stands in a header alone: of a message, a request or an answer', async () => {
    const canary = 'canary-cookie-1123';
    const secrets = Object.fromEntries(
      ['authorization', 'cookie', 'x-api-key', 'x-tenant'].map((name) => [name, canary]),
    );
    const calling = definePipeline({
      name: 'calling',
      source: queue('calling'),
      input: z.object({ id: z.string() }),
      apis: { post },
      handle: ({ id }, { apis: { post: api } }) => api.put('/letters', { id }, { headers: secrets }),
    });
    const recording = recordedBy([calling], ({ api, deliver }) => {
      deliver(0, message({ id: 'a' }, { headers: secrets }));
      const answered = { ...secrets, 'set-cookie': canary, 'retry-after': '7', 'x-ratelimit-remaining': '3' };
      api('post').on('PUT /letters', '-(r|)', { r: ok({}, answered) });
    });
    const told = JSON.stringify(recording);
    expect(told).to.contain('"retry-after":"7"').and.contain('"x-ratelimit-remaining":"3"');
    expect(told).to.not.contain(canary);
    expect(textOf(await replay(recording, [calling], everything))).to.not.contain(canary);
  });

  it('holds no secret that a handle puts into a path by itself', async () => {
    const spliced = definePipeline({
      name: 'spliced',
      source: queue('spliced'),
      input: z.object({ key: z.string().meta({ secret: true }) }),
      apis: { post },
      handle: ({ key }, { apis: { post: api } }) => api.put(`/letters/${key}`, {}),
    });
    const recording = recordedBy([spliced], ({ api, deliver }) => {
      deliver(0, { key: SECRET });
      api('post').on('PUT /letters/{key}', '-(r|)', { r: ok() });
    });
    expect(recording.events.filter(({ kind }) => kind === 'called')).to.have.length(1);
    expect(JSON.stringify(recording)).to.not.contain(SECRET);
    const { changed } = await replay(recording, [spliced], everything);
    expect(changed).to.deep.equal([]);
  });

  describe('writes a spec', function specs() {
    this.timeout(120_000);

    it('that passes on the pipelines it was written from, and reads as what happened', async () => {
      const { spec } = await replay(recordedBy([replying], aDay), [replying], everything);
      const text = 'text' in spec ? spec.text : spec.why;
      expect(text).to.contain("api.bank.on('POST /pay/{id}', ['--(a|)', '-(b|)', '---(a|)']");
      expect(text).to.match(/expectSettled\( {2}'[^']+', \{\n {8}A: ack\(a\),\n {8}B: ack\(b\),/);
      const output = runSpec(text, { 'orders.ts': "export { replying as orders } from '../replayed.ts';" });
      expect(output, output).to.contain('1 passing');
    });

    it('also where more happens in a moment than a diagram can hold: at times that are rounded up', async () => {
      const crowded = definePipeline({
        name: 'crowded',
        source: queue('crowded'),
        input: z.object({ id: z.string() }),
        apis: { post },
        handle: ({ id }, { apis: { post: api } }) =>
          forkJoin(['x', 'y', 'z'].map((part) => api.put('/letters', { id, part }))).pipe(
            concatMap(() => api.put('/letters', { id, part: 'end' })),
            map(() => id),
          ),
        output,
      });
      const recording = recordedBy([crowded], ({ api, deliver }) => {
        deliver(3, { id: 'a' });
        api('post').on('PUT /letters', '-(r|)', { r: ok() });
      });
      const text = textOf(await replay(recording, [crowded], everything));
      expect(text).to.match(/expectCalls\( {4}'\(abc\) +-+d/);
      expect(text).to.contain("'----------(a|)'");
    });

    it('with advancing, of handles that wait for promises', async () => {
      const waiting = { ...orders, handle: async ({ id }: { readonly id: string }) => ({ id }) } as Pipeline;
      const recording = recordedBy([orders], (script) => {
        script.deliver(0, order('o-1'));
        script.api('bank').on('POST /pay/{id}', '--(r|)', { r: ok({ receipt: 'r' }) });
        script.api('post').on('PUT /letters', '-(r|)', { r: ok() });
      });
      const { changed, spec } = await replay(recording, [waiting], everything);
      expect(changed).to.have.length(1);
      expect('text' in spec ? spec.text : spec.why).to.contain('advancing(orders, async ({ deliver');
    });
  });
});
