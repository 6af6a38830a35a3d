/** Keys of clients that stand in files, which are replaced while the door is open. In virtual time, with files. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { asyncScheduler, firstValueFrom } from 'rxjs';
import { env } from '../../src/config.ts';
import type { Authenticator } from '../../src/ingress/client-auth.ts';
import { clientKeys } from '../../src/ingress/client-keys.ts';
import { type Logger, silentLogger } from '../../src/log.ts';
import { Secret } from '../../src/setting.ts';

const [OLD, NEW, BANK, ELSE] = [
  'shop-key-0123456789',
  'shop-key-9876543210',
  'bank-key-0123456789',
  'else-key-0123456789',
];
const SHARED = 'two clients have the same key: it is refused until they have not';

describe('client keys in files', () => {
  const { now } = asyncScheduler;
  let nowMs: number;
  let folder: string;
  let told: string[];
  const log: Logger = {
    ...silentLogger,
    warn: (fields: unknown, message = '') => void told.push(`${message}: ${(fields as { reason: string }).reason}`),
  };
  beforeEach(() => {
    nowMs = 0;
    told = [];
    asyncScheduler.now = () => nowMs;
    folder = mkdtempSync(join(tmpdir(), 'sluice-keys-'));
  });
  afterEach(() => {
    asyncScheduler.now = now;
    rmSync(folder, { recursive: true });
    for (const name of ['SHOP_KEY_FILE', 'BANK_KEY_FILE', 'NEXT_KEY_FILE']) delete process.env[name];
  });

  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
  const inFile = (name: string, text: string) => {
    write(name, text);
    process.env[`${name}_FILE`] = join(folder, name);
    return env.secret(name);
  };
  const clientOf = async (auth: Authenticator, key: string): Promise<string | number> => {
    const who = await firstValueFrom(auth({ 'x-api-key': key }));
    return who.ok ? who.client : who.refusal.status;
  };
  /** As one who is asked all the time. */
  const pass = async (auth: Authenticator, ms: number): Promise<void> => {
    for (const end = nowMs + ms; nowMs < end; nowMs += 500) await clientOf(auth, '');
  };

  it('S17: that is replaced lets nobody in any more after 10 s, and the next one does; others stay as they are', async () => {
    const auth = clientKeys({ shop: inFile('SHOP_KEY', OLD), bank: new Secret(BANK) }).open(log);
    expect(await clientOf(auth, OLD)).to.equal('shop');
    write('next', `${NEW}\n`);
    renameSync(join(folder, 'next'), join(folder, 'SHOP_KEY'));
    expect(await clientOf(auth, OLD)).to.equal('shop');
    await pass(auth, 10_000);
    expect([await clientOf(auth, OLD), await clientOf(auth, NEW), await clientOf(auth, BANK)]).to.deep.equal([
      401,
      'shop',
      'bank',
    ]);
    expect(told).to.deep.equal([]);
  });

  it('that was taken away or emptied lets its client in on, which the log says once; another is replaced meanwhile', async () => {
    const auth = clientKeys({ shop: inFile('SHOP_KEY', OLD), bank: inFile('BANK_KEY', BANK) }).open(log);
    rmSync(join(folder, 'SHOP_KEY'));
    await pass(auth, 20_000);
    write('SHOP_KEY', '');
    write('BANK_KEY', 'bank-key-9876543210');
    await pass(auth, 20_000);
    expect(await clientOf(auth, OLD)).to.equal('shop');
    expect([await clientOf(auth, BANK), await clientOf(auth, 'bank-key-9876543210')]).to.deep.equal([401, 'bank']);
    expect(told).to.have.length(1);
    expect(told[0]).to.match(/^a secret cannot be read again: .*SHOP_KEY_FILE: cannot be read: ENOENT/);
    write('SHOP_KEY', NEW);
    await pass(auth, 10_000);
    expect(await clientOf(auth, OLD)).to.equal(401);
  });

  it('may have been another’s: keys that are swapped with each other are those of the other by then, in whatever order they are', async () => {
    const auth = clientKeys({ shop: inFile('SHOP_KEY', OLD), bank: inFile('BANK_KEY', BANK) }).open(log);
    const who = async () => [await clientOf(auth, OLD), await clientOf(auth, BANK)];
    write('SHOP_KEY', BANK);
    write('BANK_KEY', OLD);
    for (let ms = 0; ms < 10_000; ms += 500) {
      nowMs += 500;
      expect(['shop,bank', 'bank,shop']).to.include((await who()).join());
    }
    expect(await who()).to.deep.equal(['bank', 'shop']);
    // The file of one, and of the other when both keys are those of the first.
    write('SHOP_KEY', OLD);
    await pass(auth, 10_000);
    expect(await who()).to.deep.equal([503, 401]);
    write('BANK_KEY', BANK);
    await pass(auth, 10_000);
    expect(await who()).to.deep.equal(['shop', 'bank']);
    expect(told).to.deep.equal([`${SHARED}: bank has the same key as shop`]);
  });

  it('lets neither in while it is that of two, which is told each time it comes to that, and shown nowhere', async () => {
    const auth = clientKeys({ shop: inFile('SHOP_KEY', OLD), bank: new Secret(BANK), else: new Secret(ELSE) }).open(
      log,
    );
    for (let n = 0; n < 2; n++) {
      write('SHOP_KEY', BANK);
      await pass(auth, 20_000);
      expect([await clientOf(auth, BANK), await clientOf(auth, OLD), await clientOf(auth, ELSE)]).to.deep.equal([
        503,
        401,
        'else',
      ]);
      write('SHOP_KEY', NEW);
      await pass(auth, 20_000);
      expect([await clientOf(auth, BANK), await clientOf(auth, NEW)]).to.deep.equal(['bank', 'shop']);
    }
    const shared = `${SHARED}: bank has the same key as shop`;
    expect(told).to.deep.equal([shared, shared]);
  });

  it('may be twice the same of one client, whose old one is gone then', async () => {
    const both = [inFile('SHOP_KEY', OLD), inFile('NEXT_KEY', NEW)];
    const auth = clientKeys({ shop: both }).open(log);
    write('SHOP_KEY', NEW);
    await pass(auth, 10_000);
    expect([await clientOf(auth, OLD), await clientOf(auth, NEW)]).to.deep.equal([401, 'shop']);
    expect(await clientOf(clientKeys({ shop: both }).open(), NEW)).to.equal('shop');
  });
});
