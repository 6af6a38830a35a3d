/** `sluice run --workers`: real processes on one broker, killed, stopped and asked how they are. */
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { createEmbeddedBroker } from '../../src/broker/embedded/embedded-broker.ts';
import { readMetrics, type Sample } from '../../src/cli/top/read-metrics.ts';
import { type BrokerClient, connectClient } from '../support/broker-client.ts';
import { eventually } from '../support/eventually.ts';
import { type LogLine, startSluice, type WorkerProcess } from '../support/worker-process.ts';

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));

describe('sluice run --workers', function () {
  this.timeout(180_000);
  const broker = createEmbeddedBroker();
  let url: string;
  let client: BrokerClient;
  let run: WorkerProcess | undefined;

  before(async () => {
    ({ url } = await broker.start());
    client = await connectClient(url);
  });
  afterEach(() => run?.kill());
  after(async () => {
    await client.close();
    await broker.stop();
  });

  /** With two workers that take messages. */
  const startFleet = async (environment: Record<string, string> = {}): Promise<WorkerProcess> => {
    run = startSluice(['run', fixture('fleet'), '--workers', '2'], { AMQP_URL: url, ...environment });
    for (const worker of [1, 2]) await run.line((line) => line.msg === 'consuming' && line.worker === worker);
    return run;
  };
  const dashboardOf = async (fleet: WorkerProcess): Promise<string> =>
    String((await fleet.line(({ msg }) => msg === 'sluice is starting')).dashboard);
  const pidOf = (fleet: WorkerProcess, worker: number): number =>
    Number(fleet.lines.findLast((line) => line.msg === 'worker process started' && line.worker === worker)?.pid);
  const done = (fleet: WorkerProcess): readonly LogLine[] => fleet.lines.filter(({ msg }) => msg === 'done');
  const metricsOf = async (fleet: WorkerProcess): Promise<readonly Sample[]> =>
    readMetrics(await (await fetch(`${await dashboardOf(fleet)}/metrics`)).text());
  const readingOf = (
    samples: readonly Sample[],
    name: string,
    labels: Record<string, string> = {},
  ): number | undefined =>
    samples.find(
      (sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    )?.value;
  const send = async (from: number, to: number, takesMs: number): Promise<void> => {
    for (let n = from; n < to; n++) await client.send('fleet', { takesMs }, { messageId: `m${n}` });
  };
  const acked = { pipeline: 'fleet', settlement: 'ack' };

  it('shares a queue, survives the death of one worker without losing a message, and drains at SIGTERM', async () => {
    const fleet = await startFleet();
    await send(0, 60, 100);
    await eventually('both take messages', () => new Set(done(fleet).map(({ worker }) => worker)).size === 2);
    expect(readingOf(await metricsOf(fleet), 'sluice_settlements_total', acked)).to.be.above(0);
    process.kill(pidOf(fleet, 1), 'SIGKILL');
    await fleet.line(
      ({ msg, worker }) => msg === 'a worker process ended unasked: it is started again' && worker === 1,
    );
    await eventually(
      'it is back',
      () => fleet.lines.filter(({ msg, worker }) => msg === 'consuming' && worker === 1).length === 2,
    );
    const before = done(fleet).length;
    await send(60, 120, 100);
    await eventually('it takes messages again', () =>
      done(fleet)
        .slice(before)
        .some(({ worker }) => worker === 1),
    );
    await eventually(
      'every message is done',
      () => new Set(done(fleet).map(({ messageId }) => messageId)).size === 120,
    );
    fleet.signal('SIGTERM');
    expect(await fleet.exit).to.equal(0);
    expect((await client.channel.checkQueue('fleet')).messageCount).to.equal(0);
    for (const worker of [1, 2])
      expect(fleet.lines.some((line) => line.msg === 'worker stopped' && line.worker === worker)).to.equal(true);
  });

  it('answers /metrics with sums that outlive a worker, /readyz for all, and streams one dashboard', async () => {
    const fleet = await startFleet();
    const health = await dashboardOf(fleet);
    await eventually('it is ready', async () => (await fetch(`${health}/readyz`)).status === 200);
    await send(200, 240, 0);
    await eventually(
      'both have counted all of it',
      async () => readingOf(await metricsOf(fleet), 'sluice_settlements_total', acked) === 40,
    );
    const before = await metricsOf(fleet);
    expect(readingOf(before, 'sluice_processing_seconds_count', acked)).to.equal(40);
    expect(readingOf(before, 'sluice_worker_state', { state: 'running' })).to.equal(1);
    expect(readingOf(before, 'sluice_broker_connected')).to.equal(1);

    process.kill(pidOf(fleet, 2), 'SIGKILL');
    await eventually('it was started again', async () => {
      const samples = await metricsOf(fleet);
      // At no moment do the sums fall.
      expect(readingOf(samples, 'sluice_settlements_total', acked)).to.equal(40);
      return (
        readingOf(samples, 'sluice_fleet_restarts', { worker: '2' }) === 1 &&
        readingOf(samples, 'sluice_fleet_running', { worker: '2' }) === 1
      );
    });

    await send(240, 250, 0);
    const stream = await fetch(`${health}/events`);
    const reader = stream.body?.getReader();
    let text = '';
    await eventually('the stream tells of a message, and of both workers together', async () => {
      text += new TextDecoder().decode((await reader?.read())?.value);
      return STORY.test(text) && text.includes('"prefetch":32');
    });
    await reader?.cancel();
    const [, pipeline, id, tag] = STORY.exec(text) ?? [];
    const story = await fetch(`${health}/story?pipeline=${pipeline}&id=${id}&tag=${tag}`);
    expect(story.status).to.equal(200);
    expect(await story.json()).to.deep.include({ messageId: id, pipeline: 'fleet' });
    fleet.signal('SIGTERM');
    expect(await fleet.exit).to.equal(0);
  });

  it('gives back what still runs at the second signal, and says by its exit code that it did', async () => {
    const fleet = await startFleet();
    for (let n = 0; n < 20; n++) await client.send('fleet', { takesMs: 600_000 }, { messageId: `long${n}` });
    await eventually('they are taken', async () => readingOf(await metricsOf(fleet), 'sluice_in_flight') === 20);
    fleet.signal('SIGTERM');
    await fleet.line(({ msg, worker }) => msg === 'worker draining' && worker === 2);
    fleet.signal('SIGTERM');
    expect(await fleet.exit).to.equal(3);
    expect((await client.drain('fleet')).length).to.equal(20);
  });

  it('ends its workers in order when it is killed itself', async () => {
    const fleet = await startFleet();
    const workers = [pidOf(fleet, 1), pidOf(fleet, 2)];
    process.kill(fleet.pid, 'SIGKILL');
    await eventually('no worker is left', () => workers.every((pid) => !isAlive(pid)));
    expect(fleet.lines.filter(({ msg }) => msg?.startsWith('the parent process is gone'))).to.have.length(2);
    expect(fleet.lines.filter(({ msg }) => msg === 'worker stopped')).to.have.length(2);
  });

  it('tells what is wrong with definitions once, and starts nothing', async () => {
    run = startSluice(['run', fixture('broken'), '--workers', '3'], { AMQP_URL: url });
    expect(await run.exit).to.equal(2);
    const told = run.lines.filter(({ text }) => String(text).includes('this module fails on purpose'));
    expect(told).to.have.length(1);
    expect(run.lines.some(({ msg }) => msg === 'sluice is starting')).to.equal(false);
  });

  it('gives up with the exit code of workers that end before they take a message', async () => {
    run = startSluice(['run', fixture('dying'), '--workers', '2'], { AMQP_URL: url });
    expect(await run.exit).to.equal(9);
    expect(run.lines.filter(({ msg }) => msg?.endsWith('giving up') === true)).to.have.length(1);
  });

  it('runs one embedded broker for all of them where no broker is named', async () => {
    run = startSluice(['run', fixture('fleet'), '--workers', '2'], {});
    const { url: embedded } = await run.line(({ msg }) => msg?.startsWith('AMQP_URL is not set') === true);
    for (const worker of [1, 2])
      await run.line((line) => line.msg === 'consuming' && line.pipeline === 'fleet' && line.worker === worker);
    const stranger = await connectClient(String(embedded));
    expect((await stranger.channel.checkQueue('fleet')).consumerCount).to.equal(2);
    await stranger.close();
    run.signal('SIGINT');
    expect(await run.exit).to.equal(0);
  });

  it('refuses a number that is none, and a recording of several', async () => {
    for (const count of ['0', '-1', '2.5', 'many', '257']) {
      run = startSluice(['run', fixture('fleet'), `--workers=${count}`], { AMQP_URL: url });
      expect(await run.exit, count).to.equal(2);
      expect(run.lines.map(({ text }) => text).join('\n')).to.include('Expected an integer from 1 to 256, or auto.');
    }
    run = startSluice(['run', fixture('fleet'), '--workers', '2', '--record', 'day.jsonl'], { AMQP_URL: url });
    expect(await run.exit).to.equal(2);
    expect(run.lines.map(({ text }) => text).join('\n')).to.include('--record and --workers exclude each other');
  });
});

/** Among the messages whose story can be asked for. */
const STORY = /\{"key":"\[\\"(fleet)\\",\\"(m24\d)\\",(\d+)\]"/;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
