/** `sluice dlq` as people run it, on whatever broker. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ConsumeMessage } from 'amqplib';
import { expect } from 'chai';
import { openDeadLetters } from '../../src/broker/amqp/open-dead-letters.ts';
import { type BrokerClient, connectClient } from '../support/broker-client.ts';
import { declarePair, idsIn, numbered, readyIn, seedLetters, takeAll } from '../support/dead-letters.ts';
import { eventually } from '../support/eventually.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { startSluice, type WorkerProcess } from '../support/worker-process.ts';

const LETTERS = fileURLToPath(new URL('../fixtures/letters', import.meta.url));

export interface DlqTools {
  readonly client: BrokerClient;
  sluice(args: readonly string[], environment?: Readonly<Record<string, string>>): WorkerProcess;
  /** Runs it to its end. */
  run(args: readonly string[], environment?: Readonly<Record<string, string>>): Promise<Run>;
}

export interface Run {
  readonly code: number | NodeJS.Signals;
  readonly text: string;
}

/** Tools for a suite: a client, and commands that do not outlive their test. */
export function dlqTools(url: () => string): () => DlqTools {
  const started: WorkerProcess[] = [];
  let tools: DlqTools | undefined;
  before(async () => {
    const sluice: DlqTools['sluice'] = (args, environment = {}) => {
      const command = startSluice(['dlq', ...args], { AMQP_URL: url(), ...environment });
      started.push(command);
      return command;
    };
    const run: DlqTools['run'] = async (args, environment) => {
      const command = sluice(args, environment);
      return { code: await command.exit, text: command.lines.map(({ text }) => text).join('\n') };
    };
    tools = { client: await connectClient(url()), sluice, run };
  });
  afterEach(async () => {
    for (const command of started.splice(0)) await command.kill();
  });
  after(async () => {
    await tools?.client.deleteQueues(['letters', 'letters.dead']);
    await tools?.client.close();
  });
  return () => {
    if (tools === undefined) throw new Error('the tools are there in hooks and tests');
    return tools;
  };
}

