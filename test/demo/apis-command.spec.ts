/** `npm run apis` as a program: says where everything is, stops cleanly on a signal, and names what keeps it from starting. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect } from 'chai';

const main = join(import.meta.dirname, '../../demo/apis/main.ts');

const program = ['--import', 'tsx', main];

function start(command: string, args: readonly string[], environment: Readonly<Record<string, string>>) {
  const child = spawn(command, args, { env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] });
  const printed = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    printed.err += text;
  });
  return { child, printed };
}

describe('npm run apis', () => {
  let running: ChildProcess | undefined;
  afterEach(() => running?.kill('SIGKILL'));

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    it(`prints a table of names and URLs, serves, and exits 0 on ${signal}`, async () => {
      const { child, printed } = start(process.execPath, program, { SAMPLE_APIS_PORTS: 'free' });
      running = child;
      while (!printed.out.includes('VENDOR_C_API_BASE_URL')) await once(child.stdout, 'data');

      const [, origin] = /payment +(http:\S+)\/api\/v1 +POST \/charge, POST \/refund/.exec(printed.out) ?? [];
      expect((await fetch(`${origin}/_health`)).status).to.equal(200);
      expect(printed.out).to.match(new RegExp(`curl -d '(\\{.+\\})' ${origin}/_faults`));
      const [, fault = ''] = /curl -d '(\{.+\})'/.exec(printed.out) ?? [];
      expect((await fetch(`${origin}/_faults`, { method: 'POST', body: fault })).status).to.equal(201);

      child.kill(signal);
      expect(await once(child, 'exit')).to.deep.equal([0, null]);
      expect(printed.err).to.equal('');
    });
  }

  it('stops when npm ended the shell it runs in', async () => {
    const line = `"${process.execPath}" --import tsx "${main}"; true`;
    const { child, printed } = start('sh', ['-c', line], { SAMPLE_APIS_PORTS: 'free', npm_lifecycle_event: 'apis' });
    running = child;
    while (!printed.out.includes('VENDOR_C_API_BASE_URL')) await once(child.stdout, 'data');
    const [origin] = /http:\/\/[\d.:]+/.exec(printed.out) ?? [];

    // The pipe closes when the last process that holds it ends: not the shell, the APIs.
    const ended = once(child, 'close');
    child.kill('SIGTERM');
    await ended;
    expect(await fetch(`${origin}/_health`).catch(() => 'nobody')).to.equal('nobody');
  });

  it('says what keeps it from listening, and exits 1', async () => {
    // 203.0.113.0/24 is kept for examples: no machine has an address of it.
    const { child, printed } = start(process.execPath, program, {
      SAMPLE_APIS_PORTS: 'free',
      SAMPLE_APIS_HOST: '203.0.113.1',
    });
    running = child;
    expect(await once(child, 'close')).to.deep.equal([1, null]);
    expect(printed.err).to.include('sample API "ums" cannot listen on 203.0.113.1').and.to.include('SAMPLE_APIS_HOST');
    expect(printed.err).to.not.include('    at ');
  });
});
