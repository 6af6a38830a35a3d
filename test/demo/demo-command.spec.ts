/** `npm run demo` as a program: every message comes to an end, the books balance, and nothing has to be installed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect } from 'chai';
import { eventually } from '../support/eventually.ts';

const main = join(import.meta.dirname, '../../demo/main.ts');

/** What the dashboard sends first to whoever opens it: all of it. */
async function firstFrameOf(dashboard: string, headers: Readonly<Record<string, string>>): Promise<string> {
  const leave = new AbortController();
  const response = await fetch(`${dashboard}/events`, { headers, signal: leave.signal });
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    if (text.includes('\n\n')) break;
  }
  leave.abort();
  return text;
}

describe('npm run demo', () => {
  let running: ChildProcess | undefined;
  afterEach(() => running?.kill('SIGKILL'));

  const start = (environment: Readonly<Record<string, string>>, ...args: string[]) => {
    const child = spawn(process.execPath, ['--import', 'tsx', '--conditions=sluice-source', main, ...args], {
      env: { PATH: process.env.PATH, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running = child;
    const printed = { text: '' };
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        printed.text += text;
      });
    }
    return { child, printed };
  };

  it('takes every message to an end, shows each kind of it, and exits 0 with balanced books', async () => {
    const { child, printed } = start({}, '--once', '--messages', '200');
    expect(await once(child, 'exit'), printed.text).to.deep.equal([0, null]);
    const rows = new Map(
      [...printed.text.matchAll(/^([a-z-]+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+)ms +(\d+)ms$/gm)].map(
        ([, name, ...figures]) => [name, figures.map(Number)],
      ),
    );
    expect([...rows.keys()]).to.have.members([
      'user-registration',
      'order-processing',
      'content-syndication',
      'product-search',
    ]);
    for (const [received = 0, succeeded = 0, compensated = 0, partial = 0, , deadLettered = 0] of rows.values()) {
      expect(received).to.equal(50);
      expect(succeeded + compensated + partial + deadLettered).to.equal(received);
      expect(deadLettered).to.be.above(0);
    }
    const [, , compensated, , retried] = rows.get('order-processing') ?? [];
    expect(compensated).to.be.above(0);
    expect(retried).to.be.above(0);
    expect(printed.text).to.match(
      /✓ delivered \d+ = acked \d+ \+ retried \d+ \+ dead-lettered \d+ \+ returned 0 \+ in flight 0/,
    );
  });

  it('stays up without --once, has a saga that is stuck until it is resumed, and stops all of it on Ctrl-C', async () => {
    const token = 'a-token-of-the-demo';
    const { child, printed } = start({ SLUICE_TOKEN: token }, '--messages', '4');
    while (!printed.text.includes('Ctrl-C stops everything')) await once(child.stdout, 'data');
    const [dashboard = ''] = /http:\/\/[\d.:]+/.exec(printed.text) ?? [];
    const headers = { authorization: `Bearer ${token}` };
    const ask = async (path: string): Promise<string> => {
      const response = await fetch(`${dashboard}${path}`, { headers });
      const text = await response.text();
      expect(response.status, text).to.equal(200);
      return text;
    };
    // Messages go on, and what the dashboard shows of them can be looked at: some break off in the middle, orders are sagas.
    await eventually('a dead letter', async () => (await ask('/dead-letters')).includes('ERR_PAYLOAD_INVALID'), 60_000);
    await eventually('a saga', async () => (await ask('/sagas?state=all')).includes('"order-2"'), 60_000);
    const isStuck = async () => (await ask('/sagas?state=stuck')).includes('"order-3"');
    await eventually('a saga that is stuck', isStuck, 60_000);
    await eventually(
      'a count of it on the overview',
      async () => /"name":"place-order","lastKind":"stuck","entries":1\b/.test(await firstFrameOf(dashboard, headers)),
      60_000,
    );
    const resumed = await fetch(`${dashboard}/sagas/resume`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ saga: 'place-order', id: 'order-3' }),
    });
    expect(await resumed.json()).to.include({ isDone: true });
    await eventually('that it is undone', async () => !(await isStuck()), 60_000);
    child.kill('SIGINT');
    expect(await once(child, 'exit'), printed.text).to.deep.equal([0, null]);
  }).timeout(180_000);

  it('names a setting that is wrong', async () => {
    const { child, printed } = start({ SLUICE_TOKEN: 'short' });
    expect(await once(child, 'exit'), printed.text).to.deep.equal([2, null]);
    expect(printed.text).to.include('SLUICE_TOKEN').and.to.include('Nothing was started.');
  });
});