export function dlqCases(url: () => string): void {
  const tools = dlqTools(url);
  beforeEach(() => declarePair(tools().client, 'letters'));

  it('lists letters by code, stage and kind of message, and leaves them where they are', async () => {
    const { client, run } = tools();
    const hour = 3_600_000;
    const now = Date.now();
    await seedLetters(client, 'letters', [
      { id: 'a', code: 'ERR_HTTP_STATUS', message: 'stock POST /take: answered 422', lastFailedAt: now - 50 * hour },
      { id: 'b', code: 'ERR_HTTP_STATUS', message: 'stock POST /take: answered 422', lastFailedAt: now - 3 * hour },
      {
        id: 'c',
        code: 'ERR_PAYLOAD_INVALID',
        stage: 'validate',
        message: 'items.3: \u001b[2Jno',
        lastFailedAt: now - 5 * hour,
      },
    ]);
    const { code, text } = await run(['ls', 'letters']);
    expect(code).to.equal(0);
    expect(text.replace(/\b[0-9a-f]{8}\b/g, 'FFFFFFFF')).to.equal(
      [
        'letters.dead: 3 letters',
        '  LETTERS  CODE                 STAGE     FINGERPRINT  OLDEST  NEWEST  MESSAGE',
        '  2        ERR_HTTP_STATUS      handle    FFFFFFFF     2d      3h      stock POST /take: answered 422',
        '  1        ERR_PAYLOAD_INVALID  validate  FFFFFFFF     5h      5h      items.3: \\u{1b}[2Jno',
      ].join('\n'),
    );
    await eventually('they are back', async () => (await readyIn(client, 'letters.dead')) === 3);
    expect(await idsIn(client, 'letters.dead')).to.deep.equal(['a', 'b', 'c']);
  });

  it('shows a letter with its failure, its own headers and its content', async () => {
    const { client, run } = tools();
    await seedLetters(client, 'letters', [
      { id: 'a' },
      {
        id: 'b',
        body: Buffer.from('kůň\u0007'),
        message: 'no stock',
        headers: { tenant: 'blue' },
        lastFailedAt: Date.UTC(2026, 0, 2),
      },
    ]);
    const { code, text } = await run(['show', 'letters.dead', '--id', 'b']);
    expect(code).to.equal(0);
    expect(text.replace(/\([\ddhms]+ ago\)/g, '(AGO)').replace(/\b[0-9a-f]{8}\b/g, 'FFFFFFFF')).to.equal(
      [
        'b',
        '  error         ERR_PERMANENT in handle',
        '  message       no stock',
        '  fingerprint   FFFFFFFF',
        '  pipeline      letters',
        '  attempts      4',
        '  first failed  2026-01-01T23:59:00.000Z (AGO)',
        '  last failed   2026-01-02T00:00:00.000Z (AGO)',
        '  published to  exchange orders, routing key order.placed',
        '  correlation   b',
        '  type          application/json',
        '  header        tenant: blue',
        '  kůň\\u{7}',
        '',
      ].join('\n'),
    );
    const missing = await run(['show', 'letters', '--id', 'z', '--json']);
    expect([missing.code, missing.text]).to.deep.equal([
      1,
      '{\n  "queue": "letters.dead",\n  "looked": 2,\n  "letters": []\n}\n✗ no letter z in letters.dead, 2 letters looked at',
    ]);
  });

  it('says that a letter has details, the journal of a saga say, and shows them in full, its lines kept', async () => {
    const { client, run } = tools();
    const headers = { 'x-sluice-error-details': '1 opened\n2 charge: begun\u0007', tenant: 'blue' };
    await seedLetters(client, 'letters', [{ id: 'a', body: Buffer.from('kůň'), headers }]);
    const shown = async (...options: readonly string[]): Promise<string> => {
      const { text } = await run(['show', 'letters', ...options]);
      // The broker counts the first look.
      return text.slice(text.indexOf('  type')).replace('  header        x-delivery-count: 1\n', '');
    };
    const [before, after] = ['  type          application/json\n', '\n  header        tenant: blue\n  kůň\n'];
    expect(await shown()).to.equal(`${before}  details       25 characters; --full shows them${after}`);
    expect(await shown('--full')).to.equal(
      `${before}  details       1 opened\n                2 charge: begun\\u{7}${after}`,
    );
  });

  it('puts back into the queue what the filter asks for, with ids and bodies as they were, and nothing of the failure', async () => {
    const { client, run } = tools();
    await seedLetters(client, 'letters', [
      ...numbered(70, { code: 'ERR_A', body: { n: 1 }, headers: { tenant: 'blue' } }),
      { id: 'other', code: 'ERR_B' },
      { id: 'empty', code: 'ERR_C', body: Buffer.alloc(0), properties: { contentType: 'application/x-protobuf' } },
    ]);
    expect((await run(['retry', 'letters', '--code', 'ERR_C'])).code).to.equal(0);
    const [empty] = await takeAll(client, 'letters');
    expect([empty?.content.byteLength, empty?.properties.contentType]).to.deep.equal([0, 'application/x-protobuf']);
    const { code, text } = await run(['retry', 'letters', '--code', 'ERR_A', '--rate', 'max', '--json']);
    expect([code, JSON.parse(text)]).to.deep.equal([
      0,
      {
        queue: 'letters.dead',
        workQueue: 'letters',
        letters: 71,
        looked: 71,
        matched: 70,
        retried: 70,
        inDoubt: 0,
        unsendable: 0,
        renewed: 0,
        isCutShort: false,
      },
    ]);
    await eventually('the other is back', async () => (await readyIn(client, 'letters.dead')) === 1);
    expect(await idsIn(client, 'letters.dead')).to.deep.equal(['other']);
    const back = await takeAll(client, 'letters');
    expect(back.map(({ properties }) => properties.messageId)).to.have.members(numbered(70).map(({ id }) => id));
    expect(back[0]?.content.toString()).to.equal('{"n":1}');
    const { 'x-sluice-dlq-look': look, ...headers } = back[0]?.properties.headers ?? {};
    expect(look).to.match(/^[\da-f-]{36}$/);
    expect(headers).to.deep.equal({
      tenant: 'blue',
      'x-sluice-exchange': 'orders',
      'x-sluice-routing-key': 'order.placed',
      'x-sluice-dlq-retries': 1,
    });
  });

  it('puts back each letter once, though urgent ones fail again at once and overtake the others', async () => {
    const { client, run } = tools();
    const urgent = Array.from({ length: 10 }, (_, n) => ({ id: `urgent${n}`, properties: { priority: 9 } }));
    await seedLetters(client, 'letters', [...numbered(80), ...urgent]);
    const tries: string[] = [];
    const fail = (message: ConsumeMessage | null): void => {
      if (message === null) return;
      const { messageId, priority, headers } = message.properties;
      tries.push(String(messageId));
      // As the engine does: what the letter carries, its priority among that.
      client.channel.sendToQueue('letters.dead', message.content, {
        messageId: String(messageId),
        headers,
        ...(priority === undefined ? {} : { priority: Number(priority) }),
      });
      client.channel.ack(message);
    };
    const { consumerTag } = await client.channel.consume('letters', fail);
    const { code, text } = await run(['retry', 'letters', '--all', '--rate', '200/s', '--json']);
    expect(code, text).to.equal(0);
    expect(JSON.parse(text)).to.include({ looked: 90, matched: 90, retried: 90 });
    await eventually('all have failed again', async () => (await readyIn(client, 'letters.dead')) === 90);
    await client.channel.cancel(consumerTag);
    expect(tries.toSorted()).to.deep.equal([...numbered(80), ...urgent].map(({ id }) => id).toSorted());
  });

  it('loses nothing where the work queue is gone, and says so', async () => {
    const { client, run } = tools();
    await seedLetters(client, 'letters', numbered(20));
    await client.channel.deleteQueue('letters');
    const { code, text } = await run(['retry', 'letters', '--all', '--rate', 'max']);
    expect(code).to.equal(1);
    expect(text).to.include('✗ queue "letters" does not exist');
    await eventually('all are back', async () => (await readyIn(client, 'letters.dead')) === 20);
    await declarePair(client, 'letters');
  });

  it('asks for queues: who gives a pipeline is told so', async () => {
    const { run } = tools();
    for (const args of [
      ['show', 'nosuch'],
      ['retry', 'nosuch', '--all'],
    ]) {
      const { code, text } = await run(args);
      expect(code).to.equal(1);
      expect(text).to.include(
        '✗ queue "nosuch.dead" does not exist; a queue is asked for, not a pipeline or a folder: "sluice dlq ls" names those of ./pipelines, with --pipelines <folder> of another',
      );
      expect(text).to.not.include('none is among those asked for');
    }
  });

  it('stops on SIGINT with what is under way done, and leaves the rest, exit code 3', async () => {
    const { client, sluice } = tools();
    await seedLetters(client, 'letters', numbered(200));
    const retrying = sluice(['retry', 'letters', '--all', '--rate', '50/s', '--json']);
    await eventually('it has begun', async () => (await readyIn(client, 'letters')) >= 3);
    retrying.signal('SIGINT');
    expect(await retrying.exit).to.equal(3);
    const { retried } = JSON.parse(retrying.lines.map(({ text }) => text ?? '').join('') || '{}') as {
      retried: number;
    };
    const isAll = async () => (await readyIn(client, 'letters')) + (await readyIn(client, 'letters.dead')) === 200;
    await eventually('all are somewhere', isAll);
    expect(await readyIn(client, 'letters')).to.equal(retried);
  });

  it('leaves each letter in one place or in both when it is killed, and ends the work when it is run again', async () => {
    const { client, sluice, run } = tools();
    const ids = numbered(500).map(({ id }) => id);
    await seedLetters(client, 'letters', numbered(500));
    const retrying = sluice(['retry', 'letters', '--all', '--rate', '100/s']);
    await eventually('it is in the middle', async () => (await readyIn(client, 'letters')) >= 60);
    retrying.signal('SIGKILL');
    expect(await retrying.exit).to.equal('SIGKILL');
    await eventually('the broker has noticed', async () => {
      const [work, dead] = [await readyIn(client, 'letters'), await readyIn(client, 'letters.dead')];
      return work + dead >= 500 && (await client.channel.checkQueue('letters.dead')).consumerCount === 0;
    });
    const work = await readyIn(client, 'letters');
    expect(work).to.be.below(500);
    expect(work + (await readyIn(client, 'letters.dead')) - 500).to.be.at.most(100);

    // The broker takes its time to put back what the dead process held.
    const counts = new Map<string, number>();
    const retryAgain = async (): Promise<boolean> => {
      expect((await run(['retry', 'letters', '--all', '--rate', 'max'])).code).to.equal(0);
      for (const id of await idsIn(client, 'letters')) counts.set(id, (counts.get(id) ?? 0) + 1);
      return counts.size === 500 && (await readyIn(client, 'letters.dead')) === 0;
    };
    await eventually('all are where they can be worked on', retryAgain);
    expect([...counts.keys()]).to.have.members(ids);
    expect(Math.max(...counts.values())).to.be.at.most(2);
  });

  it('loses nothing when its connection is cut, and says why it ended', async () => {
    const { client, sluice } = tools();
    await seedLetters(client, 'letters', numbered(300));
    const proxy = await startTcpProxy(Number(new URL(url()).port || 5672));
    const through = new URL(url());
    through.port = String(proxy.port);
    const retrying = sluice(['retry', 'letters', '--all', '--rate', '300/s'], { AMQP_URL: through.href });
    await eventually('it is in the middle', async () => (await readyIn(client, 'letters')) >= 20);
    proxy.cut();
    expect(await retrying.exit).to.equal(1);
    expect(retrying.lines.at(-1)?.text).to.match(/^✗ .*(ECONNRESET|connection|closed)/);
    await proxy.stop();
    await eventually('all are somewhere', async () => {
      return (await readyIn(client, 'letters')) + (await readyIn(client, 'letters.dead')) >= 300;
    });
    const all = new Set([...(await idsIn(client, 'letters')), ...(await idsIn(client, 'letters.dead'))]);
    expect(all.size).to.equal(300);
  });

  it('drops what was asked for with --yes alone, and nothing without', async () => {
    const { client, run } = tools();
    await seedLetters(client, 'letters', [...numbered(5, { stage: 'decode' }), { id: 'other' }]);
    const misspelt = await run(['show', 'letters', '--stage', 'decoded']);
    expect([misspelt.code, misspelt.text.split('\n')[0]]).to.deep.equal([
      2,
      '✗ dlq: --stage: expected decode, validate, slot, handle, output, publish, broker or -, got "decoded"',
    ]);
    const refused = await run(['drop', 'letters', '--stage', 'decode']);
    expect([refused.code, refused.text.split('\n')[0]]).to.deep.equal([
      2,
      '✗ dlq: --yes: is needed where there is no terminal to ask on',
    ]);
    const dropped = await run(['drop', 'letters', '--stage', 'decode', '--yes']);
    expect([dropped.code, dropped.text]).to.deep.equal([
      0,
      'letters.dead: dropped 5 of 5 asked for, 6 letters looked at',
    ]);
    await eventually('the other is back', async () => (await readyIn(client, 'letters.dead')) === 1);
    expect(await idsIn(client, 'letters.dead')).to.deep.equal(['other']);
  });

  it('fails where a letter that is named is not there, and not where conditions fit none', async () => {
    const { client, run } = tools();
    await seedLetters(client, 'letters', [{ id: 'a', code: 'ERR_A' }]);
    const none = 'none is among those asked for, 1 letter looked at';
    for (const [line, code, text] of [
      ['show letters --code ERR_Z', 0, `letters.dead: ${none}`],
      ['retry letters --code ERR_Z', 0, `letters.dead → letters: ${none}`],
      ['drop letters --code ERR_Z --yes', 0, `letters.dead: ${none}`],
      ['drop letters --id a --code ERR_Z --yes', 0, `letters.dead: ${none}`],
      ['retry letters --id z', 1, `letters.dead → letters: ${none}\n✗ no letter z in letters.dead`],
      ['edit letters --id z', 1, '✗ no letter z in letters.dead'],
      ['drop letters --id z --yes', 1, `letters.dead: ${none}\n✗ no letter z in letters.dead`],
      [
        'drop letters --id a --id z --yes',
        1,
        'letters.dead: dropped 1 of 1 asked for, 1 letter looked at\n✗ no letter z in letters.dead',
      ],
    ] as const) {
      await eventually('the letter is back', async () => (await readyIn(client, 'letters.dead')) === 1);
      const ran = await run(line.split(' '), { EDITOR: 'true' });
      expect([ran.code, ran.text], line).to.deep.equal([code, text]);
    }
    expect((await run(['ls', 'letters'])).text).to.equal('letters.dead: no letters');
  });

  it('leaves a letter that AMQP cannot carry anew where it lies, and looks at the others', async () => {
    const { client, run } = tools();
    // Its headers leave no room for a message id and for where it came from.
    const office = await openDeadLetters({ urls: [url()], random: Math.random });
    const message = { exchange: '', routingKey: 'letters.dead', body: Buffer.from('{}'), properties: {} };
    await office.publish({ ...message, headers: { pad: 'x'.repeat(69_560) } });
    await office.close();
    await seedLetters(client, 'letters', [{ id: 'other' }]);
    for (let look = 0; look < 16; look++) {
      for (const taken of [await client.channel.get('letters.dead'), await client.channel.get('letters.dead')])
        if (taken !== false) client.channel.nack(taken, false, true);
      await eventually('both are back', async () => (await readyIn(client, 'letters.dead')) === 2);
    }
    const listed = await run(['ls', 'letters']);
    expect(listed.text).to.match(/^letters\.dead: 2 letters/);
    expect(listed.code).to.equal(0);
    await eventually('both are back', async () => (await readyIn(client, 'letters.dead')) === 2);
    const retried = await run(['retry', 'letters', '--id', 'other']);
    expect([retried.code, retried.text]).to.deep.equal([
      0,
      'letters.dead → letters: retried 1 of 1 asked for, 2 letters looked at',
    ]);
    expect(await readyIn(client, 'letters.dead')).to.equal(1);
  });

  describe('of a message that failed twice, before and after a retry', () => {
    const twice = [{ id: 'twice' }, { id: 'twice', headers: { 'x-sluice-dlq-retries': 1 } }];

    it('drops all letters', async () => {
      const { client, run } = tools();
      await seedLetters(client, 'letters', twice);
      const dropped = await run(['drop', 'letters', '--all', '--yes']);
      expect([dropped.code, dropped.text]).to.deep.equal([
        0,
        'letters.dead: dropped 2 of 2 asked for, 2 letters looked at',
      ]);
      expect(await readyIn(client, 'letters.dead')).to.equal(0);
    });

    it('retries all letters: the one that had been retried is not back from this retry', async () => {
      const { client, run } = tools();
      await seedLetters(client, 'letters', twice);
      const retried = await run(['retry', 'letters', '--all']);
      expect([retried.code, retried.text]).to.deep.equal([
        0,
        'letters.dead → letters: retried 2 of 2 asked for, 2 letters looked at',
      ]);
    });
  });

  it('drops many at once for good', async () => {
    const { client, run } = tools();
    await seedLetters(client, 'letters', numbered(500));
    const dropped = await run(['drop', 'letters', '--all', '--yes']);
    expect([dropped.code, dropped.text]).to.deep.equal([
      0,
      'letters.dead: dropped 500 of 500 asked for, 500 letters looked at',
    ]);
    expect((await run(['ls', 'letters'])).text).to.equal('letters.dead: no letters');
  });

  describe('edit', () => {
    let folder: string;
    const editor = async (script: string): Promise<Record<string, string>> => {
      const file = join(folder, 'editor.sh');
      await writeFile(file, `#!/bin/sh\n${script}\n`, { mode: 0o700 });
      return { EDITOR: `sh ${file}`, TMPDIR: folder };
    };
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'sluice-edit-'));
    });
    afterEach(() => rm(folder, { recursive: true }));

    it('changes the body of one letter, keeps its id, and remembers what it was', async () => {
      const { client, run } = tools();
      await seedLetters(client, 'letters', [{ id: 'a', body: { n: 1 } }, { id: 'b' }]);
      const edited = await run(['edit', 'letters', '--id', 'a'], await editor(`echo '{"n":2}' > "$1"`));
      expect([edited.code, edited.text]).to.deep.equal([
        0,
        'a: changed; sluice dlq retry letters --id a sends it on its way',
      ]);
      await eventually('both are back', async () => (await readyIn(client, 'letters.dead')) === 2);
      const letter = (await takeAll(client, 'letters.dead')).find(({ properties }) => properties.messageId === 'a');
      expect(JSON.parse(String(letter?.content))).to.deep.equal({ n: 2 });
      expect(letter?.properties.headers?.['x-sluice-error-code']).to.equal('ERR_PERMANENT');
      const [before] = (letter?.properties.headers?.['x-sluice-dlq-edits'] ?? []) as Record<string, unknown>[];
      expect(before).to.deep.include({ bytes: 7, body: '{"n":1}' });
    });

    it('says which editor cannot be run, and asks for one where there is none and no terminal', async () => {
      const { client, run } = tools();
      await seedLetters(client, 'letters', [{ id: 'a' }]);
      const unknown = await run(['edit', 'letters', '--id', 'a'], { EDITOR: 'no-such-editor -w', TMPDIR: folder });
      expect(unknown.code).to.equal(1);
      expect(unknown.text).to.include(
        '✗ the editor no-such-editor -w cannot be run; set VISUAL or EDITOR to one that can; the letter is as it was',
      );
      const unset = await run(['edit', 'letters', '--id', 'a'], { EDITOR: '', VISUAL: '' });
      expect([unset.code, unset.text.split('\n')[0]]).to.deep.equal([
        2,
        '✗ dlq: which editor? set VISUAL or EDITOR: there is no terminal to open vi on',
      ]);
    });

    it('says of a letter of another format what it is, and opens nothing: with bytes or without', async () => {
      const { client, run } = tools();
      const ofType = (contentType: string, more: object = {}) => ({ properties: { contentType, ...more } });
      await seedLetters(client, 'letters', [
        { id: 'none', body: Buffer.alloc(0), ...ofType('application/x-protobuf') },
        { id: 'some', body: Buffer.of(8, 1), ...ofType('application/x-protobuf', { contentEncoding: 'identity' }) },
        { id: 'empty', body: Buffer.alloc(0) },
      ]);
      const write = await editor(`echo '{"n":2}' > "$1"`);
      const edit = async (id: string): Promise<unknown> => {
        const { code, text } = await run(['edit', 'letters', '--id', id], write);
        return [code, text];
      };
      expect(await edit('none')).to.deep.equal([
        1,
        `✗ the body of letter none is no text, but 0 bytes of application/x-protobuf`,
      ]);
      expect(await edit('some')).to.deep.equal([
        1,
        `✗ the body of letter some is no text, but 2 bytes of application/x-protobuf (identity)`,
      ]);
      // Where JSON is expected, no bytes are what is wrong with it.
      expect(await edit('empty')).to.have.property('0', 0);
      const shown = await run(['show', 'letters', '--id', 'none']);
      expect(shown.text).to.include('(0 bytes that are no text; --json has them in base64)');
    });

    it('leaves the letter alone where nothing was changed, the editor failed, or the text is no JSON', async () => {
      const { client, run } = tools();
      await seedLetters(client, 'letters', [{ id: 'a', body: { n: 1 } }]);
      const same = await run(['edit', 'letters', '--id', 'a'], await editor('true'));
      expect([same.code, same.text]).to.deep.equal([0, 'a: not changed']);
      const broken = await run(['edit', 'letters', '--id', 'a'], await editor('exit 3'));
      expect([broken.code, broken.text]).to.deep.equal([
        1,
        '✗ the editor ended with exit code 3; the letter is as it was',
      ]);
      const bad = await run(['edit', 'letters', '--id', 'a'], await editor('printf "{n" > "$1"'));
      expect(bad.code).to.equal(1);
      const [, file = ''] = /your text is in (.*)$/.exec(bad.text) ?? [];
      expect(await readFile(file, 'utf8')).to.equal('{n');
      await eventually('it is back', async () => (await readyIn(client, 'letters.dead')) === 1);
      expect((await takeAll(client, 'letters.dead')).map(({ content }) => content.toString())).to.deep.equal([
        '{"n":1}',
      ]);
    });
  });

  it('rehearses letters against the code as it is now, without a call, a result or a settlement', async () => {
    const { client, run } = tools();
    const ends = (end: string, n: number) => ({ id: `${end}${n}`, body: { n, ends: end } });
    await seedLetters(client, 'letters', [
      ends('called', 1),
      ends('called', 2),
      ends('done', 3),
      ends('refused', 4),
      ends('refused', 5),
      ends('never', 6),
      { id: 'invalid', body: { n: 'x', ends: 'done' } },
      { id: 'no-json', body: Buffer.from('{') },
    ]);
    const { code, text } = await run(['retry', 'letters', '--all', '--dry-run', '--pipelines', LETTERS]);
    expect(code).to.equal(0);
    expect(text).to.equal(
      [
        'letters.dead against pipeline letters as it is now; no API was called, nothing published or settled',
        '3 of 8 would now be accepted, as far as that is known without calling an API',
        '  1 letter: to the end, without a call',
        '  2 letters: up to a first call, whose answer is not known: stock POST /take/{n}',
        '4 would be dead-lettered again',
        '  2 letters: handle ERR_PERMANENT order 4 is not for us',
        '  1 letter: validate ERR_PAYLOAD_INVALID message does not fit its schema: n: Invalid input: expected number, re…',
        '  1 letter: decode ERR_PAYLOAD_INVALID body is not JSON (at position 1)',
        '1 came neither to an end nor to a call within 2 s: not known',
      ].join('\n'),
    );
    await eventually('all are back', async () => (await readyIn(client, 'letters.dead')) === 8);
    expect(await readyIn(client, 'letters')).to.equal(0);
  });
}
