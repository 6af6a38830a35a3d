/** The command as its users run it, against the embedded broker: nothing has to be installed. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { createEmbeddedBroker } from '../../src/broker/embedded/embedded-broker.ts';
import { type BrokerClient, connectClient } from '../support/broker-client.ts';
import { eventually } from '../support/eventually.ts';
import { consuming, startSluice, startSluiceFromNpm, type WorkerProcess } from '../support/worker-process.ts';

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));

interface CheckReport {
  readonly pipelines: readonly object[];
  readonly problems: readonly { readonly path?: string }[];
  readonly warnings: readonly object[];
}

/** Fails each time; there is one more try. */
const PATIENT = `
  import { throwError } from 'rxjs';
  import { definePipeline, queue, TransientError } from 'sluice';
  import { z } from 'zod';
  export default definePipeline({
    name: 'patient',
    source: queue('patient', { retry: { delays: ['3s'] } }),
    input: z.object({}),
    handle: () => throwError(() => new TransientError('not yet')),
  });
`;

describe('the sluice command', () => {
  const broker = createEmbeddedBroker();
  let url: string;
  let client: BrokerClient;
  const started: WorkerProcess[] = [];
  const sluice = (args: readonly string[], environment: Record<string, string> = {}): WorkerProcess => {
    const worker = startSluice(args, { AMQP_URL: url, ...environment });
    started.push(worker);
    return worker;
  };
  const textOf = ({ lines }: WorkerProcess): string => lines.map(({ text }) => text).join('\n');
  /** One value over many lines, some of which are JSON by themselves. */
  const reportOf = ({ lines }: WorkerProcess): unknown =>
    JSON.parse(lines.map((line) => line.text ?? JSON.stringify(line)).join('\n'));

  before(async () => {
    ({ url } = await broker.start());
    client = await connectClient(url);
  });
  afterEach(async () => {
    for (const worker of started.splice(0)) await worker.kill();
  });
  after(async () => {
    await client.close();
    await broker.stop();
  });

  describe('check', () => {
    it('tells a program of pipelines and mistakes alike', async () => {
      const fine = sluice(['check', 'pipelines', '--json']);
      expect(await fine.exit).to.equal(0);
      const { pipelines, problems, warnings } = reportOf(fine) as CheckReport;
      expect(problems).to.deep.equal([]);
      expect(warnings).to.deep.equal([]);
      expect(pipelines).to.deep.include({
        name: 'order-processing',
        source: { queue: 'orders.placed' },
        apis: ['inventory', 'payment', 'shipping'],
        publishes: ['orders'],
      });
      const broken = sluice(['check', fixture('broken'), '--json'], { LOG_LEVEL: 'loud' });
      expect(await broken.exit).to.equal(2);
      const report = reportOf(broken) as CheckReport;
      expect(report.problems).to.deep.include({
        subject: 'pipeline "one"',
        path: 'concurrency',
        message: 'expected at least 1, got 0',
      });
      expect(report.problems.map(({ path }) => path)).to.include('LOG_LEVEL');
    });

    it('names every mistake of every module and of the environment at once, and exits with 2', async () => {
      const check = sluice(['check', fixture('broken')], { LOG_LEVEL: 'loud' });
      expect(await check.exit).to.equal(2);
      for (const line of [
        'pipeline "one": concurrency: expected at least 1, got 0',
        'queue "same": prefetch: expected at most 65535, got 70000',
        'module second.ts: 1:7: this module fails on purpose',
        'pipeline "one": name: is defined in first.ts and in third.ts; names must differ',
        'pipeline "two": source: queue "same" is consumed by pipeline "one" too; give each its queue, bound to the same exchange',
        'environment: SLUICE_FIXTURE_URL_THAT_NOBODY_SETS: is not set',
        'environment: LOG_LEVEL: expected one of',
        '7 problems. Nothing was started.',
      ]) {
        expect(textOf(check)).to.include(line);
      }
    });

    it('lists what it found where nothing is wrong, and exits with 0', async () => {
      const check = sluice(['check', 'pipelines']);
      expect(await check.exit).to.equal(0);
      expect(textOf(check)).to.include('✓ order-processing: queue orders.placed → inventory, payment, shipping');
    });

    it('S11: warns of passwords and secrets that go to other machines in plain text, shows none, and exits with 0', async () => {
      const environment = { AMQP_URL: 'amqp://worker:canary@rabbit.internal/v', PLAIN_SECRET: 'canary-of-an-api' };
      const check = sluice(['check', fixture('plain')], environment);
      expect(await check.exit).to.equal(0);
      for (const line of [
        '✓ plain: queue plain → payment, ledger, near, open',
        '! environment: AMQP_URL: amqp://rabbit.internal/v is reached without TLS: password and messages can be read and changed on the way; use amqps://',
        '! api "payment": baseUrl: http://payment.internal:4002 is told a secret without TLS: it can be read on the way, and used; use https://',
        '! api "ledger": auth.tokenUrl: http://tokens.internal is told a secret without TLS',
      ])
        expect(textOf(check)).to.include(line);
      expect(textOf(check))
        .to.not.include('canary')
        .and.not.match(/api "(near|open)"/);
      const told = sluice(['check', fixture('plain'), '--json'], environment);
      expect(await told.exit).to.equal(0);
      const report = reportOf(told) as CheckReport;
      expect(report.warnings.map((warning) => Object.values(warning).slice(0, 2))).to.deep.equal([
        ['environment', 'AMQP_URL'],
        ['api "payment"', 'baseUrl'],
        ['api "ledger"', 'auth.tokenUrl'],
      ]);
    });

    it('B14: warns of patterns of schemas that backtrack, by pipeline and path, and exits with 0', async () => {
      const check = sluice(['check', fixture('backtracking')], { SHOP_KEY: 'shop-key-0123456789' });
      expect(await check.exit).to.equal(0);
      expect(textOf(check)).to.include(
        '! pipeline "backtracking": input.items[].sku: /^(a+)+$/ may have ever more to try on a short text that almost fits',
      );
    });

    it('names a module that is no TypeScript by line and column', async () => {
      const folder = await scratch({ 'bad.ts': 'export const a = ;' });
      const check = sluice(['check', folder]);
      expect(await check.exit).to.equal(2);
      expect(textOf(check)).to.match(/module bad\.ts: 1:18: Unexpected ";"/);
    });

    it('names the mistakes of the other modules too, where one is no TypeScript', async () => {
      const folder = await scratch({ 'bad.ts': 'export const a = ;', 'fails.ts': "throw new Error('on purpose');" });
      const check = sluice(['check', folder]);
      expect(await check.exit).to.equal(2);
      expect(textOf(check)).to.match(/module bad\.ts: 1:18: Unexpected ";"/);
      expect(textOf(check))
        .to.include('module fails.ts: 1:7: on purpose')
        .and.include('2 problems. Nothing was started.');
    });

    it('goes by settings that a module brings: a worker that only looks for exchanges has none of two types', async () => {
      const on = (name: string, type: string): string => `
        import { EMPTY } from 'rxjs';
        import { definePipeline, queue } from 'sluice';
        import { z } from 'zod';
        const source = queue('${name}', { bindings: [{ exchange: 'events', key: 'x', type: '${type}' }] });
        export default definePipeline({ name: '${name}', source, input: z.object({}), handle: () => EMPTY });`;
      const atOdds = { 'one.ts': on('one', 'topic'), 'two.ts': on('two', 'direct') };
      const declaring = sluice(['check', await scratch(atOdds)], { LOG_LEVEL: 'loud' });
      expect(await declaring.exit).to.equal(2);
      expect(textOf(declaring))
        .to.include('exchange "events": type: is topic for pipeline "one" in one.ts and direct for pipeline "two"')
        .and.include('environment: LOG_LEVEL: expected one of');
      const environment = { 'dotenv.ts': "process.env.SLUICE_TOPOLOGY = 'check';" };
      const looking = sluice(['check', await scratch({ ...atOdds, ...environment })]);
      expect(await looking.exit, textOf(looking)).to.equal(0);
      // Another setting that is wrong changes nothing about this one; where this one is wrong, no clash is certain.
      const loud = sluice(['check', await scratch({ ...atOdds, ...environment })], { LOG_LEVEL: 'loud' });
      expect(await loud.exit).to.equal(2);
      expect(textOf(loud)).to.include('LOG_LEVEL: expected one of').and.not.include('exchange "events"');
      const doubtful = sluice(['check', await scratch(atOdds)], { SLUICE_TOPOLOGY: 'maybe' });
      expect(await doubtful.exit).to.equal(2);
      expect(textOf(doubtful)).to.include('SLUICE_TOPOLOGY: expected one of').and.not.include('exchange "events"');
      const drawing = sluice(['graph', await scratch({ ...atOdds, ...environment })], { LOG_LEVEL: 'loud' });
      expect(await drawing.exit, textOf(drawing)).to.equal(0);
      // What it prints is to be declared, and an exchange has one type.
      const printing = sluice(['topology', await scratch({ ...atOdds, ...environment })]);
      expect(await printing.exit).to.equal(2);
      expect(textOf(printing)).to.include('exchange "events": type: is topic');
      // A front door alone declares nothing.
      const serving = sluice(['serve', await scratch(atOdds)]);
      expect(await serving.exit).to.equal(2);
      expect(textOf(serving)).to.include('no pipeline has one').and.not.include('exchange "events"');
    });

    it('reports a broker that is missing in production, and a variable that is misspelt', async () => {
      const check = startSluice(['check', 'pipelines'], { NODE_ENV: 'production', SLUICE_GRACE_PERIODS: '1s' });
      started.push(check);
      expect(await check.exit).to.equal(2);
      expect(textOf(check))
        .to.include('environment: AMQP_URL: is not set; with NODE_ENV=production')
        .and.include('environment: SLUICE_GRACE_PERIODS: is no setting of sluice, did you mean "SLUICE_GRACE_PERIOD"?');
    });

    it('ends though a module keeps a timer', async () => {
      const check = sluice(['check', fixture('lingering')]);
      expect(await check.exit).to.equal(0);
      expect(textOf(check)).to.include('✓ lingering: queue lingering');
    });

    it('says so where no pipeline is', async () => {
      const check = sluice(['check', await scratch({ 'empty.ts': 'export {};' })]);
      expect(await check.exit).to.equal(2);
      expect(textOf(check)).to.include('no module (.ts, .mts, .js, .mjs) exports a pipeline made by definePipeline()');
    });
  });

  describe('run', () => {
    it('refuses to run without a broker in production', async () => {
      const run = startSluice(['run', fixture('hanging')], { NODE_ENV: 'production' });
      expect(await run.exit).to.equal(2);
      expect(textOf(run)).to.include('environment: AMQP_URL: is not set');
    });

    it('reports what is wrong with the environment together with what is wrong with the modules', async () => {
      const run = startSluice(['run', fixture('broken')], { NODE_ENV: 'production' });
      started.push(run);
      expect(await run.exit).to.equal(2);
      expect(textOf(run))
        .to.include('environment: AMQP_URL: is not set')
        .and.include('module second.ts: 1:7: this module fails on purpose');
    });

    it('ends on SIGTERM though a module keeps a timer', async () => {
      const run = sluice(['run', fixture('lingering')]);
      await consuming(run, ['lingering']);
      run.signal('SIGTERM');
      expect(await run.exit).to.equal(0);
      expect(run.lines.some(({ msg }) => msg === 'worker stopped')).to.equal(true);
    });

    it('lets a handle import a module with its first message', async () => {
      const run = sluice(['run', fixture('lazy')]);
      await consuming(run, ['lazy']);
      const results = await client.collect('lazy.out');
      await client.send('lazy', {});
      expect((await results.next(1)).map(({ routingKey }) => routingKey)).to.deep.equal(['came.late']);
      run.signal('SIGTERM');
      expect(await run.exit).to.equal(0);
    });

    /** What a worker says of the one message of this queue, whose handle threw at `place`, a file and its line. */
    const lineOfDeadLetter = async (folder: string, name: string, place: string) => {
      const run = sluice(['run', folder]);
      await consuming(run, [name]);
      await client.send(name, {});
      const line = await run.line(({ msg }) => msg === 'dead-lettered');
      expect(line.code).to.equal('ERR_HANDLE_FAILED');
      expect(line.place)
        .to.be.a('string')
        .that.satisfies((told: string) => told.startsWith(join(folder, place)));
      run.signal('SIGTERM');
      expect(await run.exit).to.equal(0);
      return line;
    };

    it('says where a handle threw what is none of our errors, in the file its author wrote', async () => {
      const folder = await scratch({
        'lost.ts': `import { definePipeline, queue } from 'sluice';
import { z } from 'zod';

interface Order { readonly customer: { readonly name: string } }

export default definePipeline({
  name: 'lost',
  source: queue('lost', { retry: false }),
  input: z.object({}),
  handle: (order) => [(order as Order).customer.name],
});
`,
      });
      await lineOfDeadLetter(folder, 'lost', 'lost.ts:10:');
    });

    it('says which call was awaited and so not made, and where', async () => {
      const folder = await scratch({
        'awaited.js': `import { defineApi, definePipeline, queue } from 'sluice';
import { z } from 'zod';

const bank = defineApi('bank', { baseUrl: 'http://127.0.0.1:9' });

export default definePipeline({
  name: 'awaited',
  source: queue('awaited', { retry: false }),
  input: z.object({}),
  apis: { bank },
  handle: async (_, { apis }) => {
    const { status } = await apis.bank.post('/refund', { amount: 5 });
    return [status];
  },
});
`,
      });
      const { reason } = await lineOfDeadLetter(folder, 'awaited', 'awaited.js:12:');
      expect(reason)
        .to.be.a('string')
        .that.matches(/^bank POST \/refund was not made, for a call is no promise: /);
    });

    it('finds out that its port is taken before anything is started, and says so in one line', async () => {
      const run = sluice(['run', fixture('hanging')], { SLUICE_PORT: new URL(url).port });
      expect(await run.exit).to.equal(2);
      expect(run.lines.map(({ text }) => text).filter(Boolean)).to.deep.equal([
        `✗ environment: SLUICE_PORT: ${new URL(url).port} is taken, perhaps by another worker; choose another, or 0 for any free one`,
        '1 problem. Nothing was started.',
      ]);
      expect(run.lines.some(({ level }) => level !== undefined)).to.equal(false);
    });

    it('uses the embedded broker without AMQP_URL, and says that it is in memory', async () => {
      const run = startSluice(['run', fixture('hanging')], {});
      started.push(run);
      const { url: own, level } = await run.line(
        ({ msg }) => msg?.startsWith('AMQP_URL is not set: using the embedded broker, which is in memory') === true,
      );
      expect(level, 'a warning').to.equal(40);
      await consuming(run, ['hanging']);
      const stranger = await connectClient(String(own));
      await stranger.send('hanging', { hangs: false });
      await run.line(({ msg }) => msg === 'done');
      await stranger.close();
      run.signal('SIGTERM');
      expect(await run.exit).to.equal(0);
    });

    it('keeps results on the embedded broker, so that the first message of a new pipeline fails for no queue', async () => {
      const run = startSluice(['run', fixture('flaky')], {});
      started.push(run);
      const { url: own } = await run.line(({ msg }) => msg?.startsWith('AMQP_URL is not set') === true);
      const { queues } = await run.line(({ msg }) => msg?.startsWith('the last 100 results') === true);
      expect(queues).to.deep.equal(['flaky.out.kept']);
      await consuming(run, ['flaky']);
      const stranger = await connectClient(String(own));
      await stranger.send('flaky', { succeedsAt: 1 });
      await run.line(({ msg }) => msg === 'done');
      const [kept] = await stranger.drain('flaky.out.kept');
      expect(kept?.body).to.deep.include({ attempt: 1 });
      await stranger.close();
      run.signal('SIGTERM');
      expect(await run.exit).to.equal(0);
    });

    it('F12: tells its health: live at once, ready while it consumes', async () => {
      const run = sluice(['run', fixture('hanging')]);
      await consuming(run, ['hanging']);
      const { dashboard: health } = await run.line(({ msg }) => msg === 'sluice is starting');
      const ready = await fetch(`${health}/readyz`);
      expect([ready.status, await ready.json()]).to.deep.equal([
        200,
        { status: 'ready', state: 'running', waiting: {} },
      ]);
      expect((await fetch(`${health}/livez`)).status).to.equal(200);
      expect((await fetch(`${health}/nowhere`)).status).to.equal(404);
      expect((await fetch(`${health}/readyz`, { method: 'POST', body: 'x' })).status).to.equal(405);

      await client.channel.deleteQueue('hanging');
      await eventually('it is not ready', async () => (await fetch(`${health}/readyz`)).status === 503);
      expect(((await (await fetch(`${health}/readyz`)).json()) as { waiting: object }).waiting)
        .to.have.property('hanging')
        .that.is.a('string');
    });

    it('takes a message through its tries by the delay queues, and dead-letters it after the last', async () => {
      const run = sluice(['run', fixture('flaky')]);
      await consuming(run, ['flaky']);
      const results = await client.collect('flaky.out');
      const publish = (succeedsAt: number) =>
        client.channel.publish('flaky.in', 'work.now', Buffer.from(JSON.stringify({ succeedsAt })), {
          messageId: `m${succeedsAt}`,
        });
      publish(3);
      publish(4);
      expect((await results.next(1)).map(({ routingKey }) => routingKey)).to.deep.equal(['done.3']);
      await eventually(
        'it is dead-lettered',
        async () => (await client.channel.checkQueue('flaky.dead')).messageCount === 1,
      );
      const [dead] = await client.drain('flaky.dead');
      expect(dead?.headers).to.deep.include({
        'x-sluice-error-message': 'down on try 3 of 3',
        'x-sluice-attempts': 3,
        'x-sluice-exchange': 'flaky.in',
        'x-sluice-routing-key': 'work.now',
      });
      expect(run.lines.filter(({ settlement }) => settlement === 'retry')).to.have.length(4);
    });

    it('loses no message that waits for its next try when it is killed: another worker makes that try', async () => {
      const folder = await scratch({ 'patient.ts': PATIENT });
      const killed = sluice(['run', folder]);
      await consuming(killed, ['patient']);
      await client.send('patient', {}, { messageId: 'waits', priority: 4, headers: { kept: 'yes' } });
      await killed.line(({ settlement }) => settlement === 'retry');
      killed.signal('SIGKILL');
      await killed.exit;
      const waitsIn = (name: string) => async () => (await client.channel.checkQueue(name)).messageCount === 1;
      await eventually('its time has come, and nobody is there', waitsIn('patient'));

      await consuming(sluice(['run', folder]), ['patient']);
      await eventually('its second try was its last', waitsIn('patient.dead'));
      const [letter] = await client.drain('patient.dead');
      expect(letter?.headers).to.deep.include({ kept: 'yes', 'x-sluice-attempts': 2 });
      expect(letter?.properties).to.deep.include({ messageId: 'waits', priority: 4 });
    });

    it('F29: finishes on SIGTERM what can be, gives back what hangs, and says so by exit code 3', async () => {
      const run = sluice(['run', fixture('hanging')], { SLUICE_GRACE_PERIOD: '300ms' });
      await consuming(run, ['hanging']);
      const messages = { 'done 1': false, 'hung 1': true, 'done 2': false, 'hung 2': true };
      for (const [messageId, hangs] of Object.entries(messages)) await client.send('hanging', { hangs }, { messageId });
      await eventually(
        'all are handled',
        () => run.lines.filter(({ msg }) => msg === 'handled').length === Object.keys(messages).length,
      );
      run.signal('SIGTERM');
      expect(await run.exit).to.equal(3);
      expect(run.lines.filter(({ msg }) => msg === 'given back to the broker')).to.have.length(2);
      // What was aborted comes again, and nothing else.
      const returned = (await client.drain('hanging')).map(({ properties }) => properties.messageId);
      expect(returned).to.have.members(['hung 1', 'hung 2']);
    });

    it('F30: is hastened by a second signal', async () => {
      const run = sluice(['run', fixture('hanging')], { SLUICE_GRACE_PERIOD: '1h' });
      await consuming(run, ['hanging']);
      await client.send('hanging', { hangs: true });
      await run.line(({ msg }) => msg === 'handled');
      run.signal('SIGTERM');
      await run.line(({ state }) => state === 'draining');
      run.signal('SIGINT');
      expect(await run.exit).to.equal(3);
      expect(await client.drain('hanging')).to.have.length(1);
    });

    it('drains when the npm that started it is told to stop, for that one ends at once and says nothing', async () => {
      const run = startSluiceFromNpm(['run', fixture('hanging')], { AMQP_URL: url, SLUICE_GRACE_PERIOD: '300ms' });
      started.push(run);
      await consuming(run, ['hanging']);
      await client.send('hanging', { hangs: true }, { messageId: 'of-an-orphan' });
      await run.line(({ msg }) => msg === 'handled');
      run.signal('SIGTERM');
      await run.line(({ msg, signal }) => msg?.startsWith('asked to stop') === true && signal === 'the end of npm');
      await run.exit;
      expect(run.lines.filter(({ msg }) => msg === 'worker stopped')).to.have.length(1);
      expect((await client.drain('hanging')).map(({ properties }) => properties.messageId)).to.deep.equal([
        'of-an-orphan',
      ]);
    });

    it('stops in order after a failure nobody caught, gives back what ran, and exits with 1', async () => {
      const run = sluice(['run', fixture('crashing')], { SLUICE_GRACE_PERIOD: '200ms' });
      await consuming(run, ['crashing']);
      await client.send('crashing', {});
      expect(await run.exit).to.equal(1);
      const { error } = await run.line(({ msg }) => msg === 'the worker cannot go on');
      expect(error).to.deep.include({ message: 'thrown where nobody catches' });
      expect(await client.drain('crashing')).to.have.length(1);
    });

    it('refuses a queue that is there with other arguments, says which and what to do, and exits with 1', async () => {
      await client.deleteQueues(['hanging', 'hanging.dead']);
      await client.channel.assertQueue('hanging', { durable: true, arguments: { 'x-queue-type': 'classic' } });
      const run = sluice(['run', fixture('hanging')]);
      expect(await run.exit).to.equal(1);
      const { error } = await run.line(({ msg }) => msg === 'the worker cannot go on');
      expect((error as { message: string }).message)
        .to.include('hanging')
        .and.include('inequivalent arg')
        .and.include("'check'");
      await client.deleteQueues(['hanging', 'hanging.dead']);
    });
  });

  describe('dev', () => {
    const version = (n: number): string => `
      import { of } from 'rxjs';
      import { definePipeline, exchange, queue } from 'sluice';
      import { z } from 'zod';
      export default definePipeline({ name: 'hot', source: queue('hot', { retry: false }), input: z.object({ n: z.number() }), publishes: ['hot'],
        handle: ({ n }) => of(n), output: () => exchange('hot', 'version.${n}') });`;

    it('names a folder that is not there, and a port that is taken, and exits with 2', async () => {
      const nowhere = sluice(['dev', 'nosuch']);
      expect(await nowhere.exit).to.equal(2);
      expect(textOf(nowhere)).to.include('✗ folder nosuch: does not exist; pass the folder that holds your pipelines');
      expect(textOf(nowhere)).to.not.include('    at ');
      const taken = sluice(['dev', fixture('hanging')], { SLUICE_PORT: new URL(url).port });
      expect(await taken.exit).to.equal(2);
      expect(textOf(taken)).to.include('environment: SLUICE_PORT:').and.not.include('    at ');
    });

    it('tells that it is starting while it has no version to run, and ends though a module never finishes loading', async () => {
      const folder = await scratch({ 'never.ts': 'setInterval(() => {}, 60_000); await new Promise(() => {});' });
      const run = sluice(['dev', folder]);
      const { dashboard: health } = await run.line(({ msg }) => msg?.startsWith('watching for changes') === true);
      const ready = await fetch(`${health}/readyz`);
      expect([ready.status, await ready.json()]).to.deep.equal([
        503,
        { status: 'not ready', state: 'starting', waiting: {} },
      ]);
      run.signal('SIGINT');
      expect(await run.exit).to.equal(0);
    });

    it('swaps a changed pipeline without losing a message, and keeps the old one while the new one is wrong', async () => {
      const folder = await scratch({ 'hot.ts': version(1) });
      const run = sluice(['dev', folder]);
      await consuming(run, ['hot']);
      const results = await client.collect('hot');
      let sent = 0;
      const send = () => client.send('hot', { n: sent++ });
      await send();
      expect((await results.next(1))[0]?.routingKey).to.equal('version.1');

      await writeFile(join(folder, 'hot.ts'), 'export const broken = ;');
      await run.line(({ text }) => String(text).includes('The version before goes on.'));
      await send();
      await results.next(sent);

      await writeFile(join(folder, 'hot.ts'), version(2));
      while (results.messages.at(-1)?.routingKey !== 'version.2') await send();
      await results.next(sent);
      expect(results.messages.map(({ body }) => body).sort((a, b) => Number(a) - Number(b))).to.deep.equal([
        ...Array(sent).keys(),
      ]);
      run.signal('SIGINT');
      expect(await run.exit).to.equal(0);
    });
  });

  describe('broker', () => {
    it('serves any client until it is stopped', async () => {
      const alone = startSluice(['broker', '--port', '0'], {});
      started.push(alone);
      const { text } = await alone.line(({ text }) => String(text).startsWith('embedded broker at '));
      const stranger = await connectClient(String(text).replace('embedded broker at ', ''));
      await stranger.channel.assertQueue('q');
      await stranger.send('q', { a: 1 });
      expect((await stranger.drain('q')).map(({ body }) => body)).to.deep.equal([{ a: 1 }]);
      await stranger.close();
      alone.signal('SIGINT');
      expect(await alone.exit).to.equal(0);
    });

    it('says so when its port is taken', async () => {
      const alone = startSluice(['broker', '--port', new URL(url).port], {});
      expect(await alone.exit).to.equal(1);
      expect(textOf(alone)).to.include('is taken').and.include('--port 0');
    });

    it('refuses a port that is none, an empty one too', async () => {
      for (const port of ['x', '', '65536']) {
        const alone = startSluice(['broker', '--port', port], {});
        expect(await alone.exit, port).to.equal(2);
        expect(textOf(alone)).to.include('Expected a port number from 0 (any free one) to 65535');
      }
    });
  });

  it('prints the statements that make an outbox, and refuses a name that would need quotes', async () => {
    const printed = startSluice(['outbox', 'sql', '--table', 'shop.events'], {});
    expect(await printed.exit).to.equal(0);
    const text = printed.lines.map((line) => line.text).join('\n');
    expect(text).to.include('CREATE TABLE shop.events (').and.include('CREATE TABLE shop.events_lanes');
    const refused = startSluice(['outbox', 'sql', '--table', 'Events; DROP'], {});
    expect(await refused.exit).to.equal(2);
    expect(refused.lines.map((line) => line.text).join('\n')).to.include('--table: expected a name');
  });

  it('explains itself without loading what it does not need', async () => {
    const help = startSluice(['--help'], {});
    expect(await help.exit).to.equal(0);
    expect(textOf(help)).to.include('Exit codes:');
  });

  const folders: string[] = [];
  after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

  /** A folder of modules from where packages resolve as they do in a project. */
  async function scratch(files: Record<string, string>): Promise<string> {
    const modules = dirname(dirname(createRequire(import.meta.url).resolve('zod/package.json')));
    const folder = await mkdtemp(join(modules, '.sluice-spec-'));
    folders.push(folder);
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    return folder;
  }
});
