/** Secrets in files that are replaced under a real worker: a client's key at the front door, the token of the management port. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { createEmbeddedBroker } from '../../src/broker/embedded/embedded-broker.ts';
import { consuming, startSluice, type WorkerProcess } from '../support/worker-process.ts';

const ENTERED = fileURLToPath(new URL('../fixtures/entered', import.meta.url));

/** Of a client of the door, and of who asks the worker. */
interface Secrets {
  readonly key: string;
  readonly token: string;
}

describe('secrets in files that are replaced', () => {
  const broker = createEmbeddedBroker();
  let folder: string;
  let run: WorkerProcess | undefined;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-rotated-'));
  });
  afterEach(() => run?.kill());
  after(async () => {
    await broker.stop();
    rmSync(folder, { recursive: true });
  });

  const replace = ({ key, token }: Secrets): void => {
    for (const [name, text] of Object.entries({ key, token })) {
      writeFileSync(join(folder, 'next'), text);
      renameSync(join(folder, 'next'), join(folder, name));
    }
  };

  it('S4: let nobody in by the old ones 10 s later, and by the new ones, without a restart and without a word of either in the log', async function () {
    this.timeout(60_000);
    const old: Secrets = { key: 'canary-key-27182818', token: 'canary-token-27182818' };
    const next: Secrets = { key: 'canary-key-31415926', token: 'canary-token-31415926' };
    replace(old);
    run = startSluice(['run', ENTERED], {
      AMQP_URL: (await broker.start()).url,
      SLUICE_DOOR_PORT: '0',
      SHOP_KEY_FILE: join(folder, 'key'),
      SLUICE_TOKEN_FILE: join(folder, 'token'),
      LOG_LEVEL: 'trace',
    });
    await consuming(run, ['entered']);
    const door = String((await run.line(({ msg }) => msg === 'the front door is open')).url);
    const management = String((await run.line(({ msg }) => msg === 'sluice is starting')).dashboard);
    const statuses = async ({ key, token }: Secrets): Promise<readonly number[]> => {
      const json = { 'content-type': 'application/json' };
      const entered = await fetch(`${door}/entered`, {
        method: 'POST',
        body: '{"n":1}',
        headers: { ...json, 'x-api-key': key },
      });
      const told = await fetch(`${management}/metrics`, { headers: { authorization: `Bearer ${token}` } });
      return [entered.status, told.status];
    };
    expect([await statuses(old), await statuses(next)]).to.deep.equal([
      [200, 200],
      [401, 401],
    ]);
    replace(next);
    const endMs = Date.now() + 10_000;
    // Not faster: an address that fails 30 times in a minute is shut out.
    while (Date.now() < endMs && (await statuses(next)).some((status) => status !== 200))
      await new Promise((resolve) => setTimeout(resolve, 900));
    expect([await statuses(old), await statuses(next)]).to.deep.equal([
      [401, 401],
      [200, 200],
    ]);
    const replaced = run.lines.filter(({ msg }) => msg === 'a secret was replaced').map(({ setting }) => setting);
    expect(replaced.sort()).to.deep.equal(['SHOP_KEY', 'SLUICE_TOKEN']);
    expect(JSON.stringify(run.lines)).to.not.include('canary');
  });
});
