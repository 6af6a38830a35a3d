/** Two workers that share a journal in PostgreSQL: a schedule fires once for both, and a message is done once, whichever of them has it how often. */
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { migrate } from '../../src/journal/postgres/migrate.ts';
import { type BrokerClient, type Collector, connectClient } from '../support/broker-client.ts';
import { eventually } from '../support/eventually.ts';
import { describeWithPostgres } from '../support/postgres.ts';
import { describeWithRabbitMq } from '../support/rabbitmq.ts';
import { consuming, type LogLine, startSluice, type WorkerProcess } from '../support/worker-process.ts';

const DATABASE = 'shared_journal';
const TICKS = 4;
const WITHIN_MS = 60_000;

/** Charges as often as it is asked, and answers when it is told to. */
interface Bank {
  readonly url: string;
  /** Invoices in the order in which it was asked to charge them. */
  readonly charged: readonly string[];
  /** Whether requests are answered as they come, and how. */
  answers: number | 'later';
  answerAll(): void;
  stop(): void;
}

async function startBank(): Promise<Bank> {
  const charged: string[] = [];
  let waiting: ServerResponse[] = [];
  const answer = (response: ServerResponse, status: number): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
  };
  const server: Server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    request.on('end', () => {
      charged.push((JSON.parse(text) as { invoice: string }).invoice);
      if (bank.answers === 'later') waiting.push(response);
      else answer(response, bank.answers);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const bank: Bank = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    charged,
    answers: 200,
    answerAll() {
      for (const response of waiting) answer(response, 200);
      waiting = [];
    },
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
  return bank;
}

describeWithRabbitMq('two workers', (broker) => {
  describeWithPostgres('on one journal in PostgreSQL', (postgres) => {
    const workers: WorkerProcess[] = [];
    let client: BrokerClient;
    let results: Collector;
    let bank: Bank;

    before(async function start() {
      this.timeout(WITHIN_MS);
      const journalUrl = postgres().createDatabase(DATABASE);
      await migrate(journalUrl);
      bank = await startBank();
      client = await connectClient(broker().url);
      results = await client.collect('shared.out');
      for (let n = 0; n < 2; n++)
        workers.push(
          startSluice(['run', 'test/fixtures/shared-journal'], {
            AMQP_URL: broker().url,
            SLUICE_JOURNAL_URL: journalUrl,
            BANK_URL: bank.url,
            LOG_LEVEL: 'trace',
          }),
        );
      for (const worker of workers) await consuming(worker, ['payments']);
    });
    after(async () => {
      for (const worker of workers) await worker.kill();
      await client?.deleteQueues(['ticks.firings', 'ticks.firings.dead', 'payments.due', 'payments.due.dead']);
      await client?.close();
      bank?.stop();
    });

    /** Lines of a worker about a pipeline. */
    const linesOf = (worker: WorkerProcess, pipeline: string, msg: string): readonly LogLine[] =>
      worker.lines.filter((line) => line.pipeline === pipeline && line.msg === msg);
    const lines = (pipeline: string, msg: string): readonly LogLine[] =>
      workers.flatMap((worker) => linesOf(worker, pipeline, msg));
    const paid = (invoice: string) =>
      results.messages.filter(({ body }) => (body as { invoice?: string }).invoice === invoice);
    const charges = (invoice: string): number => bank.charged.filter((each) => each === invoice).length;
    const keys = (): number =>
      Number(
        postgres().psql(
          `SELECT count(*) FROM sluice_journal_entries WHERE space = 'dedupe' AND name = 'payments'`,
          DATABASE,
        ),
      );
    let sent = 0;
    /** Another message about the invoice, with an id of its own. */
    const send = (invoice: string): Promise<void> =>
      client.send('payments.due', { invoice }, { messageId: `m${++sent}` });

    it('fire once for each moment of a schedule', async function ticks() {
      this.timeout(2 * WITHIN_MS);
      const ticksTold = (): readonly string[] =>
        results.messages.filter(({ routingKey }) => routingKey === 'tick').map(({ body }) => String(body));
      await eventually('ticks', () => ticksTold().length >= TICKS, WITHIN_MS);
      const told = ticksTold();
      expect(told, 'each once, in order').to.deep.equal([...new Set(told)].sort());
      const delivered = lines('ticks', 'delivered').map(({ messageId }) => messageId);
      expect(delivered, 'messages of one moment').to.have.length(new Set(delivered).size);
      // A worker tells of it after the publish, and its lines come when they come: a result may be here before.
      const fed = (): number => lines('ticks', 'fed').reduce((sum, { messages }) => sum + Number(messages), 0);
      const deliveries = (): number => lines('ticks', 'delivered').length;
      await eventually(
        `as many fed as delivered, and the next: ${TICKS} at least`,
        () => fed() >= TICKS && fed() <= deliveries() + 1,
        WITHIN_MS,
      );
    });

    it('do a message once that both of them have in hand', async function duplicates() {
      this.timeout(2 * WITHIN_MS);
      bank.answers = 'later';
      const isWithBoth = (): boolean => workers.every((worker) => linesOf(worker, 'payments', 'delivered').length > 0);
      // Copies, until each of the workers has one.
      await eventually(
        'both have it',
        async () => {
          if (lines('payments', 'delivered').length === sent && !isWithBoth()) await send('i-1');
          return isWithBoth();
        },
        WITHIN_MS,
      );
      await eventually('it is charged', () => charges('i-1') > 0, WITHIN_MS);
      bank.answerAll();
      await eventually('all are done', () => lines('payments', 'done').length === sent, WITHIN_MS);
      expect(charges('i-1')).to.equal(1);
      expect(lines('payments', 'done').filter(({ reason }) => reason === 'it was done before')).to.have.length(
        sent - 1,
      );
      await eventually('each is answered', () => paid('i-1').length === sent, WITHIN_MS);

      bank.answers = 200;
      await send('i-1');
      await eventually('it is done again', () => lines('payments', 'done').length === sent, WITHIN_MS);
      expect(charges('i-1'), 'later').to.equal(1);
      expect(keys()).to.equal(1);
    });

    it('forget the key of a message that failed: whoever has the next does it', async function failures() {
      this.timeout(2 * WITHIN_MS);
      const before = keys();
      bank.answers = 422;
      await send('i-2');
      await eventually('it is dead-lettered', () => lines('payments', 'dead-lettered').length === 1, WITHIN_MS);
      await eventually('its key is gone', () => keys() === before, WITHIN_MS);
      bank.answers = 200;
      await send('i-2');
      await eventually('it is paid', () => paid('i-2').length > 0, WITHIN_MS);
      expect(charges('i-2')).to.equal(2);
      await send('i-2');
      await eventually('it is answered again', () => paid('i-2').length === 2, WITHIN_MS);
      expect(charges('i-2')).to.equal(2);
    });
  });
});
