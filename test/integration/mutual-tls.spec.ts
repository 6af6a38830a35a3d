/** A RabbitMQ that takes TLS with a client's certificate and nothing else: who the worker is, its certificate says. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connect } from 'amqplib';
import { expect } from 'chai';
import {
  type Certified,
  createTestAuthority,
  describeWithAuthority,
  type TestAuthority,
} from '../http/test-authority.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { describeWithOwnRabbitMq, type RabbitMq, startPrivateRabbitMq } from '../support/rabbitmq.ts';
import { consuming, startSluice, type WorkerProcess } from '../support/worker-process.ts';

const FLAKY = fileURLToPath(new URL('../fixtures/flaky', import.meta.url));

describeWithAuthority('certificates', (shared) =>
  describeWithOwnRabbitMq('a broker that asks for certificates', () => {
    let folder: string;
    let authority: TestAuthority;
    let broker: RabbitMq;
    let tlsPort: number;
    const started: WorkerProcess[] = [];
    const at = (name: string): string => join(folder, name);
    const write = (name: string, { cert, key }: Certified): void => {
      writeFileSync(at(`${name}.key`), key, { mode: 0o600 });
      writeFileSync(at(`${name}.pem`), cert);
    };

    before(async function startsABroker() {
      // An Erlang of its own for the broker, and for each of six commands.
      this.timeout(300_000);
      folder = mkdtempSync(join(tmpdir(), 'sluice-mutual-'));
      authority = shared();
      writeFileSync(at('ca.pem'), authority.ca);
      write('broker', authority.issue('localhost'));
      write('worker', authority.issue('worker-one'));
      tlsPort = await freePort();
      broker = await startPrivateRabbitMq({
        plugins: ['rabbitmq_auth_mechanism_ssl'],
        config: [
          `listeners.ssl.1 = 127.0.0.1:${tlsPort}`,
          `ssl_options.cacertfile = ${at('ca.pem')}`,
          `ssl_options.certfile = ${at('broker.pem')}`,
          `ssl_options.keyfile = ${at('broker.key')}`,
          'ssl_options.verify = verify_peer',
          'ssl_options.fail_if_no_peer_cert = true',
          'auth_mechanisms.1 = EXTERNAL',
          'auth_mechanisms.2 = PLAIN',
          'ssl_cert_login_from = common_name',
        ],
      });
      for (const user of ['worker-one', 'worker-two']) {
        await broker.control('add_user', user, 'nobody-logs-in-by-it');
        await broker.control('clear_password', user);
        await broker.control('set_permissions', user, '.*', '.*', '.*');
      }
    });
    afterEach(async () => {
      for (const worker of started.splice(0)) await worker.kill();
    });
    after(async () => {
      await broker?.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    const sluice = (args: readonly string[], environment: Readonly<Record<string, string>>): WorkerProcess => {
      const command = startSluice(args, {
        AMQP_URL: `amqps://localhost:${tlsPort}`,
        SLUICE_AMQP_CA_FILE: at('ca.pem'),
        ...environment,
      });
      started.push(command);
      return command;
    };
    const byCertificate = (name: string): Readonly<Record<string, string>> => ({
      SLUICE_AMQP_AUTH: 'external',
      SLUICE_AMQP_CERT_FILE: at(`${name}.pem`),
      SLUICE_AMQP_KEY_FILE: at(`${name}.key`),
    });
    const users = async (): Promise<readonly string[]> => {
      const told = await broker.control('--quiet', 'list_connections', 'user', '--no-table-headers');
      return [...new Set(told.split('\n').filter((user) => user.startsWith('worker')))];
    };

    it('S11: takes a worker by its certificate, without a password, and by its next one when that is replaced, without a restart', async function inItsTime() {
      this.timeout(120_000);
      const worker = sluice(['run', FLAKY], byCertificate('worker'));
      await consuming(worker, ['flaky']);
      expect(await users()).to.deep.equal(['worker-one']);

      write('worker', authority.issue('worker-two'));
      expect(await users(), 'a connection that stands').to.deep.equal(['worker-one']);
      await broker.control('close_all_connections', 'the certificates are replaced');
      await eventually(
        'the worker to be there under its new name',
        async () => (await users()).join() === 'worker-two',
        60_000,
      );
      // It works: a message that comes by one connection and goes by the other.
      const direct = await connect(broker.url);
      try {
        const channel = await direct.createConfirmChannel();
        channel.sendToQueue('flaky', Buffer.from('{"succeedsAt":"never"}'), { messageId: 'm1' });
        await channel.waitForConfirms();
        await worker.line(({ msg, messageId }) => msg === 'dead-lettered' && messageId === 'm1');
      } finally {
        await direct.close();
      }
      worker.signal('SIGTERM');
      expect(await worker.exit).to.equal(0);
    });

    it('S11: is not reached without a certificate, nor with one of a stranger, and the reason is told', async function inItsTime() {
      this.timeout(120_000);
      const stranger = createTestAuthority('stranger');
      write('stranger', stranger.issue('worker-one'));
      stranger.remove();
      const attempts: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
        ['no certificate', { AMQP_URL: `amqps://worker-one:canary@localhost:${tlsPort}` }],
        ['a stranger’s', byCertificate('stranger')],
      ];
      for (const [what, environment] of attempts) {
        const doctor = sluice(['doctor', FLAKY], { ...environment, NO_COLOR: '1' });
        expect(await doctor.exit, what).to.equal(1);
        const told = doctor.lines.map(({ text }) => text).join('\n');
        expect(told, what).to.match(/no connection to the broker: amqps:\/\/localhost:\d+\//);
        expect(told, what).to.match(/certificate|alert|EPROTO|ECONNRESET|closed/i);
        expect(told, what).not.to.include('SSL routines');
        expect(told, what).not.to.include('canary');
      }
    });

    it('S11: every command that asks the broker goes the same way', async function inItsTime() {
      this.timeout(120_000);
      write('worker', authority.issue('worker-one'));
      const doctor = sluice(['doctor', FLAKY], { ...byCertificate('worker'), NO_COLOR: '1' });
      expect(await doctor.exit).to.equal(0);
      expect(doctor.lines.map(({ text }) => text).join('\n')).to.match(/RabbitMQ \S+ at amqps:\/\/localhost/);
    });
  }),
);
