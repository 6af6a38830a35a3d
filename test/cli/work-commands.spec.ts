/** Commands for whoever writes and watches pipelines, as their users run them. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { createEmbeddedBroker } from '../../src/broker/embedded/embedded-broker.ts';
import type { Overview } from '../../src/cli/top/overview.ts';
import type { PipelineGraph } from '../../src/worker/pipeline-graph.ts';
import { type BrokerClient, connectClient } from '../support/broker-client.ts';
import { declarePair, numbered, seedLetters } from '../support/dead-letters.ts';
import { freePort } from '../support/free-port.ts';
import { describeWith } from '../support/services.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { consuming, startSluice, type WorkerProcess } from '../support/worker-process.ts';
import { zsh } from '../support/zsh.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const BIN = join(root, 'bin/sluice.js');
const fixture = (name: string): string => join(root, 'test/fixtures', name);

interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Does not block the event loop: brokers of this process answer meanwhile. */
const sluice = (args: readonly string[], environment: Record<string, string> = {}, input = ''): Promise<Ran> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, [BIN, ...args], {
      cwd: root,
      env: { PATH: process.env.PATH, NO_COLOR: '1', ...environment },
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.on('close', (status) => resolve({ status, stdout, stderr }));
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });

describe('commands for work', function () {
  this.timeout(120_000);
  const broker = createEmbeddedBroker();
  let url: string;
  let client: BrokerClient;
  let folder: string;
  const started: WorkerProcess[] = [];

  before(async () => {
    ({ url } = await broker.start());
    client = await connectClient(url);
  });
  beforeEach(async () => {
    // Inside of the project, so that what is written finds its packages.
    folder = await mkdtemp(join(root, 'test/.new-'));
  });
  afterEach(async () => {
    for (const worker of started.splice(0)) await worker.kill();
    await rm(folder, { recursive: true, force: true });
  });
  after(async () => {
    await client.close();
    await broker.stop();
  });

  describe('the output', () => {
    it('may be read to a point: a command whose reader leaves does the rest, and ends as it would have', async () => {
      await declarePair(client, 'read');
      await seedLetters(client, 'read', numbered(100));
      const child = spawn(process.execPath, [BIN, 'dlq', 'show', 'read', '-n', '100'], {
        env: { PATH: process.env.PATH, AMQP_URL: url },
      });
      let stderr = '';
      child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
      child.stdout.destroy();
      const [status] = await once(child, 'close');
      expect({ status, stderr }).to.deep.equal({ status: 0, stderr: '' });
    });

    for (const args of [['outbox', 'sql'], ['--help'], ['check', '--help'], ['--version']]) {
      it(`fails the command where it has no place, on a full disk: ${args.join(' ')}`, async () => {
        const full = await open('/dev/full', 'w');
        const child = spawn(process.execPath, [BIN, ...args], { stdio: ['ignore', full.fd, 'pipe'] });
        let stderr = '';
        child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
        const [status] = await once(child, 'close');
        await full.close();
        expect(status).to.equal(1);
        expect(stderr).to.include('✗ not all of the output could be written: ENOSPC');
      });
    }
  });

  describe('new', () => {
    it('writes a pipeline that passes check, and a test that passes', async () => {
      const [pipelines, tests] = [join(folder, 'pipelines'), join(folder, 'test')];
      const written = await sluice(['new', 'order-intake', '--pipelines', pipelines, '--tests', tests]);
      expect([written.status, written.stderr]).to.deep.equal([0, '']);
      expect((await sluice(['check', pipelines])).stdout).to.include('✓ order-intake: queue order-intake → service');
      const mocha = join(root, 'node_modules/mocha/bin/mocha.js');
      const args = [
        '--import=tsx',
        '--conditions=sluice-source',
        mocha,
        '--no-config',
        join(tests, 'order-intake.spec.ts'),
      ];
      const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
      expect(status, stdout + stderr).to.equal(0);
      expect(stdout).to.include('2 passing');
    });

    it('names what its test needs and the project has not', async () => {
      const written = await sluice(['new', 'told', '--pipelines', folder, '--tests', folder]);
      expect(written.stdout).to.include('npx mocha --import=tsx').and.not.to.include('npm install');
      const outside = await mkdtemp(join(tmpdir(), 'sluice-new-'));
      const told = execFileSync(process.execPath, [BIN, 'new', 'told'], { cwd: outside, encoding: 'utf8' });
      await rm(outside, { recursive: true });
      expect(told).to.include('  npm install --save-dev mocha tsx\n  npx mocha --import=tsx test/told.spec.ts\n');
    });

    it('tells a program where it is', async () => {
      const { stdout } = await sluice(['new', 'told', '--pipelines', folder, '--tests', folder, '--json']);
      expect(JSON.parse(stdout)).to.deep.equal({
        pipeline: join(folder, 'told.ts'),
        schema: join(folder, 'told.schema.ts'),
        test: join(folder, 'told.spec.ts'),
      });
    });

    it('overwrites nothing', async () => {
      const args = ['new', 'mine', '--pipelines', folder, '--tests', folder];
      await writeFile(join(folder, 'mine.spec.ts'), 'precious');
      const again = await sluice(args);
      expect(again.status).to.equal(1);
      expect(again.stderr).to.include('mine.spec.ts is there already; nothing was written');
      expect(await readFile(join(folder, 'mine.spec.ts'), 'utf8')).to.equal('precious');
      expect((await sluice(['check', folder])).stderr).not.to.include('mine.ts');
    });

    for (const name of ['Order', '../up', 'a b', '1st', 'a--b'])
      it(`refuses the name ${JSON.stringify(name)}`, async () => {
        const refused = await sluice(['new', name, '--pipelines', folder, '--tests', folder]);
        expect(refused.status).to.equal(2);
        expect(refused.stderr).to.include('expected lower-case words with hyphens');
      });
  });

  describe('graph', () => {
    it('draws what pipelines take, call and publish', async () => {
      const { stdout } = await sluice(['graph', 'pipelines', '--format', 'json']);
      expect((await sluice(['graph', 'pipelines', '--json'])).stdout, '--json').to.equal(stdout);
      const { nodes, edges } = JSON.parse(stdout) as PipelineGraph;
      const names = (kind: string): readonly string[] =>
        nodes.filter((node) => node.kind === kind).map(({ name }) => name);
      expect(names('pipeline')).to.include('order-processing');
      expect(names('api')).to.include.members(['inventory', 'payment', 'shipping']);
      expect(names('deadLetters')).to.include('orders.placed.dead');
      expect(new Set(nodes.map(({ id }) => id)).size).to.equal(nodes.length);
      expect(edges).to.deep.include({ from: 'queue:orders.placed', to: 'pipeline:order-processing' });
      expect(edges).to.deep.include({ from: 'pipeline:order-processing', to: 'api:payment' });
      const ids = new Set(nodes.map(({ id }) => id));
      for (const { from, to } of edges) expect(ids.has(from) && ids.has(to), `${from} → ${to}`).to.equal(true);
    });

    it('draws partitions as what they are: an exchange, and queues by a member of the message', async () => {
      const { stdout } = await sluice(['graph', fixture('partitions'), '--json']);
      const { nodes, edges } = JSON.parse(stdout) as PipelineGraph;
      const queue = nodes.find(({ kind }) => kind === 'queue');
      expect(queue).to.deep.equal({
        id: 'queue:postings.0 … postings.7',
        kind: 'queue',
        name: 'postings.0 … postings.7',
        queues: Array.from({ length: 8 }, (_, index) => `postings.${index}`),
      });
      expect(edges.slice(0, 2)).to.deep.equal([
        { from: 'exchange:postings', to: queue?.id, label: 'by account' },
        { from: queue?.id, to: 'pipeline:postings' },
      ]);
      expect((await sluice(['graph', fixture('partitions')])).stdout).to.include('"by account"');
    });

    it('writes mermaid, and a picture that needs nothing', async () => {
      const mermaid = await sluice(['graph', 'pipelines']);
      expect(mermaid.stdout).to.match(/^flowchart LR\n/);
      const [, id = ''] = /(n\d+)\["order-processing"\]:::pipeline/.exec(mermaid.stdout) ?? [];
      expect(mermaid.stdout).to.match(new RegExp(` ${id} --> n\\d+`));
      const { stdout: svg } = await sluice(['graph', 'pipelines', '--format', 'svg']);
      expect(svg)
        .to.match(/^<svg [^>]+>[\s\S]+<\/svg>\n$/)
        .and.include('order-processing');
      expect(svg).not.to.match(/<script|href|NaN|Infinity/);
    });

    it('exits with 2 where a pipeline is wrong', async () =>
      expect((await sluice(['graph', fixture('broken')])).status).to.equal(2));
  });

  describe('publish', () => {
    const lines = (count: number): string =>
      Array.from({ length: count }, (_, n) => `${JSON.stringify({ id: `m${n}`, n })}\n`).join('');

    beforeEach(() => client.channel.assertQueue('jobs', { durable: true }));
    afterEach(() => client.channel.deleteQueue('jobs'));

    it('publishes every line of a file, each confirmed, in the order it stands', async () => {
      const file = join(folder, 'jobs.jsonl');
      await writeFile(file, `${lines(1_200)}\n\n`);
      const done = await sluice(['publish', 'jobs', file, '--id', 'id'], { AMQP_URL: url });
      expect([done.status, done.stdout, done.stderr]).to.deep.equal([0, '1200 published to jobs and confirmed\n', '']);
      const received = await client.drain('jobs');
      expect(received.map(({ properties }) => properties.messageId)).to.deep.equal(
        Array.from({ length: 1_200 }, (_, n) => `m${n}`),
      );
      expect(received[7]?.properties.contentType).to.equal('application/json');
    });

    it('takes a file as Windows writes it, with a mark of its encoding and CRLF', async () => {
      const done = await sluice(['publish', 'jobs', '-'], { AMQP_URL: url }, '\uFEFF{"n":1}\r\n{"n":2}\r\n');
      expect([done.status, done.stdout, done.stderr]).to.deep.equal([0, '2 published to jobs and confirmed\n', '']);
      expect((await client.drain('jobs')).map(({ body }) => body)).to.deep.equal([{ n: 1 }, { n: 2 }]);
    });

    it('reads standard input, and tells a program what it did', async () => {
      const done = await sluice(['publish', 'jobs', '-', '--json'], { AMQP_URL: url }, lines(3));
      expect(done.status).to.equal(0);
      expect(JSON.parse(done.stdout)).to.deep.equal({ queue: 'jobs', confirmed: 3, stopped: false });
      const ids = (await client.drain('jobs')).map(({ properties }) => properties.messageId);
      expect(new Set(ids).size).to.equal(3);
    });

    it('ends at the first line that is wrong, shows nothing of it, and goes on from there when it is mended', async () => {
      const bad = `${lines(2)}{"secret": oops\n${lines(1)}`;
      const ended = await sluice(['publish', 'jobs', '-'], { AMQP_URL: url }, bad);
      expect(ended.status).to.equal(1);
      expect(ended.stdout).to.include('2 published');
      expect(ended.stderr)
        .to.include(
          'line 3: is no JSON: expected one value on each line, as "jq -c" writes them; when it is mended, go on with --from 3',
        )
        .and.not.include('oops');
      await sluice(['publish', 'jobs', '-', '--from', '4'], { AMQP_URL: url }, bad);
      expect(await client.drain('jobs')).to.have.length(3);
      const beyond = await sluice(['publish', 'jobs', '-', '--from', '5'], { AMQP_URL: url }, lines(3));
      expect([beyond.status, beyond.stderr]).to.deep.equal([1, '✗ line 5: is not there: the last one is line 3\n']);
      const over = await sluice(['publish', 'jobs', '-', '--from', '4'], { AMQP_URL: url }, lines(3));
      expect(over.status).to.equal(0);
      const unnamed = await sluice(['publish', 'jobs', '-', '--id', 'key'], { AMQP_URL: url }, lines(1));
      expect(unnamed.stderr).to.include('line 1: has no "key" that could be its message id');
    });

    it('says that the broker takes no messages, goes on when it does, and ends when it is asked to meanwhile', async () => {
      for (const isAsked of [false, true]) {
        broker.block('low on memory');
        const child = spawn(process.execPath, [BIN, 'publish', 'jobs', '-'], {
          cwd: root,
          env: { PATH: process.env.PATH, NO_COLOR: '1', AMQP_URL: url },
        });
        let said = '';
        const isTold = new Promise<void>((resolve) => {
          for (const output of [child.stdout, child.stderr])
            output.on('data', (chunk: Buffer) => {
              said += chunk.toString();
              if (said.includes('the broker takes no messages: low on memory; waiting (asked twice to stop')) resolve();
            });
        });
        const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
        child.stdin.end(lines(3));
        await isTold;
        if (isAsked) child.kill('SIGTERM');
        else broker.unblock();
        const code = await ended;
        broker.unblock();
        expect(code, said).to.equal(isAsked ? 3 : 0);
        expect(said).to.include(
          isAsked
            ? '0 published to jobs and confirmed\n✗ line 1: no confirm yet, the broker may have it or not'
            : 'the broker takes messages again\n3 published to jobs and confirmed',
        );
      }
    });

    it('says so where there is no such queue, no such file, or no broker named', async () => {
      const nowhere = await sluice(['publish', 'nowhere', '-'], { AMQP_URL: url }, lines(1));
      expect(nowhere.status).to.equal(1);
      expect(nowhere.stderr).to.include('line 1: queue "nowhere" does not exist: a worker declares it at its start');
      const missing = await sluice(['publish', 'jobs', join(folder, 'missing')], { AMQP_URL: url });
      expect(missing.status).to.equal(2);
      expect(missing.stderr).to.include('argument: file: cannot be read: ENOENT: no such file');
      const aFolder = await sluice(['publish', 'jobs', folder], { AMQP_URL: url });
      expect(aFolder.status).to.equal(2);
      expect(aFolder.stderr).to.include('is a folder');
      const away = await sluice(
        ['publish', 'jobs', '-'],
        { AMQP_URL: `amqp://guest:canary@127.0.0.1:${await freePort()}` },
        lines(1),
      );
      expect(away.status).to.equal(1);
      expect(away.stderr)
        .to.match(/no connection to the broker: amqp:\/\/127.*ECONNREFUSED/)
        .and.not.include('canary');
      const unset = await sluice(['publish', 'jobs', '-'], {}, lines(1));
      expect(unset.status).to.equal(2);
      expect(unset.stderr).to.include('AMQP_URL: is not set');
    });
  });

  describe('a broker that takes the connection and says nothing', () => {
    for (const args of [
      ['doctor', fixture('flaky'), '--json'],
      ['topology', fixture('flaky'), '--apply'],
      ['dlq', 'ls', '--pipelines', fixture('flaky')],
      ['publish', 'orders', '-'],
    ])
      it(`is waited for until a signal ends that, with 3: ${args[0]}`, async () => {
        const sockets: Socket[] = [];
        const silent = createTcpServer((socket) => void sockets.push(socket.on('error', () => {})));
        await once(silent.listen(0, '127.0.0.1'), 'listening');
        try {
          const connected = once(silent, 'connection');
          const { port } = silent.address() as AddressInfo;
          const run = startSluice(args, { AMQP_URL: `amqp://127.0.0.1:${port}` });
          started.push(run);
          await Promise.race([connected, run.exit]);
          run.signal('SIGINT');
          expect(await run.exit).to.equal(3);
          expect(run.lines).to.deep.equal([
            { text: '✗ stopped while there was no connection to the broker: nothing was done' },
          ]);
        } finally {
          for (const socket of sockets) socket.destroy();
          silent.close();
        }
      });
  });

  describe('a broker that falls silent in the middle', () => {
    let line: TcpProxy;
    let silence: Promise<void>;
    beforeEach(async () => {
      let fall = (): void => {};
      silence = new Promise((resolve) => {
        fall = resolve;
      });
      line = await startTcpProxy(Number(new URL(url).port), {
        // The first that names what the pipelines need is asked, and has no answer.
        beforeChunk: (chunk) => {
          if (!chunk.includes('flaky')) return;
          line.freeze('both');
          fall();
        },
      });
    });
    afterEach(() => line.stop());
    const startOn = (args: readonly string[], parameters = ''): WorkerProcess => {
      const run = startSluice(args, { AMQP_URL: `amqp://127.0.0.1:${line.port}/${parameters}`, NO_COLOR: '1' });
      started.push(run);
      return run;
    };
    const lines = ({ lines: all }: WorkerProcess): readonly unknown[] => all.map(({ text }) => text);

    for (const [args, said] of [
      [
        ['topology', fixture('flaky'), '--apply'],
        '✗ stopped as asked: some of it may be declared, and applied again it is the same',
      ],
      [['doctor', fixture('flaky')], '✗ stopped as asked: not everything was looked at'],
    ] as const)
      it(`is waited for until a signal ends that, with 3: ${args[0]}`, async () => {
        const run = startOn(args);
        await Promise.race([silence, run.exit]);
        run.signal('SIGINT');
        expect(await run.exit).to.equal(3);
        expect(lines(run)).to.deep.equal([said]);
      });

    it('ends what declares, and what looks, after three heartbeats, with 1 and the reason', async () => {
      for (const args of [
        ['topology', fixture('flaky'), '--apply'],
        ['doctor', fixture('flaky')],
      ]) {
        const run = startOn(args, '?heartbeat=1');
        expect(await run.exit).to.equal(1);
        expect(lines(run)).to.deep.equal(['✗ the broker has fallen silent: not even a heartbeat came']);
        line.thaw();
      }
    });
  });

  describe('top', () => {
    it('shows a running worker, as a table and as JSON', async () => {
      const worker = startSluice(['run', fixture('hanging')], {
        AMQP_URL: url,
        SLUICE_TOKEN: 'a-token-of-24-characters',
      });
      started.push(worker);
      await consuming(worker, ['hanging']);
      const { dashboard: health } = await worker.line(({ msg }) => msg === 'sluice is starting');
      await client.send('hanging', { hangs: false }, { messageId: 'm1' });
      await client.send('hanging', { hangs: true }, { messageId: 'm2' });
      await worker.line(({ msg }) => msg === 'done');

      const refused = await sluice(['top', String(health), '--once']);
      expect(refused.status).to.equal(1);
      expect(refused.stderr).to.include('asks for its token: set SLUICE_TOKEN');
      const token = { SLUICE_TOKEN: 'a-token-of-24-characters' };
      const table = await sluice(['top', String(health), '--once'], token);
      expect(table.status, table.stderr).to.equal(0);
      expect(table.stdout)
        .to.include('running')
        .and.match(/hanging +yes +0\/s +1 +/);
      const { stdout } = await sluice(['top', String(health), '--json'], token);
      const { pipelines, isConnected } = JSON.parse(stdout) as Overview;
      expect(isConnected).to.equal(true);
      expect(pipelines[0]).to.deep.include({ pipeline: 'hanging', isConsuming: true, inFlight: 1, dead: 0 });
      expect(await worker.cutShort()).to.equal(3);
    });

    it('says so where no worker is, and where the address is none', async () => {
      const nobody = await sluice(['top', 'http://127.0.0.1:1']);
      expect([nobody.status, nobody.stderr]).to.deep.equal([
        1,
        '✗ http://127.0.0.1:1 does not answer; is a worker running there?\n',
      ]);
      expect((await sluice(['top', 'worker-3'])).status).to.equal(2);
      const shown = await sluice(['top', 'http://ops:canary@127.0.0.1:1']);
      expect([shown.status, shown.stderr]).to.deep.equal([
        2,
        '✗ argument: address: must not hold a user name or password: a worker asks for its token alone, which SLUICE_TOKEN or SLUICE_TOKEN_FILE tells\n\n1 problem. Nothing was done.\n',
      ]);
      const other = createServer((_request, response) => response.end('up 1\n')).listen(0, '127.0.0.1');
      await once(other, 'listening');
      const address = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
      const stranger = await sluice(['top', address, '--once']);
      other.close();
      expect([stranger.status, stranger.stdout, stranger.stderr]).to.deep.equal([
        1,
        '',
        `✗ ${address} answers, and tells nothing of sluice: is that a worker of sluice?\n`,
      ]);
      // It asks a worker, and no broker.
      const { stderr } = await sluice(['top', 'http://127.0.0.1:1'], { NODE_ENV: 'production' });
      expect(stderr).to.equal(nobody.stderr);
    });
  });

  describe('help', () => {
    it('is that of a command, and of a member of a family', async () => {
      const { status, stdout } = await sluice(['help', 'dlq', 'retry']);
      expect([status, stdout.split('\n')[0]]).to.deep.equal([0, 'Usage: sluice dlq retry [options] <queue>']);
      expect(await sluice(['dlq', 'help', 'retry'])).to.deep.equal({ status, stdout, stderr: '' });
      expect(await sluice(['help'])).to.deep.equal(await sluice(['--help']));
    });

    it('names a command that there is not, and those that there are', async () => {
      const all =
        'there are run, serve, replay, check, dev, broker, outbox, doctor, topology, new, graph, publish, top, dlq';
      const ofDlq = "error: sluice dlq has no command 'nope': there are ls, show, retry, edit, drop, help\n";
      for (const args of [['help', 'nope'], ['nope']]) {
        const { status, stdout, stderr } = await sluice(args);
        expect([status, stdout], stderr).to.deep.equal([2, '']);
        expect(stderr).to.include(`error: sluice has no command 'nope': ${all}`);
      }
      for (const args of [
        ['help', 'dlq', 'nope'],
        ['dlq', 'help', 'nope'],
        ['dlq', 'nope'],
      ])
        expect(await sluice(args), args.join(' ')).to.deep.equal({ status: 2, stdout: '', stderr: ofDlq });
      expect((await sluice(['help', 'run', 'nope'])).stderr).to.equal(
        "error: sluice run has no command 'nope': it has no commands\n",
      );
    });
  });

  describe('completion', () => {
    const complete = (...words: readonly string[]): readonly string[] => {
      const script = execFileSync(process.execPath, [BIN, 'completion', 'bash'], { encoding: 'utf8' });
      const line = ['sluice', ...words].map((word) => `'${word}'`).join(' ');
      const asked = `${script}\nCOMP_WORDS=(${line}); COMP_CWORD=${words.length}; _sluice; printf '%s\\n' "\${COMPREPLY[@]}"`;
      return execFileSync('bash', ['-c', asked], { encoding: 'utf8' }).trim().split('\n');
    };

    it('completes commands, those below them, and their options', () => {
      expect(complete('')).to.include.members(['run', 'dlq', 'publish', 'top', 'completion']);
      expect(complete('pu')).to.deep.equal(['publish']);
      expect(complete('dlq', 're')).to.deep.equal(['retry']);
      expect(complete('dlq', 'retry', '--ra')).to.deep.equal(['--rate']);
      expect(complete('publish', 'orders', '--fr')).to.deep.equal(['--from']);
    });

    const forZsh = (): string => execFileSync(process.execPath, [BIN, 'completion', 'zsh'], { encoding: 'utf8' });

    it('writes a script for zsh', () => {
      expect(forZsh())
        .to.match(/^#compdef sluice\n/)
        .and.include("'dlq retry') words=");
    });

    describeWith(zsh, 'as zsh reads it', (shell) => {
      it('has no mistake', () => {
        const { status, stderr } = spawnSync(shell(), ['-n'], { input: forZsh(), encoding: 'utf8' });
        expect(status, stderr).to.equal(0);
      });
    });
  });
});
