/** The front door of real processes: beside its worker, alone, and not at all. */
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { createEmbeddedBroker } from '../../src/broker/embedded/embedded-broker.ts';
import { eventually } from '../support/eventually.ts';
import { consuming, startSluice, type WorkerProcess } from '../support/worker-process.ts';

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));

describe('the front door of the command line', () => {
  const broker = createEmbeddedBroker();
  let environment: Record<string, string>;
  const running: WorkerProcess[] = [];
  before(async () => {
    const { url } = await broker.start();
    environment = { AMQP_URL: url, SHOP_KEY: 'shop-key-0123456789', SLUICE_DOOR_PORT: '0' };
  });
  afterEach(() => Promise.all(running.splice(0).map((run) => run.kill())));
  after(() => broker.stop());

  const start = (args: readonly string[], more: Record<string, string> = {}): WorkerProcess => {
    const run = startSluice(args, { ...environment, ...more });
    running.push(run);
    return run;
  };
  const doorOf = async (run: WorkerProcess): Promise<string> =>
    String((await run.line(({ msg }) => msg === 'the front door is open')).url);
  const post = async (url: string, body: unknown, headers: Record<string, string> = {}) => {
    const response = await fetch(`${url}/entered`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', 'x-api-key': 'shop-key-0123456789', ...headers },
    });
    return [response.status, await response.json()];
  };

  it('opens with a worker, is described, and ends with it in order', async () => {
    const run = start(['run', fixture('entered')]);
    await consuming(run, ['entered']);
    const url = await doorOf(run);
    expect(await post(url, { n: 4 })).to.deep.equal([200, { doubled: 8 }]);
    const document = (await (await fetch(`${url}/openapi.json`)).json()) as { paths: object };
    expect(Object.keys(document.paths)).to.deep.equal(['/entered', '/entered/status/{id}']);
    run.signal('SIGTERM');
    expect(await run.exit).to.equal(0);
    expect(await fetch(url).catch(() => 'closed')).to.equal('closed');
  });

  it('is served alone, with workers elsewhere that have none', async () => {
    const worker = start(['run', fixture('entered')], { SLUICE_DOOR_PORT: 'off' });
    await consuming(worker, ['entered']);
    const door = start(['serve', fixture('entered'), '--port', '0'], { SLUICE_DOOR_PORT: 'off' });
    const url = await doorOf(door);
    // Port 8080 is the worker's, or somebody else's: whoever asks for its readiness has to be told where.
    const { management } = await door.line(({ msg }) => msg === 'sluice is serving');
    expect((await fetch(`${String(management)}/livez`)).status).to.equal(200);
    await eventually('it is connected', async () => (await post(url, { n: 1 }))[0] === 200);
    expect(await post(url, { n: 5 })).to.deep.equal([200, { doubled: 10 }]);
    expect(worker.lines.some(({ msg }) => msg === 'the front door is open')).to.equal(false);

    worker.signal('SIGTERM');
    await worker.exit;
    const [status] = await post(url, { n: 6 }, { prefer: 'respond-async' });
    expect(status).to.equal(202);
    const waiting = post(url, { n: 7 });
    await eventually('it waits', () => broker.stats().queues.get('entered')?.ready === 2);
    door.signal('SIGTERM');
    await door.line(({ msg }) => msg === 'asked to stop: answering who is in');
    door.signal('SIGTERM');
    expect((await waiting)[0]).to.equal(202);
    expect(await door.exit).to.equal(0);
  });

  it('counts its requests, once each, on the page of several workers', async () => {
    const run = start(['run', fixture('entered'), '--workers', '2']);
    for (const worker of [1, 2]) await run.line((line) => line.msg === 'consuming' && line.worker === worker);
    const url = await doorOf(run);
    for (let n = 0; n < 5; n++) expect((await post(url, { n }))[0]).to.equal(200);
    expect((await post(url, { n: 'one' }))[0]).to.equal(422);
    const page = String((await run.line(({ msg }) => msg === 'sluice is starting')).dashboard);
    const metrics = async () => (await fetch(`${page}/metrics`)).text();
    // What a request was answered is counted when its connection has the answer.
    await eventually('they are counted', async () => {
      const text = await metrics();
      return (
        text.includes('sluice_requests_total{pipeline="entered",status="200"} 5\n') &&
        text.includes('sluice_requests_total{pipeline="entered",status="422"} 1\n') &&
        text.includes('sluice_request_seconds_count{pipeline="entered"} 6\n')
      );
    });
    expect((await metrics()).match(/^# TYPE sluice_requests_total /gm)).to.have.length(1);
    run.signal('SIGTERM');
    expect(await run.exit).to.equal(0);
  });

  it('names every mistake at once before anything is opened', async () => {
    const printed = async (args: readonly string[], more: Record<string, string>): Promise<string> => {
      const run = start(args, more);
      expect(await run.exit).to.equal(2);
      return run.lines.map((line) => line.text ?? '').join('\n');
    };
    const clashing = await printed(['check', fixture('entered-wrong')], { SLUICE_DOOR_HOST: '0.0.0.0' });
    expect(clashing).to.include('pipeline "two": ingress.path: "/Orders" is that of pipeline "one" too');
    const wrong = await printed(['run', fixture('entered')], { SHOP_KEY: '', SLUICE_DOOR_PORT: 'three' });
    expect(wrong).to.include('SHOP_KEY').and.include('SLUICE_DOOR_PORT: expected a port number, or off');
    const alone = await printed(['serve', fixture('beat')], { AMQP_URL: '' });
    expect(alone).to.include('no pipeline has one').and.include('AMQP_URL: is not set');
    // What follows from a mistake that is told is not told beside it.
    const nowhere = await printed(['serve', fixture('not-there')], {});
    expect(nowhere).to.include('does not exist').and.not.include('no pipeline has one');
  });
});
