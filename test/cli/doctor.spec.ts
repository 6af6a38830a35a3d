/** `sluice doctor` and `sluice topology` against a RabbitMQ of their own: what is said of a broker has to be true of it. */
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { z } from 'zod';
import { openDeclarer } from '../../src/broker/amqp/open-declarer.ts';
import { openInspection } from '../../src/broker/amqp/open-inspection.ts';
import { partitioned } from '../../src/broker/partitioned.ts';
import type { Permissions } from '../../src/broker/permissions.ts';
import { type QueueOptions, queue } from '../../src/broker/queue.ts';
import { sourceTopology } from '../../src/broker/source-topology.ts';
import { examine } from '../../src/cli/doctor/examine.ts';
import type { CheckName, Finding } from '../../src/cli/doctor/finding.ts';
import { findingsOfVersion } from '../../src/cli/doctor/version-rules.ts';
import { TopologyError } from '../../src/errors.ts';
import { definePipeline } from '../../src/pipeline/define-pipeline.ts';
import type { Pipeline } from '../../src/pipeline/pipeline.ts';
import { loadPipelines } from '../../src/worker/load-pipelines.ts';
import { neededPermissions } from '../../src/worker/needed-permissions.ts';
import { neededTopology } from '../../src/worker/needed-topology.ts';
import { createTestBroker } from '../broker/amqp/rabbitmq-under-test.ts';
import { done, outcomeOf } from '../contract/broker-port.ts';
import { type BrokerClient, connectClient } from '../support/broker-client.ts';
import { type Management, managementOf } from '../support/management.ts';
import { describeWithOwnRabbitMq, type RabbitMq, startPrivateRabbitMq } from '../support/rabbitmq.ts';
import { isFrom, versionAt } from '../support/rabbitmq-version.ts';
import { consuming, startSluice, type WorkerProcess } from '../support/worker-process.ts';

const FLAKY = fileURLToPath(new URL('../fixtures/flaky', import.meta.url));
const MINUTE = 60_000;

const pipelineOn = (name: string, options: QueueOptions = {}, publishes: readonly string[] = []): Pipeline =>
  definePipeline({ name, source: queue(name, options), input: z.unknown(), publishes, handle: () => [] });

