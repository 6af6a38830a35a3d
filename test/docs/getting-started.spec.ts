/**
 * docs/getting-started.md, followed: what it shows is what `sluice new receipts` writes, and in an empty folder its files and commands do what it says.
 * Packages come from this project instead of a registry; ports are free ones.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { pipelineText, schemaText, testText } from '../../src/cli/new/templates.ts';
import { freePort } from '../support/free-port.ts';
import { type GuardedChild, spawnGuarded } from '../support/guarded-child.ts';
import { type Block, readPage, root } from '../support/pages.ts';
import { consuming, startSluice, type WorkerProcess } from '../support/worker-process.ts';

const { blocks } = readPage('docs/getting-started.md');

/** The page names files where they begin with a word about themselves. */
const withoutOpening = (text: string): string => text.split('\n').slice(1).join('\n');

function only(fits: (block: Block) => boolean): string {
  const [found, another] = blocks.filter(fits);
  if (found === undefined || another !== undefined) throw new Error('expected one block of that kind');
  return found.text;
}

describe('the page about getting started', () => {
  const written = [
    ['the pipeline', pipelineText('receipts')],
    ['the schema', schemaText('receipts')],
    ['the test', testText('receipts', '../pipelines')],
  ] as const;

  for (const [what, text] of written) {
    it(`shows ${what} as it is written`, () => {
      expect(blocks.map((block) => withoutOpening(block.text))).to.include(withoutOpening(text));
    });
  }

  describe('followed in an empty folder', () => {
    let folder = '';
    let service: GuardedChild | undefined;
    let dev: WorkerProcess | undefined;

    /** Runs a command of the project; its output, or its failure with it. */
    const run = async (file: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<string> => {
      const options = { cwd: folder, env: { PATH: process.env.PATH, NO_COLOR: '1', ...environment } };
      const { stdout } = await promisify(execFile)(
        process.execPath,
        [join(folder, 'node_modules', file), ...args],
        options,
      );
      return stdout;
    };
    const sluice = (...args: readonly string[]): Promise<string> => run('sluice/bin/sluice.js', args);

    before(() => {
      folder = mkdtempSync(join(tmpdir(), 'sluice-shop-'));
      mkdirSync(join(folder, 'node_modules'));
      for (const name of ['rxjs', 'zod', 'amqplib', '@typescript', 'tsx', 'mocha', '@types'])
        symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name));
      symlinkSync(root, join(folder, 'node_modules/sluice'));
      writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
      writeFileSync(
        join(folder, 'tsconfig.json'),
        only(({ language }) => language === 'json'),
      );
    });
    after(async () => {
      service?.signal('SIGKILL');
      await service?.ended;
      await dev?.kill();
      rmSync(folder, { recursive: true, force: true });
    });

    it('has a pipeline that is checked, compiled and tested', async () => {
      expect(await sluice('new', 'receipts')).to.include('wrote pipelines/receipts.ts');
      expect(await sluice('check')).to.include('receipts: queue receipts → service');
      await run('@typescript/native/bin/tsc', []);
      expect(await run('mocha/bin/mocha.js', ['--import=tsx', 'test/receipts.spec.ts'])).to.include('2 passing');
    });

    it('runs it on the embedded broker, dead-letters what is wrong, and takes a second pipeline while it runs', async () => {
      const [port, file] = [await freePort(), join(folder, 'service.mjs')];
      writeFileSync(file, only(({ language }) => language === 'js').replaceAll('4000', String(port)));
      service = spawnGuarded(process.execPath, [file]);
      dev = startSluice(['dev'], { RECEIPTS_SERVICE_URL: `http://localhost:${port}` }, folder);
      const { url, level } = await dev.line(({ msg }) => msg?.startsWith('AMQP_URL is not set') === true);
      expect(level, 'no warning').to.equal(30);
      await consuming(dev, ['receipts']);
      const publish = async (name: string, line: string): Promise<void> => {
        writeFileSync(join(folder, name), `${line}\n`);
        const said = await run('sluice/bin/sluice.js', ['publish', 'receipts', name], { AMQP_URL: String(url) });
        expect(said).to.include('1 published to receipts and confirmed');
      };

      await publish('messages.jsonl', '{"id":"m-1","amount":20}');
      await dev.line(({ msg, pipeline }) => msg === 'done' && pipeline === 'receipts');
      const look = only(({ text }) => text.includes('.kept')).replace('amqp://localhost', String(url));
      for (const _ of ['the first time', 'and again']) {
        const { stdout } = await promisify(execFile)('sh', ['-c', look], { cwd: folder });
        expect(stdout).to.equal('done {"id":"m-1","reference":"r-1"}\n');
      }
      await publish('wrong.jsonl', '{"id":"m-2","amount":-5}');
      await dev.line(({ msg }) => msg === 'dead-lettered');
      expect(await run('sluice/bin/sluice.js', ['dlq', 'show', 'receipts'], { AMQP_URL: String(url) })).to.include(
        'ERR_PAYLOAD_INVALID in validate',
      );

      const archive = only(({ text }) => text.startsWith('// pipelines/archive.ts'));
      writeFileSync(join(folder, 'pipelines/archive.ts'), archive);
      await consuming(dev, ['archive']);
      await publish('messages.jsonl', '{"id":"m-3","amount":20}');
      expect(await dev.line(({ msg }) => msg === 'archived')).to.deep.include({ id: 'm-3', reference: 'r-2' });
      dev.signal('SIGTERM');
      expect(await dev.exit).to.equal(0);
    });
  });
});
