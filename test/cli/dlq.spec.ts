import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { createEmbeddedBroker } from '../../src/broker/embedded/embedded-broker.ts';
import { declarePair, idsIn, numbered, readyIn, seedLetters, takeAll } from '../support/dead-letters.ts';
import { eventually } from '../support/eventually.ts';
import { describeWithRabbitMq } from '../support/rabbitmq.ts';
import { deepTable, publishOddly, textValue } from '../support/undecodable.ts';
import { dlqCases, dlqTools } from './dlq-cases.ts';

describe('sluice dlq on the embedded broker', () => {
  const broker = createEmbeddedBroker();
  let url: string;
  before(async () => {
    ({ url } = await broker.start());
  });
  dlqCases(() => url);
  after(() => broker.stop());
});

describeWithRabbitMq('sluice dlq on RabbitMQ', (rabbitMq) => {
  const tools = dlqTools(() => rabbitMq().url);
  dlqCases(() => rabbitMq().url);

  it('B15: shows, rehearses, edits, retries and drops a letter with headers nobody can decode, and says what is missing', async () => {
    const { client, run } = tools();
    const odd = (): Promise<void> =>
      publishOddly(rabbitMq().port, 'letters.dead', '{"n":1}', { kept: textValue('yes'), deep: deepTable(9_000) });
    const note = 'headers that cannot be decoded were left out: "deep"';
    await odd();
    expect((await run(['ls', 'letters'])).text).to.include('letters.dead: 1 letter');
    const shown = await run(['show', 'letters', '--json']);
    expect(shown.text).to.include('"kept": "yes"').and.include(JSON.stringify(note));
    const folder = fileURLToPath(new URL('../fixtures/letters', import.meta.url));
    const rehearsed = await run(['retry', 'letters', '--all', '--dry-run', '--pipelines', folder]);
    expect(rehearsed.code).to.equal(0);
    expect(rehearsed.text).to.include('1 would be dead-lettered again').and.include('ERR_PAYLOAD_INVALID');
    expect(await readyIn(client, 'letters.dead')).to.equal(1);

    const edited = await run(['edit', 'letters', '--id', 'odd 7'], { EDITOR: `sed -i s/1/2/` });
    expect(edited.code).to.equal(0);
    expect((await run(['retry', 'letters', '--all'])).code).to.equal(0);
    const [message, ...others] = await takeAll(client, 'letters');
    expect(others).to.deep.equal([]);
    expect(String(message?.content)).to.equal('{"n":2}');
    expect(message?.properties.headers).to.include({ kept: 'yes', 'x-sluice-stripped': note });

    await odd();
    expect((await run(['drop', 'letters', '--all', '--yes'])).code).to.equal(0);
    expect(await readyIn(client, 'letters.dead')).to.equal(0);
  });
});

