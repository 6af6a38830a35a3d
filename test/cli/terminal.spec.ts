/** What a terminal shows of `sluice run` and `sluice top`, and how they leave it. */
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { createEmbeddedBroker } from '../../src/broker/embedded/embedded-broker.ts';
import { fitted } from '../../src/cli/top/screen.ts';
import { type BrokerClient, connectClient } from '../support/broker-client.ts';
import { describeWithTerminal, openTerminal, type Terminal } from '../support/terminal.ts';
import { consuming, startSluice, type WorkerProcess } from '../support/worker-process.ts';

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
const CTRL_C = '\u0003';
const last = ({ lines }: Terminal): string => lines().findLast((line) => line !== '') ?? '';

describeWithTerminal('a terminal', () => {
  const broker = createEmbeddedBroker();
  let url: string;
  let client: BrokerClient;
  const opened: Terminal[] = [];
  const started: WorkerProcess[] = [];

  before(async () => {
    ({ url } = await broker.start());
    client = await connectClient(url);
  });
  afterEach(async () => {
    for (const terminal of opened.splice(0)) terminal.kill();
    for (const worker of started.splice(0)) await worker.kill();
  });
  after(async () => {
    await client.close();
    await broker.stop();
  });

  const open = (args: readonly string[], size: { columns: number; rows: number }): Terminal => {
    const terminal = openTerminal(args, { AMQP_URL: url }, size);
    opened.push(terminal);
    return terminal;
  };

  it('shows lines of a worker above one status that stays last, and none when it has ended', async () => {
    const terminal = open(['run', fixture('hanging')], { columns: 100, rows: 20 });
    await terminal.shows(/^running · .*0 in flight · 0 done/m);
    await client.send('hanging', { hangs: false }, { messageId: 'm1' });
    await terminal.shows(/^running · .* 1 done · 0 retried · 0 dead-lettered/m);
    await client.send('hanging', 'no object', { messageId: 'm2' });
    await terminal.shows(/^running · .* 1 done · 0 retried · 1 dead-lettered/m);
    expect(last(terminal), 'it is last').to.match(/^running · /);
    expect(terminal.lines().filter((line) => line.startsWith('running · '))).to.have.length(1);
    expect(terminal.lines().findIndex((line) => /dead-lettered/.test(line) && /m2/.test(line))).to.be.greaterThan(0);

    terminal.press(CTRL_C);
    expect(await terminal.exit).to.equal(0);
    expect(last(terminal), 'settings of the terminal').to.equal('as it was');
    const [ended, ...below] = terminal.lines().filter((line) => /worker stopped|running · |draining · /.test(line));
    expect(ended).to.include('worker stopped');
    expect(below, 'no status is left').to.deep.equal([]);
    expect(terminal.cursor).to.include({ column: 0, isVisible: true });
    await client.drain('hanging.dead');
  });

  it('shows of dev what it shows of run: what was loaded, where to look, and the status', async () => {
    const terminal = open(['dev', fixture('hanging')], { columns: 100, rows: 30 });
    await terminal.shows(/^ {2}hanging {2}hanging /m);
    await terminal.shows(/^ {2}look at {2}http:\/\/127\.0\.0\.1:\d+/m);
    await terminal.shows(/^running · .*0 in flight · 0 done/m);
    terminal.press(CTRL_C);
    expect(await terminal.exit).to.equal(0);
    expect(
      terminal.lines().filter((line) => /^(running|draining|stopped) · /.test(line)),
      'no status is left',
    ).to.deep.equal([]);
  });

  it('cuts the status to the width of the window', async () => {
    const terminal = open(['run', fixture('hanging')], { columns: 34, rows: 20 });
    await terminal.shows(/^running · 0\/s · 0 in flight/m);
    expect(last(terminal)).to.have.length(33);
    terminal.press(CTRL_C);
    expect(await terminal.exit).to.equal(0);
  });

  it('shows top in a window of its own, cut to its size, and gives back what stood there', async () => {
    const worker = startSluice(['run', fixture('hanging')], { AMQP_URL: url });
    started.push(worker);
    await consuming(worker, ['hanging']);
    const { dashboard = '' } = await worker.line(({ msg }) => msg === 'sluice is starting');
    const terminal = open(['top', String(dashboard)], { columns: 40, rows: 5 });
    await terminal.shows(/^hanging +yes/m);
    expect(terminal.isAlternate).to.equal(true);
    expect(terminal.cursor.isVisible).to.equal(false);
    const [head = '', gap, titles = '', , more = ''] = terminal.lines();
    expect(head).to.match(/^http:\/\/127\.0\.0\.1:\d+ {2}running {2}con/);
    expect(gap).to.equal('');
    expect(titles)
      .to.match(/^PIPELINE .*IN FLIGHT/)
      .and.not.include('P99');
    expect(more).to.match(/^… \d+ more$/);
    await client.send('hanging', { hangs: true }, { messageId: 'm3' });
    await terminal.shows(/^hanging +yes +\S+ +1 /m);

    terminal.press(CTRL_C);
    expect(await terminal.exit).to.equal(0);
    expect(terminal.isAlternate).to.equal(false);
    expect(terminal.cursor).to.include({ column: 0, isVisible: true });
    const left = terminal.lines().filter((line) => line !== '' && line !== '^C');
    expect(left).to.deep.equal(['before', 'as it was']);
    worker.signal('SIGTERM');
    worker.signal('SIGTERM');
  });

  it('says why top ends where a person still sees it', async () => {
    const terminal = open(['top', 'http://127.0.0.1:1'], { columns: 100, rows: 10 });
    expect(await terminal.exit).to.equal(1);
    expect(terminal.isAlternate).to.equal(false);
    expect(terminal.cursor.isVisible).to.equal(true);
    expect(terminal.lines().join('\n')).to.match(
      /^before\n.*does not answer; is a worker running there\?\nas it was\n/,
    );
  });
});

describe('what fits on a screen', () => {
  it('is as many lines as it has, each as long as it is wide, colours not counted', () => {
    const red = '\u001b[31mabc\u001b[39mdef';
    expect(fitted(['abcdef', red, 'ab'], { columns: 4, rows: 3 })).to.deep.equal([
      'abcd\u001b[0m',
      '\u001b[31mabc\u001b[39md\u001b[0m',
      'ab',
    ]);
    expect(fitted(['1', '2', '3', '4'], { columns: 20, rows: 3 })).to.deep.equal(['1', '2', '… 2 more']);
  });
});
