/** A worker and a front door whose schema has a pattern that backtracks, and messages that are made for it. */
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { createEmbeddedBroker } from '../../src/broker/embedded/embedded-broker.ts';
import { TOO_SLOW } from '../../src/message/parse-now.ts';
import { type BrokerClient, connectClient } from '../support/broker-client.ts';
import { eventually } from '../support/eventually.ts';
import { consuming, startSluice, type WorkerProcess } from '../support/worker-process.ts';

const fixture = fileURLToPath(new URL('../fixtures/backtracking', import.meta.url));
const KEY = 'shop-key-0123456789';
/** Without a watch it is tried for longer than anybody waits. */
const bomb = { items: [{ sku: `${'a'.repeat(60)}!` }] };
const sound = { items: [{ sku: 'aaa' }] };
/** Its prefetch, by default: they may all come in one turn of the event loop. */
const AT_ONCE = 128;
/** What a broker and a probe put up with. */
const BEARABLE_MS = 15_000;

describe('messages made for a pattern that backtracks', function () {
  this.timeout(120_000);
  const broker = createEmbeddedBroker();
  let environment: Record<string, string>;
  let client: BrokerClient;
  let run: WorkerProcess | undefined;
  before(async () => {
    const { url } = await broker.start();
    environment = { AMQP_URL: url, SHOP_KEY: KEY, SLUICE_DOOR_PORT: '0' };
    client = await connectClient(url);
  });
  afterEach(() => run?.kill());
  after(async () => {
    await client.close();
    await broker.stop();
  });

  it('B14: are dead-lettered with the reason, as many as a worker takes at once, while it keeps its connection and answers probes', async () => {
    run = startSluice(['run', fixture], environment);
    const { dashboard } = await run.line(({ msg }) => msg === 'sluice is starting');
    await consuming(run, ['backtracking']);
    let slowestMs = 0;
    let isOver = false;
    const probe = () => fetch(`${String(dashboard)}/livez`);
    const probing = (async () => {
      while (!isOver) {
        const beganMs = performance.now();
        await probe();
        slowestMs = Math.max(slowestMs, performance.now() - beganMs);
      }
    })();
    await Promise.all(Array.from({ length: AT_ONCE }, () => client.send('backtracking', bomb)));
    await client.send('backtracking', sound, { messageId: 'behind' });
    await run.line(({ msg, messageId }) => msg === 'done' && messageId === 'behind');
    await eventually(
      'all the others are dead letters',
      async () => (await client.channel.checkQueue('backtracking.dead')).messageCount === AT_ONCE,
    );
    isOver = true;
    await probing;
    expect((await probe()).status).to.equal(200);
    expect(slowestMs).to.be.below(BEARABLE_MS);
    for (const { blockedMs } of run.lines.filter(({ msg }) => msg?.startsWith('the event loop was blocked')))
      expect(blockedMs).to.be.below(BEARABLE_MS);
    expect(run.lines.filter(({ msg }) => msg === 'connected to the broker again')).to.deep.equal([]);
    const [letter] = await client.drain('backtracking.dead');
    expect(letter?.headers).to.include({
      'x-sluice-error-code': 'ERR_PAYLOAD_INVALID',
      'x-sluice-error-message': `message does not fit its schema: ${TOO_SLOW}`,
    });
  });

  for (const [title, args] of [
    ['beside a worker', ['run', fixture]],
    ['alone', ['serve', fixture, '--port', '0']],
  ] as const)
    it(`B14: are refused by the front door ${title}, which takes others`, async () => {
      run = startSluice(args, environment);
      const { url } = await run.line(({ msg }) => msg === 'the front door is open');
      const { patterns } = await run.line(
        ({ msg }) => msg?.startsWith('a pattern of a schema may have ever more to try') === true,
      );
      expect(patterns).to.deep.equal(['backtracking: input.items[].sku /^(a+)+$/']);
      const post = async (body: object) => {
        const headers = { 'content-type': 'application/json', 'x-api-key': KEY, prefer: 'respond-async' };
        const answer = await fetch(`${String(url)}/backtracking`, {
          method: 'POST',
          body: JSON.stringify(body),
          headers,
        });
        return [answer.status, await answer.json()] as const;
      };
      await eventually('it is connected', async () => (await post(sound))[0] === 202);
      const [status, body] = await post(bomb);
      expect(status).to.equal(422);
      expect(body).to.deep.include({
        type: 'urn:sluice:problem:body-invalid',
        errors: [{ path: '', message: TOO_SLOW }],
      });
      expect((await post(sound))[0]).to.equal(202);
    });
});