describeWithOwnRabbitMq('a broker that is looked at for its pipelines', () => {
  let broker: RabbitMq;
  let management: Management;
  let flaky: readonly Pipeline[];
  const started: WorkerProcess[] = [];
  const clients: BrokerClient[] = [];
  let vhosts = 0;

  before(async function allowForBusyMachines() {
    this.timeout(2 * MINUTE);
    broker = await startPrivateRabbitMq({ plugins: ['rabbitmq_management'] });
    management = managementOf(broker);
    const loaded = await loadPipelines(FLAKY);
    await loaded.dispose();
    flaky = loaded.pipelines;
  });
  afterEach(async () => {
    for (const worker of started.splice(0)) await worker.kill();
    for (const client of clients.splice(0)) await client.close();
  });
  after(() => broker.stop());

  /** A virtual host nobody has used, with a client on it. */
  const fresh = async (): Promise<{ vhost: string; url: string; client: BrokerClient }> => {
    const vhost = `v${++vhosts}`;
    const url = await management.vhost(vhost);
    const client = await connectClient(url);
    clients.push(client);
    return { vhost, url, client };
  };
  const sluice = async (args: readonly string[], url: string): Promise<{ code: unknown; text: string }> => {
    const command = startSluice(args, { AMQP_URL: url, NO_COLOR: '1' });
    started.push(command);
    const code = await command.exit;
    return { code, text: command.lines.map((line) => line.text ?? JSON.stringify(line)).join('\n') };
  };
  const look = async (
    url: string,
    pipelines: readonly Pipeline[],
    topology: 'assert' | 'check' = 'assert',
  ): Promise<readonly Finding[]> => {
    const inspection = await openInspection({ urls: [url] });
    try {
      return await examine(inspection, { pipelines, topology, consumerTimeoutMs: 30 * MINUTE });
    } finally {
      await inspection.close();
    }
  };
  /** `problem queue-differs queue orders: has …` of everything but what is said of every broker. */
  const told = (findings: readonly Finding[]): readonly string[] =>
    findings
      .filter(({ check }) => !(['version', 'unbounded-queue', 'bindings'] as CheckName[]).includes(check))
      .map(({ severity, check, subject, finding }) => `${severity} ${check} ${subject}: ${finding}`);
  const declare = async (url: string, pipelines: readonly Pipeline[]): Promise<void> => {
    const declarer = await openDeclarer({ urls: [url] });
    try {
      await declarer.declare(neededTopology(pipelines));
    } finally {
      await declarer.close();
    }
  };

  describe('sluice doctor', () => {
    it('finds nothing but notes where everything is as the pipelines want it, names the broker and changes nothing', async () => {
      const { vhost, url, client } = await fresh();
      await declare(url, flaky);
      const seen = await client.collect('flaky.out');
      await client.send('flaky', { succeedsAt: 1 });
      const before = await management.names(vhost);
      const { code, text } = await sluice(['doctor', FLAKY], url);
      expect(code).to.equal(0);
      const [, version = '', notes] =
        /RabbitMQ (\d+\.\d+\.\d+) at amqp:\/\/127\.0\.0\.1:\d+\/v\d+: 1 pipeline, 0 problems, 0 warnings, (\d+) notes/.exec(
          text,
        ) ?? [];
      // The message, the bindings, and that nobody publishes or consumes; the others are of the version.
      const ofVersion = findingsOfVersion('RabbitMQ', version, flaky);
      expect(Number(notes) - ofVersion.length).to.equal(3);
      expect(
        ofVersion.map(({ finding }) => finding).filter((finding) => !text.includes(finding.slice(0, 40))),
      ).to.deep.equal([]);
      expect(text).to.match(/· queue flaky +1 message and no consumer\n +→ start a worker: sluice run/);
      expect(text).to.match(/· queue flaky +AMQP has no question for bindings/);
      expect(await management.names(vhost)).to.deep.equal(before);
      expect(seen.messages).to.deep.equal([]);
      expect((await client.channel.checkQueue('flaky')).messageCount).to.equal(1);
      expect((await client.drain('flaky'))[0]?.headers['x-delivery-count'] ?? 0).to.equal(0);
    });

    it('tells what does not exist: what a worker declares, and what it would not start without', async () => {
      const { vhost, url } = await fresh();
      const pipelines = [pipelineOn('orders', { retry: { delays: ['5s'] } }, ['results'])];
      expect(told(await look(url, pipelines))).to.deep.equal([
        'note dead-letter-target queue orders.dead: does not exist yet',
        'note queue-missing queue orders: does not exist yet',
        'note queue-missing queue orders.delay.5s: does not exist yet',
        'note exchange-missing exchange results: does not exist yet',
      ]);
      expect(await management.names(vhost)).to.deep.equal([]);
      expect(told(await look(url, pipelines, 'check'))).to.deep.equal([
        'problem dead-letter-target queue orders.dead: does not exist, and is where messages go that cannot be done; a worker does not start without it',
        'problem queue-missing queue orders: does not exist, and a worker that only looks does not start without it',
        'problem queue-missing queue orders.delay.5s: does not exist, and a worker that only looks does not start without it',
        'problem exchange-missing exchange results: does not exist, and a worker that only looks does not start without it',
      ]);
      const { code, text } = await sluice(['doctor', FLAKY, '--json'], url);
      expect(code).to.equal(0);
      expect(JSON.parse(text)).to.have.nested.property('broker.product', 'RabbitMQ');
    });

    it('tells of an alarm as it is, and waits for no answer that cannot come', async () => {
      const { url } = await fresh();
      await broker.control('set_vm_memory_high_watermark', '0.0000001');
      try {
        const { code, text } = await sluice(['doctor', FLAKY], url);
        expect(code).to.equal(1);
        expect(text).to.match(
          /^✗ the broker takes no messages: .*memory.*; make room, then ask again: rabbitmq-diagnostics alarms$/,
        );
      } finally {
        await broker.control('set_vm_memory_high_watermark', '0.4');
      }
    });

    it('tells that partitions need a plugin, where it is not enabled', async () => {
      const { vhost, url } = await fresh();
      const source = partitioned('accounts', { by: 'id', partitions: 2 });
      const pipelines = [definePipeline({ name: 'accounts', source, input: z.unknown(), handle: () => [] })];
      expect(told(await look(url, pipelines))).to.include(
        'problem exchange-missing exchange accounts: does not exist, and the broker knows no exchanges of type x-consistent-hash: a plugin is missing',
      );
      expect(await management.names(vhost)).to.deep.equal([]);
    });

    it('tells of a dead-letter queue that drops letters that are looked at often', async () => {
      const { url, client } = await fresh();
      const quorum = { durable: true, arguments: { 'x-queue-type': 'quorum' } };
      await client.channel.assertQueue('orders.dead', quorum);
      expect(told(await look(url, [pipelineOn('orders', { retry: false })], 'check'))).to.include(
        'warning queue-differs queue orders.dead: has x-delivery-limit none, wanted is 1000000000: what was looked at more often is dropped, without a limit more than 20 times since RabbitMQ 4',
      );
    });

    it('tells every argument that differs, and what that weakens where it is taken as it is', async () => {
      const { url, client } = await fresh();
      const pipelines = [pipelineOn('orders', { retry: { delays: ['5s'] } }, ['results'])];
      const [dead, , delay] = sourceTopology(queue('orders', { retry: { delays: ['5s'] } })).queues;
      await client.channel.assertQueue('orders.dead', { durable: true, arguments: { ...dead?.arguments } });
      await client.channel.assertQueue('orders', {
        durable: true,
        arguments: {
          'x-queue-type': 'quorum',
          'x-delivery-limit': 1,
          'x-max-length': 5,
          'x-dead-letter-exchange': '',
          'x-dead-letter-routing-key': 'orders.dead',
        },
      });
      await client.channel.assertQueue('orders.delay.5s', {
        durable: true,
        arguments: { ...delay?.arguments, 'x-message-ttl': 9_000 },
      });
      await client.channel.assertExchange('results', 'direct', { durable: true });

      const asserted = told(await look(url, pipelines));
      expect(asserted).to.have.members([
        'problem queue-differs queue orders: has x-delivery-limit 1, wanted is 100',
        'problem queue-differs queue orders: has x-max-length 5, wanted is none',
        'problem queue-differs queue orders: has x-dead-letter-strategy none, wanted is at-least-once',
        'problem queue-differs queue orders: has x-overflow none, wanted is reject-publish',
        'warning delivery-limit queue orders: is handed over 1 times at most, and 2 tries are planned: restarts and lost connections could dead-letter a message that was never tried',
        'problem queue-differs queue orders.delay.5s: has x-message-ttl 9000, wanted is 5000',
        'problem exchange-differs exchange results: has type direct, wanted is topic',
      ]);
      const ofExchange = (await look(url, pipelines)).find(({ check }) => check === 'exchange-differs');
      expect(ofExchange?.advice).to.contain('say the type it has').and.not.contain('empty');
      await client.channel.assertExchange('passing', 'topic', { durable: false });
      const ofPassing = (await look(url, [pipelineOn('listening', { retry: false }, ['passing'])])).find(
        ({ check }) => check === 'exchange-differs',
      );
      expect(ofPassing?.finding).to.equal('has durable false, wanted is true');
      expect(ofPassing?.advice).to.contain('left out of publishes').and.not.contain('say the type');
      await client.channel.assertExchange('inner', 'topic', { durable: true, internal: true });
      await client.channel.assertExchange('fleeting', 'topic', { durable: true, autoDelete: true });
      await client.channel.assertExchange('led on', 'direct', { durable: true, alternateExchange: 'elsewhere' });
      const leading = definePipeline({
        name: 'leading',
        source: queue('leading', { retry: false }),
        input: z.unknown(),
        publishes: ['inner', 'fleeting', { exchange: 'led on', type: 'direct' }],
        handle: () => [],
      });
      expect(told(await look(url, [leading]))).to.include.members([
        'problem exchange-differs exchange inner: has internal true, wanted is false',
        'problem exchange-differs exchange fleeting: has auto_delete true, wanted is false',
        'problem exchange-differs exchange led on: has alternate-exchange elsewhere, wanted is none',
      ]);
      const direct = definePipeline({
        name: 'direct',
        source: queue('directed'),
        input: z.unknown(),
        publishes: [{ exchange: 'results', type: 'direct' }],
        handle: () => [],
      });
      expect((await look(url, [direct])).filter(({ check }) => check === 'exchange-differs')).to.deep.equal([]);
      const checked = told(await look(url, pipelines, 'check'));
      expect(checked).to.include(
        'warning queue-differs queue orders.delay.5s: has x-message-ttl 9000, wanted is 5000: messages wait another time than their pause',
      );
      expect((await sluice(['doctor', FLAKY], url)).code).to.equal(0);
    });

    it('tells a classic queue where a quorum queue is wanted, and one that does not last', async () => {
      const { url, client } = await fresh();
      for (const [name, durable] of [
        ['lasting', true],
        ['passing', false],
      ] as const) {
        await client.channel.assertQueue(name, { durable, arguments: {} });
        await client.channel.assertQueue(`${name}.dead`, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
      }
      const findings = told(
        await look(url, [pipelineOn('lasting', { retry: false }), pipelineOn('passing', { retry: false })]),
      );
      expect(findings).to.include('problem queue-differs queue lasting: has x-queue-type classic, wanted is quorum');
      expect(findings).to.include('problem queue-differs queue passing: has durable false, wanted is true');
    });

    it('tells where dead letters would be deleted: no exchange, a missing exchange, a missing queue', async () => {
      const { url, client } = await fresh();
      const targets = {
        none: {},
        exchange: { 'x-dead-letter-exchange': 'gone' },
        queue: { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'gone' },
      };
      for (const [name, args] of Object.entries(targets)) {
        await client.channel.assertQueue(`to.${name}`, {
          durable: true,
          arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 100, ...args },
        });
        await client.channel.assertQueue(`to.${name}.dead`, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
      }
      const pipelines = Object.keys(targets).map((name) => pipelineOn(`to.${name}`, { retry: false }));
      const findings = await look(url, pipelines, 'check');
      // Where there is no exchange nothing goes elsewhere, whatever the key: what is lost below says it all.
      expect(told(findings).filter((line) => line.includes('elsewhere'))).to.deep.equal([
        'warning queue-differs queue to.exchange: has x-dead-letter-exchange gone, wanted is "": messages go elsewhere when they expire or were handed over too often',
        'warning queue-differs queue to.exchange: has x-dead-letter-routing-key none, wanted is to.exchange.dead: messages go elsewhere when they expire or were handed over too often',
        'warning queue-differs queue to.queue: has x-dead-letter-routing-key gone, wanted is to.queue.dead: messages go elsewhere when they expire or were handed over too often',
      ]);
      const lost = findings.filter(({ check }) => check === 'dead-letter-target');
      expect(told(lost)).to.deep.equal([
        'problem dead-letter-target queue to.none: has no dead-letter exchange: what expires in it or was handed over too often is deleted',
        'problem dead-letter-target queue to.exchange: dead-letters to exchange gone, which does not exist: what goes there is deleted',
        'problem dead-letter-target queue to.queue: dead-letters to queue gone, which does not exist: what goes there is deleted',
      ]);
    });

    it('counts dead letters', async () => {
      const { url, client } = await fresh();
      const pipelines = [pipelineOn('orders', { retry: false })];
      await declare(url, pipelines);
      await client.send('orders.dead', {});
      expect(told(await look(url, pipelines))).to.deep.equal(['note dead-letters queue orders.dead: 1 dead letter']);
    });

    it('tells what the user may not do, there or not yet there', async () => {
      const { vhost, url } = await fresh();
      const pipelines = [pipelineOn('orders', { retry: false }, ['results'])];
      const nothing = await management.user(`nobody-${vhost}`, vhost, { configure: '^$', write: '^$', read: '^$' });
      const mayNot = (what: string) => `problem permissions ${what}`;
      const ofUse = [
        mayNot('queue orders: the broker user may not consume it'),
        mayNot('exchange results: the broker user may not publish to it'),
      ];
      const all = [
        mayNot('queue orders.dead: the broker user may not declare it'),
        mayNot('queue orders: the broker user may not declare it'),
        mayNot('queue orders: the broker user may not consume it'),
        mayNot('exchange results: the broker user may not declare it'),
        mayNot('exchange results: the broker user may not publish to it'),
        mayNot('exchange amq.default: the broker user may not publish to it'),
      ];
      // Where this user may not look, it is not known to be missing.
      expect(told(await look(nothing, pipelines))).to.deep.equal(
        isFrom(await versionAt(url), [4, 2, 6]) ? all : all.filter((line) => !ofUse.includes(line)),
      );
      await declare(url, pipelines);
      expect(told(await look(nothing, pipelines))).to.deep.equal(all);
    });

    it('tells what a user may not look at, where RabbitMQ asks who looks: there or not, a worker that only looks does not start', async () => {
      const { vhost, url } = await fresh();
      const pipelines = [pipelineOn('orders', { retry: false })];
      const reader = await management.user(`reader-${vhost}`, vhost, {
        configure: '^$',
        write: '^amq\\.default$',
        read: '^orders$',
      });
      const isAskedWhoLooks = isFrom(await versionAt(url), [4, 2, 6]);
      const unseen = 'problem permissions queue orders.dead: the broker user may not look at it';
      const problems = async () =>
        told((await look(reader, pipelines, 'check')).filter(({ severity }) => severity === 'problem'));
      expect((await problems()).includes(unseen)).to.equal(isAskedWhoLooks);
      await declare(url, pipelines);
      expect(await problems()).to.deep.equal(isAskedWhoLooks ? [unseen] : []);

      const worker = createTestBroker(reader);
      const refusal = await outcomeOf(worker.establish(neededTopology(pipelines), 'check'));
      await done(worker.close({ withinMs: 2_000 }));
      expect(refusal?.message ?? 'starts').to.match(
        isAskedWhoLooks
          ? /^queue "orders\.dead": the broker user may not look at it \(ACCESS_REFUSED[^\n]*$/
          : /^starts$/,
      );
    });

    it('says what to do about what differs, is missing or may not be done, as whoever looks can do it', async () => {
      const { vhost, url, client } = await fresh();
      const pipelines = [pipelineOn('orders', { retry: false })];
      const adviceOf = async (at: string, mode: 'assert' | 'check', check: CheckName): Promise<readonly string[]> => [
        ...new Set((await look(at, pipelines, mode)).filter((one) => one.check === check).map(({ advice }) => advice)),
      ];
      const user = (name: string, configure: string) =>
        management.user(`${name}-${vhost}`, vhost, { configure, write: '.*', read: '.*' });
      const looking = await user('looking', '^$');

      expect(await adviceOf(url, 'assert', 'queue-missing')).to.deep.equal([
        'nothing: a worker declares it at its start; one that runs already does not: "sluice topology --apply"',
      ]);
      expect(await adviceOf(url, 'check', 'queue-missing')).to.deep.equal([
        'declare it: "sluice topology --apply" as a user who may, or import what "sluice topology --json" prints',
      ]);
      expect(await adviceOf(looking, 'assert', 'permissions')).to.deep.equal([
        'grant "configure" on it; or let another user declare it, and this one only look: SLUICE_TOPOLOGY=check',
      ]);

      await client.channel.assertQueue('orders', { durable: true, arguments: { 'x-queue-type': 'quorum' } });
      // A queue that holds messages is not to be deleted for an argument.
      expect(await adviceOf(url, 'assert', 'queue-differs')).to.deep.equal([
        "a worker is refused at its start: delete it, when it is empty, so that it is declared anew, or take it as it is with topology: 'check'",
      ]);
      expect(await adviceOf(url, 'check', 'queue-differs')).to.deep.equal([
        'declare it anew as wanted when it is empty, or say the same in the pipeline',
      ]);
      expect(await adviceOf(looking, 'check', 'permissions')).to.deep.equal([
        'run the doctor as the user who declares it too; that one need not publish or consume',
      ]);
    });

    it('advises nobody to delete the queue that says how many partitions there are', async () => {
      const { url, client } = await fresh();
      const source = partitioned('accounts', { by: 'id', partitions: 2 });
      const pipelines = [definePipeline({ name: 'accounts', source, input: z.unknown(), handle: () => [] })];
      const args = { 'x-queue-type': 'quorum', 'x-max-length': 4 };
      await client.channel.assertQueue('accounts.workers', { durable: true, arguments: args });
      for (const mode of ['assert', 'check'] as const) {
        const found = await look(url, pipelines, mode);
        const differs = found.find(({ check, subject }) => check === 'queue-differs' && subject.includes('.workers'));
        expect(differs?.advice, mode)
          .to.include('say as many partitions as it was declared with')
          .and.not.include('when it is empty');
      }
    });

    it('exits with 1 where there is no broker or a problem, and with 2 where nothing can be asked', async () => {
      const { vhost } = await fresh();
      const nothing = await management.user(`none-${vhost}`, vhost, { configure: '^$', write: '^$', read: '^$' });
      const withProblems = await sluice(['doctor', FLAKY], nothing);
      expect(withProblems.code).to.equal(1);
      expect(withProblems.text).to.match(/✗ queue flaky +the broker user may not declare it/);
      const wrongUser = await sluice(['doctor', FLAKY], `amqp://guest:canary@127.0.0.1:${broker.port}`);
      expect(wrongUser.code).to.equal(1);
      expect(wrongUser.text).to.include('the broker refuses the credentials').and.not.include('canary');
      const strangers = `amqp://guest:guest@127.0.0.1:${broker.port}/nowhere`;
      expect((await sluice(['doctor', FLAKY], strangers)).text).to.match(
        /\/nowhere: the broker does not let this user into the virtual host: it does not exist, /,
      );
      const noTls = await sluice(['doctor', FLAKY], `amqps://guest:guest@127.0.0.1:${broker.port}`);
      expect(noTls.text).to.include('there is no TLS at that port').and.not.include('SSL routines');
      const wrongArgument = await sluice(['doctor', FLAKY, '--consumer-timeout', 'soon'], nothing);
      expect(wrongArgument.code).to.equal(2);
      expect(wrongArgument.text).to.include('argument: --consumer-timeout: expected a duration like 30m, got "soon"');
    });
  });

  describe('sluice topology', () => {
    /** Each pattern without one of its names, and what was left out. */
    const withoutEach = (permissions: Permissions): readonly (readonly [left: string, permissions: Permissions])[] =>
      (['configure', 'write', 'read'] as const).flatMap((kind) => {
        const names = permissions[kind] === '^$' ? [] : permissions[kind].slice(2, -2).split('|');
        return names.map((name) => {
          const rest = names.filter((other) => other !== name);
          return [
            `${kind} ${name}`,
            { ...permissions, [kind]: rest.length === 0 ? '^$' : `^(${rest.join('|')})$` },
          ] as const;
        });
      });

    it('prints definitions that RabbitMQ takes, and a user that can run a worker with them and can do no more', async function worker() {
      this.timeout(2 * MINUTE);
      const { vhost, url, client } = await fresh();
      const user = `worker-${vhost}`;
      const workerUrl = await management.user(user, vhost, { configure: '^$', write: '^$', read: '^$' });
      const { code, text } = await sluice(['topology', FLAKY, '--json', '--vhost', vhost, '--user', user], url);
      expect(code).to.equal(0);
      await management.importDefinitions(JSON.parse(text));

      const running = startSluice(['run', FLAKY], { AMQP_URL: workerUrl, SLUICE_TOPOLOGY: 'check' });
      started.push(running);
      await consuming(running, ['flaky']);
      const results = await client.collect('flaky.out');
      client.channel.publish('flaky.in', 'work.now', Buffer.from('{"succeedsAt":2}'), {
        messageId: 'm1',
        contentType: 'application/json',
      });
      await client.send('flaky', { succeedsAt: 'never' }, { messageId: 'm2' });
      expect((await results.next(1))[0]?.body).to.deep.equal({ attempt: 2 });
      await running.line(({ msg, messageId }) => msg === 'dead-lettered' && messageId === 'm2');
      running.signal('SIGTERM');
      expect(await running.exit).to.equal(0);

      expect((await look(workerUrl, flaky, 'check')).filter(({ severity }) => severity !== 'note')).to.deep.equal([]);
      const isAskedWhoLooks = isFrom(await versionAt(url), [4, 2, 6]);
      const forLookingAlone = ['flaky.dead', 'flaky.delay.50ms', 'flaky.delay.100ms', 'flaky.in'];
      for (const [left, permissions] of withoutEach(neededPermissions(flaky, 'worker'))) {
        await management.user(user, vhost, permissions);
        const problems = (await look(workerUrl, flaky, 'check')).filter(({ severity }) => severity === 'problem');
        const isMissed =
          isAskedWhoLooks || !forLookingAlone.some((name) => left === `write ${name.replaceAll('.', '\\.')}`);
        expect(
          problems.map(({ check }) => check),
          `without ${left}`,
        ).to.deep.equal(isMissed ? ['permissions'] : []);
      }
    });

    it('prints the exact permissions of whoever declares: they suffice for --apply, and each name less is one too few', async function declarer() {
      this.timeout(2 * MINUTE);
      const { vhost, url } = await fresh();
      const permissions = neededPermissions(flaky, 'declarer');
      const declarerUrl = await management.user(`declarer-${vhost}`, vhost, permissions);
      expect((await sluice(['topology', FLAKY], url)).text).to.include(
        `rabbitmqctl set_permissions -p / USER '${permissions.configure}' '${permissions.write}' '${permissions.read}'`,
      );
      const { code, text } = await sluice(['topology', FLAKY, '--apply'], declarerUrl);
      expect(text).to.match(/✓ 2 exchanges, 4 queues, 1 binding at amqp:/);
      expect(code).to.equal(0);
      expect(told(await look(url, flaky))).to.deep.equal([]);

      for (const [left, fewer] of withoutEach(permissions)) {
        const other = await fresh();
        const tooPoor = await management.user(`poor-${other.vhost}`, other.vhost, fewer);
        const failure = await declare(tooPoor, flaky).then(
          () => undefined,
          (error: unknown) => error,
        );
        expect(failure, `without ${left}`).to.be.instanceOf(TopologyError);
      }
    });

    it('prints the permissions of whoever works on dead letters', async () => {
      const { vhost, url, client } = await fresh();
      await declare(url, flaky);
      await client.send('flaky.dead', { succeedsAt: 1 }, { messageId: 'm3' });
      const operator = await management.user(`operator-${vhost}`, vhost, neededPermissions(flaky, 'operator'));
      const { code, text } = await sluice(['dlq', 'retry', 'flaky', '--all'], operator);
      expect(text).to.include('retried 1 of 1 asked for');
      expect(code).to.equal(0);
    });

    it('does not say of a queue that somebody may not look into that it is not there', async () => {
      const { vhost, url, client } = await fresh();
      await declare(url, flaky);
      await client.send('flaky.dead', { succeedsAt: 1 }, { messageId: 'm4' });
      const nobody = await management.user(`reader-${vhost}`, vhost, { configure: '^$', write: '^$', read: '^$' });
      const { code, text } = await sluice(['dlq', 'ls', 'flaky'], nobody);
      expect(text).to.match(/^flaky\.dead: queue "flaky\.dead": the broker user may not \(ACCESS_REFUSED/);
      expect(code).to.equal(1);
      const listed = await sluice(['dlq', 'ls', 'flaky', '--json'], nobody);
      const { queues } = JSON.parse(listed.text) as { readonly queues: readonly object[] };
      // Nor that it is: the broker refuses before it looks.
      expect(queues[0]).to.include({ letters: 0 }).and.have.property('refusal');
      expect(queues[0]).to.not.have.property('exists');
      const { code: ofAll } = await sluice(['dlq', 'ls', '--pipelines', FLAKY], nobody);
      expect(ofAll).to.equal(1);
    });

    it('tells each refusal in a line of its own', async () => {
      const { vhost } = await fresh();
      const nobody = await management.user(`nobody-${vhost}`, vhost, { configure: '^$', write: '^$', read: '^$' });
      const { code, text } = await sluice(['topology', FLAKY, '--apply'], nobody);
      expect(code).to.equal(1);
      const [first, ...more] = text.split('\n').filter((line) => line !== '');
      expect(first).to.match(/^✗ exchange ".*": the broker user may not/);
      expect(more).to.have.length.above(3);
      for (const line of more) expect(line).to.match(/^✗ (exchange|queue|binding) /);
      expect(text).not.to.include('\\u{a}');
    });

    it('refuses options that contradict each other', async () => {
      const { url } = await fresh();
      const both = await sluice(['topology', FLAKY, '--apply', '--user', 'somebody'], url);
      expect(both.code).to.equal(2);
      expect(both.text).to.include('argument: --user: permissions are not granted over AMQP');
    });

    it('tells a program what it has declared', async () => {
      const { url } = await fresh();
      const { code, text } = await sluice(['topology', FLAKY, '--apply', '--json'], url);
      expect(code).to.equal(0);
      const declared = JSON.parse(text) as { readonly queues: readonly string[] };
      expect(declared.queues).to.include.members(['flaky', 'flaky.dead']);
      expect(text).not.to.include('guest:guest');
    });
  });
});
