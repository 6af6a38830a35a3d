/** Partitions end to end: three real workers on a real broker, one killed, one stopped, others started; a journal outside of them tells the order. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { type BrokerClient, connectClient } from '../support/broker-client.ts';
import { eventually } from '../support/eventually.ts';
import { describeWithRabbitMq } from '../support/rabbitmq.ts';
import { consuming, startSluice, type WorkerProcess } from '../support/worker-process.ts';

const ACCOUNTS = 40;
const WITHIN_MS = 60_000;

interface Posting {
  readonly account: string;
  readonly n: number;
}

describeWithRabbitMq('partitions and their workers', (broker) => {
  let client: BrokerClient;
  let journal: Server;
  const written: (Posting & { readonly worker: number })[] = [];
  const workers: WorkerProcess[] = [];

  const startWorker = async (): Promise<WorkerProcess> => {
    const { port } = journal.address() as AddressInfo;
    const worker = startSluice(['run', 'test/fixtures/partitions'], {
      AMQP_URL: broker().url,
      PARTITIONS_JOURNAL_URL: `http://127.0.0.1:${port}/`,
    });
    workers.push(worker);
    await consuming(worker, ['postings']);
    return worker;
  };
  /** Of one worker: which partitions it was told to leave to others. */
  const handedOver = ({ lines }: WorkerProcess): readonly unknown[] =>
    lines.filter(({ msg }) => msg?.startsWith('more than a fair share')).map(({ queue }) => queue);

  before(async function () {
    this.timeout(WITHIN_MS);
    client = await connectClient(broker().url);
    journal = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => {
        written.push({ ...(JSON.parse(body) as Posting), worker: Number(request.headers['x-worker']) });
        response.writeHead(204).end();
      });
    });
    await new Promise<void>((resolve) => journal.listen(0, '127.0.0.1', resolve));
  });
  after(async () => {
    for (const worker of workers) await worker.kill();
    journal?.close();
    const partitions = Array.from({ length: 8 }, (_, index) => `postings.${index}`);
    await client?.deleteQueues([...partitions, 'postings.dead', 'postings.workers']);
    await client?.channel.deleteExchange('postings');
    await client?.close();
  });

  it('are shared with a worker that comes later, before any message does', async function () {
    this.timeout(2 * WITHIN_MS);
    const both = [await startWorker(), await startWorker()] as const;
    await eventually(
      () => `the first has left half of them: ${JSON.stringify(both.map(handedOver))}`,
      () => handedOver(both[0]).length === 4,
      WITHIN_MS,
    );
    for (let account = 0; account < ACCOUNTS; account++)
      client.channel.publish('postings', `a${account}`, Buffer.from(JSON.stringify({ account: `a${account}`, n: 1 })));
    await eventually(
      () => `${ACCOUNTS} postings; there are ${written.length}`,
      () => written.length === ACCOUNTS,
      WITHIN_MS,
    );
    expect(new Set(written.map(({ worker }) => worker))).to.deep.equal(new Set(both.map(({ pid }) => pid)));
    for (const worker of both) {
      worker.signal('SIGTERM');
      expect(await worker.exit).to.equal(0);
    }
    written.length = 0;
  });

  it('keep each key in order over the fleet, whoever is killed, stopped or started', async function () {
    this.timeout(3 * WITHIN_MS);
    const [first, second] = [await startWorker(), await startWorker()];
    await startWorker();
    let isOver = false;
    let rounds = 0;
    const publishing = (async () => {
      for (let n = 1; !isOver; n++) {
        rounds = n;
        for (let account = 0; account < ACCOUNTS; account++)
          client.channel.publish(
            'postings',
            `a${account}`,
            Buffer.from(JSON.stringify({ account: `a${account}`, n })),
            {
              contentType: 'application/json',
              persistent: true,
              mandatory: true,
              messageId: `a${account}-${n}`,
            },
          );
        await client.channel.waitForConfirms();
        // At the pace of the workers: the first ones share out what they have while there is something to share.
        await eventually('the workers keep up', () => written.length >= (n - 3) * ACCOUNTS, WITHIN_MS);
      }
    })();
    await eventually(
      () => `the first has left partitions to others: ${JSON.stringify([rounds, workers.map(handedOver)])}`,
      () => handedOver(first).length >= 3,
      WITHIN_MS,
    );
    first.signal('SIGKILL');
    await startWorker();
    second.signal('SIGTERM');
    expect(await second.exit).to.equal(0);
    await startWorker();
    isOver = true;
    await publishing;

    const expected = ACCOUNTS * rounds;
    const done = (): number => new Set(written.map(({ account, n }) => `${account}-${n}`)).size;
    await eventually(
      () => `${expected} postings; there are ${done()}`,
      () => done() === expected,
      WITHIN_MS,
    );

    const last = new Map<string, number>();
    for (const { account, n } of written) {
      // After a kill messages come again from one of them on, in order: none is ever skipped.
      expect(n, account).to.be.within(1, (last.get(account) ?? 0) + 1);
      last.set(account, n);
    }
    const repeated = written.length - expected;
    expect(repeated, 'only what the killed worker had out comes again').to.be.at.most(8 * 20);
  });
});