describe('sluice dlq', () => {
  const broker = createEmbeddedBroker();
  let url: string;
  before(async () => {
    ({ url } = await broker.start());
  });
  const tools = dlqTools(() => url);
  beforeEach(() => declarePair(tools().client, 'letters'));
  after(() => broker.stop());

  it('keeps to its rate', async () => {
    const { client, run } = tools();
    await seedLetters(client, 'letters', numbered(20));
    const startedAt = Date.now();
    expect((await run(['retry', 'letters', '--all', '--rate', '20/s'])).code).to.equal(0);
    expect(Date.now() - startedAt).to.be.at.least(950);
  });

  it('does not use letters up by looking: before the delivery limit of RabbitMQ 4 would delete them they count from 0 again', async () => {
    const { client, run } = tools();
    const limited = { durable: true, arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 20 } };
    await client.channel.deleteQueue('letters.dead');
    await client.channel.assertQueue('letters.dead', limited);
    await seedLetters(client, 'letters', numbered(3));
    const look = async (): Promise<void> => {
      for (let n = 0; n < 3; n++) await client.channel.get('letters.dead');
      await client.channel.recover();
      await eventually('they are back', async () => (await readyIn(client, 'letters.dead')) === 3);
    };
    for (let n = 0; n < 15; n++) await look();
    const { text } = await run(['ls', 'letters']);
    expect(text).to.include(
      '3 letters had been looked at so often that RabbitMQ 4 deletes them soon where a queue has no limit of its own',
    );
    for (let n = 0; n < 15; n++) await look();
    expect((await run(['ls', 'letters'])).text).to.include('letters.dead: 3 letters');
    expect(await idsIn(client, 'letters.dead')).to.have.members(['m0', 'm1', 'm2']);
  });

  it('lists the dead letters of every pipeline of the folder where no queue is named', async () => {
    const { client, run } = tools();
    await seedLetters(client, 'letters', numbered(2));
    const folder = fileURLToPath(new URL('../fixtures/letters', import.meta.url));
    const { code, text } = await run(['ls', '--pipelines', folder, '--json']);
    expect(code).to.equal(0);
    const { queues } = JSON.parse(text) as { queues: { queue: string; letters: number; groups: object[] }[] };
    expect(queues.map(({ queue, letters, groups }) => [queue, letters, groups.length])).to.deep.equal([
      ['letters.dead', 2, 1],
    ]);
    const absent = await run(['ls', 'nowhere']);
    expect([absent.code, absent.text]).to.deep.equal([
      1,
      'nowhere.dead: there is no such queue; a queue is asked for, not a pipeline or a folder: "sluice dlq ls" names those of ./pipelines, with --pipelines <folder> of another',
    ]);
    await client.channel.deleteQueue('letters.dead');
    const before = await run(['ls', '--pipelines', folder]);
    expect([before.code, before.text]).to.deep.equal([
      0,
      'letters.dead: there is no such queue; a worker declares it at its start',
    ]);
  });

  const wrong: readonly (readonly [readonly string[], string])[] = [
    [['retry', 'letters'], 'dlq: which letters? pass --all, or --id, --code, --stage, --fingerprint, --older-than'],
    [['retry', 'letters', '--all', '--code', 'x'], 'dlq: --all: stands alone'],
    [['retry', 'letters', '--all', '--rate', '5'], 'dlq: --rate: expected a number above 0 and its unit'],
    [['drop', 'letters', '--older-than', 'ages', '--yes'], 'dlq: --older-than: expected milliseconds'],
    [['ls', '--pipelines', 'nosuch'], 'folder nosuch: does not exist'],
    [
      ['retry', 'letters', '--all', '--dry-run', '--pipelines', 'test/fixtures/stuck'],
      'takes messages from queue "letters"; there are pipelines for transfers; --pipelines names another folder',
    ],
  ];
  for (const [args, message] of wrong) {
    it(`says what is wrong with "${args.join(' ')}", does nothing, and exits with 2`, async () => {
      const { code, text } = await tools().run(args);
      expect(code).to.equal(2);
      expect(text).to.include(message).and.include('Nothing was done.').and.not.include('    at ');
    });
  }

  it('asks for a broker where none is set, and names one that does not answer', async () => {
    const { run } = tools();
    const unset = await run(['ls', 'letters'], { AMQP_URL: '' });
    expect([unset.code, unset.text.split('\n')[0]]).to.deep.equal([
      2,
      '✗ environment: AMQP_URL: is not set; say which broker: amqp://user:password@host:5672/vhost, or the address that "sluice dev" and "sluice broker" print',
    ]);
    const away = await run(['ls', 'letters'], { AMQP_URL: 'amqp://ann:secret@127.0.0.1:1' });
    expect(away.code).to.equal(1);
    expect(away.text)
      .to.match(/^✗ no connection to the broker: amqp:\/\/127\.0\.0\.1:1\/: .*ECONNREFUSED/)
      .and.not.include('secret');
  });
});

describe('sluice dlq retry on a broker that refuses', () => {
  const broker = createEmbeddedBroker();
  let url: string;
  before(async () => {
    ({ url } = await broker.start());
  });
  const tools = dlqTools(() => url);
  beforeEach(() => declarePair(tools().client, 'letters'));
  after(() => broker.stop());

  it('acks no letter while its copy is not confirmed', async () => {
    const { client, sluice } = tools();
    await seedLetters(client, 'letters', numbered(30));
    broker.holdConfirms(true);
    const retrying = sluice(['retry', 'letters', '--all', '--rate', 'max']);
    await eventually('all are published', async () => (await readyIn(client, 'letters')) === 30);
    retrying.signal('SIGKILL');
    await retrying.exit;
    broker.holdConfirms(false);
    await eventually('all are back', async () => (await readyIn(client, 'letters.dead')) === 30);
  });

  it('keeps every letter whose copy the broker refuses', async () => {
    const { client, run } = tools();
    await seedLetters(client, 'letters', numbered(30));
    broker.nackNextConfirms(1_000);
    const { code, text } = await run(['retry', 'letters', '--all', '--rate', 'max']);
    expect(code).to.equal(1);
    expect(text).to.include('retried 0 of').and.include('✗ the broker refused a message for queue "letters"');
    await eventually('all are back', async () => (await readyIn(client, 'letters.dead')) === 30);
    expect(await idsIn(client, 'letters.dead')).to.have.members(numbered(30).map(({ id }) => id));
  });
});
