import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { describeProblem } from '../../src/errors.ts';
import { folderProblems } from '../../src/worker/build-folder.ts';
import { declarationClashes } from '../../src/worker/clashes.ts';
import type { LoadedPipelines } from '../../src/worker/load-pipelines.ts';
import { BROUGHT_BY } from '../../src/worker/module-failure.ts';

const modules = dirname(dirname(createRequire(import.meta.url).resolve('zod/package.json')));
const built = join(modules, '.cache', 'sluice');
const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));

const pipeline = (name: string, more = ''): string => `
  import { EMPTY } from 'rxjs';
  import { definePipeline, queue } from 'sluice';
  import { z } from 'zod';
  ${more}
  export default definePipeline({ name: '${name}', source: queue('${name}'), input: z.object({}), handle: () => EMPTY });`;

describe('loadPipelines', () => {
  // Mocha requires specs; modules import. Only what is imported here is the copy of sluice that the loaded modules define with.
  let loader: typeof import('../../src/worker/load-pipelines.ts');
  before(async () => {
    loader = await import('../../src/worker/load-pipelines.ts');
  });
  const folders: string[] = [];
  const loads: LoadedPipelines[] = [];
  const load = async (folder: string): Promise<LoadedPipelines> => {
    const loaded = await loader.loadPipelines(folder);
    loads.push(loaded);
    return loaded;
  };
  /** A folder of modules from where packages resolve as they do in a project. */
  const scratch = async (files: Record<string, string>): Promise<string> => {
    const folder = await mkdtemp(join(modules, '.sluice-spec-'));
    folders.push(folder);
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    return folder;
  };
  const problemsOf = async (files: Record<string, string>): Promise<readonly string[]> =>
    (await load(await scratch(files))).problems.map(describeProblem);

  afterEach(async () => {
    for (const loaded of loads.splice(0)) await loaded.dispose();
    for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
  });

  it('names the place of a failure where the way to its packages is a symbolic link', async () => {
    const project = await mkdtemp(join(tmpdir(), 'sluice-linked-'));
    folders.push(project);
    await symlink(modules, join(project, 'node_modules'));
    const folder = join(project, 'pipelines');
    await mkdir(folder);
    await writeFile(join(folder, 'one.ts'), '\nexport const nothing = definePipeline({});\n');
    const { problems } = await load(folder);
    expect(problems.map(describeProblem).slice(0, 1)).to.deep.equal([
      "module one.ts: 2:24: definePipeline is not defined here; import { definePipeline } from 'sluice'",
    ]);
  });

  it('names both pipelines that define an API of one name, and neither that share one', async () => {
    const using = (name: string, api: string): string => `
      import { EMPTY } from 'rxjs';
      import { defineApi, definePipeline, queue } from 'sluice';
      import { z } from 'zod';
      ${api}
      export default definePipeline({ name: '${name}', source: queue('${name}'), input: z.object({}), apis: { bank }, handle: () => EMPTY });`;
    const bank = (concurrency: number): string =>
      `const bank = defineApi('bank', { baseUrl: 'http://127.0.0.1:9', concurrency: ${concurrency} });`;
    const shared = "import { bank } from './bank.ts';";
    expect(await problemsOf({ 'one.ts': using('one', bank(5)), 'two.ts': using('two', bank(50)) })).to.deep.equal([
      'api "bank": name: is defined more than once, as bank of pipeline "one" in one.ts and as bank of pipeline "two" in two.ts; define it in one module and import it',
    ]);
    const together = { 'bank.ts': `import { defineApi } from 'sluice'; export ${bank(5)}` };
    expect(
      await problemsOf({ ...together, 'one.ts': using('one', shared), 'two.ts': using('two', shared) }),
    ).to.deep.equal([]);
  });

  it('names both pipelines that want an exchange of two types, unless one only looks for it', async () => {
    const on = (name: string, type: string, options = ''): string => `
      import { EMPTY } from 'rxjs';
      import { definePipeline, queue } from 'sluice';
      import { z } from 'zod';
      const source = queue('${name}', { bindings: [{ exchange: 'events', key: 'x'${type} }]${options} });
      export default definePipeline({ name: '${name}', source, input: z.object({}), handle: () => EMPTY });`;
    const clashes = async (two: string, topology: 'assert' | 'check' = 'assert'): Promise<readonly string[]> => {
      const { origins, problems } = await load(await scratch({ 'one.ts': on('one', ''), 'two.ts': two }));
      return [...problems, ...declarationClashes(origins, topology)].map(describeProblem);
    };
    expect(await clashes(on('two', ", type: 'direct'"))).to.deep.equal([
      'exchange "events": type: is topic for pipeline "one" in one.ts and direct for pipeline "two" in two.ts; an exchange has one type: give all the same',
    ]);
    expect(await clashes(on('two', ", type: 'topic'"))).to.deep.equal([]);
    expect(await clashes(on('two', ", type: 'direct'", ", topology: 'check'"))).to.deep.equal([]);
    const telling = on('two', '').replace("exchange: 'events'", "exchange: 'others'");
    const published = (type: string): string =>
      telling.replace('input:', `publishes: ['told', { exchange: 'events', type: '${type}' }], input:`);
    expect(await clashes(published('topic'))).to.deep.equal([]);
    expect(await clashes(published('fanout'))).to.deep.equal([
      'exchange "events": type: is topic for pipeline "one" in one.ts and fanout for pipeline "two" in two.ts; an exchange has one type: give all the same',
    ]);
    expect(await clashes(on('two', ", type: 'direct'"), 'check'), 'of a worker that only looks').to.deep.equal([]);
  });

  it('names both sources that want one queue in two ways, and neither that read one stream', async () => {
    const reading = (name: string, source: string): string => `
      import { EMPTY } from 'rxjs';
      import { definePipeline, queue, stream } from 'sluice';
      import { z } from 'zod';
      export default definePipeline({ name: '${name}', source: ${source}, input: z.object({}), handle: () => EMPTY });`;
    const told = async (files: Record<string, string>, topology: 'assert' | 'check' = 'assert') => {
      const { problems, origins } = await load(await scratch(files));
      return [...problems, ...declarationClashes(origins, topology)].map(describeProblem);
    };
    const both = { 'a.ts': reading('a', "queue('events')"), 'b.ts': reading('b', "stream('events')") };
    expect(await told(both)).to.deep.equal([
      'queue "events": x-queue-type: is quorum for pipeline "a" in a.ts and stream for pipeline "b" in b.ts; a queue is one thing: give one of them another name',
    ]);
    expect(await told(both, 'check')).to.deep.equal([]);
    const kept = {
      'a.ts': reading('a', "stream('events')"),
      'b.ts': reading('b', "stream('events', { maxAge: '7D' })"),
    };
    expect(await told(kept)).to.deep.equal([
      'queue "events": x-max-age: is none for pipeline "a" in a.ts and 7D for pipeline "b" in b.ts; a queue is one thing: say the same in both',
    ]);
    const mistyped = {
      'a.ts': reading('a', "stream('events', { maxAge: '7D' })"),
      'b.ts': reading('b', "stream('events', { maxAge: '7d' })"),
    };
    expect((await told(mistyped)).join('\n'), 'of what is wrong by itself').to.match(/^stream "events": maxAge: .*$/);
    const letters = { 'a.ts': reading('a', "queue('a')"), 'b.ts': reading('b', "queue('a.dead')") };
    expect(await told(letters)).to.deep.equal([
      'queue "a.dead": x-delivery-limit: is 1000000000 for pipeline "a" in a.ts and 100 for pipeline "b" in b.ts; a queue is one thing: give one of them another name',
    ]);
    expect(await told({ 'a.ts': reading('a', "stream('a.stream')") })).to.deep.equal([
      'queue "a.stream": x-queue-type: is quorum for pipeline "a" in a.ts and stream for pipeline "a" in a.ts; a queue is one thing: give one of them another name',
    ]);
    expect(
      await told({ 'a.ts': reading('a', "stream('events')"), 'b.ts': reading('b', "stream('events')") }),
    ).to.deep.equal([]);
    expect(
      await told({ 'a.ts': reading('a', "queue('x')"), 'b.ts': reading('b', "queue('x', { type: 'classic' })") }),
    ).to.deep.equal([
      'pipeline "b": source: queue "x" is consumed by pipeline "a" too; give each its queue, bound to the same exchange',
    ]);
  });

  it('tells of an API without its options with all other problems', async () => {
    const text = `
      import { EMPTY } from 'rxjs';
      import { defineApi, definePipeline, queue } from 'sluice';
      import { z } from 'zod';
      const bank = defineApi('bank');
      export default definePipeline({ name: 'one', source: queue('one'), input: z.object({}), apis: { bank }, handle: () => EMPTY });`;
    expect((await problemsOf({ 'one.ts': text })).join()).to.include('api "bank"');
  });

  it('says which folders it has not looked into, where no module exports a pipeline', async () => {
    const folder = await scratch({ 'apis.ts': 'export {};' });
    const none = 'no module (.ts, .mts, .js, .mjs) exports a pipeline made by definePipeline()';
    const problems = async (): Promise<string> => (await load(folder)).problems.map(({ message }) => message).join();
    expect(await problems()).to.equal(none);
    for (const name of ['quotes', '.hidden', 'node_modules']) await mkdir(join(folder, name));
    expect(await problems()).to.equal(
      `${none}; folders in it are not looked into, pass one of them: ${join(folder, 'quotes')}`,
    );
    for (const name of ['a', 'b', 'c', 'd', 'e']) await mkdir(join(folder, name));
    const first = ['a', 'b', 'c', 'd', 'e'].map((name) => join(folder, name)).join(', ');
    expect(await problems())
      .to.match(/, …$/)
      .and.include(`pass one of them: ${first}, …`);
  });

  it('keeps what it built until it is disposed of', async () => {
    const before = existsSync(built) ? await readdir(built) : [];
    const { pipelines, problems, dispose } = await load(fixture('lazy'));
    expect(problems).to.deep.equal([]);
    expect(pipelines.map(({ name }) => name)).to.deep.equal(['lazy']);
    const [own] = (await readdir(built)).filter((name) => !before.includes(name));
    expect(await readdir(join(built, String(own)))).to.include('0-lazy.mjs');
    await dispose();
    expect(existsSync(join(built, String(own)))).to.equal(false);
  });

  it('imports the modules that build where another does not, and tells the mistakes of all', async () => {
    const problems = await problemsOf({
      'a.ts': 'export const broken = ;',
      'b.ts': "throw new Error('fails on purpose');",
      'c.ts': `import { nothing } from './d.ts';\nconsole.log(nothing);`,
      'd.ts': pipeline('').replaceAll("''", "'d'").replace('handle', 'concurrency: 0, handle'),
    });
    expect(problems).to.have.length(4);
    expect(problems[0]).to.equal('module a.ts: 1:23: Unexpected ";"');
    expect(problems[1]).to.include('module c.ts: 1:10: No matching export');
    expect(problems[2]).to.equal('module b.ts: 1:7: fails on purpose');
    expect(problems[3]).to.equal('pipeline "d": concurrency: expected at least 1, got 0');
  });

  it('tells in terms of the project why a module cannot be imported: its line, the package to install, the export that is not there', async () => {
    const problems = await problemsOf({
      'a.ts': `${pipeline('a')}\nconst settings = undefined as unknown as { queue: string };\nexport const name: string = settings.queue;`,
      'b.ts': pipeline('b', "import nowhere from 'no-such-package';\nconsole.log(nowhere);"),
      'c.ts': pipeline('c', "import { retryLater } from 'sluice';\nconsole.log(retryLater);"),
      'd.ts': pipeline('d', "import { ack, nack } from 'sluice/testing';\nconsole.log(ack, nack);"),
    });
    expect(problems[0]).to.match(/^module a\.ts: 8:38: Cannot read properties of undefined/);
    expect(problems.slice(1)).to.deep.equal([
      'module b.ts: cannot find package "no-such-package"; run "npm install no-such-package", or mend its name',
      'module c.ts: "sluice" has no export "retryLater"',
      'module d.ts: "sluice/testing" has no export "nack"',
    ]);
  });

  it('says from where a name is imported that a pasted excerpt lacks, and what is of CommonJS', async () => {
    expect(
      await problemsOf({
        'a.ts': 'export default of(1);',
        'b.ts': 'export default ordersOf(1);',
        'c.ts': 'module.exports = 1;',
        'd.ts': "const { readFileSync } = require('node:fs'); export default readFileSync;",
      }),
    ).to.deep.equal([
      "module a.ts: 1:16: of is not defined here; import { of } from 'rxjs'",
      'module b.ts: 1:16: ordersOf is not defined here; where another module has it, import it',
      'module c.ts: 1:1: module is of CommonJS, and this is an ES module: use import and export',
      'module d.ts: require is of CommonJS, and this is an ES module: use import and export',
    ]);
    const brings: Record<string, object> = {
      sluice: await import('../../src/index.ts'),
      rxjs: await import('rxjs'),
      zod: await import('zod'),
    };
    for (const [from, names] of Object.entries(BROUGHT_BY)) expect(brings[from]).to.include.all.keys(names.split(' '));
  });

  it('runs a module when the one before it has ended, whatever that awaits, and though that fails', async () => {
    const said = (name: string): string => `globalThis.order.push('${name}');`;
    const order: string[] = [];
    Object.assign(globalThis, { order });
    try {
      const { problems, pipelines } = await load(
        await scratch({
          'a.mjs': `${said('a')}\nawait import('node:dns');\n${said('a ended')}`,
          'b.mjs': `${said('b')}\nthrow new Error('b is broken');`,
          'c.ts': pipeline('c', "(globalThis as unknown as { order: string[] }).order.push('c');"),
        }),
      );
      expect(problems.map(describeProblem)).to.deep.equal(['module b.mjs: 2:7: b is broken']);
      expect(pipelines.map(({ name }) => name)).to.deep.equal(['c']);
      expect(order).to.deep.equal(['a', 'a ended', 'b', 'c']);
    } finally {
      Reflect.deleteProperty(globalThis, 'order');
    }
  });

  it('tells the mistake of a shared module once, whether it does not build, throws, or is defined wrongly', async () => {
    const users = {
      'one.ts': pipeline('one', "import './shared.ts';"),
      'two.ts': pipeline('two', "import './shared.ts';"),
    };
    expect(await problemsOf({ ...users, 'shared.ts': 'const = 1;' })).to.deep.equal([
      'module shared.ts: 1:7: Expected identifier but found "="',
    ]);
    expect(await problemsOf({ ...users, 'shared.ts': "throw new Error('down');" })).to.deep.equal([
      'module shared.ts: 1:7: down',
    ]);
    const api = `import { defineApi } from 'sluice'; export const api = defineApi('shared', { concurrency: 0, baseUrl: 'http://x' });`;
    const wrong = await problemsOf({ ...users, 'shared.ts': api });
    expect(wrong).to.deep.equal(['api "shared": concurrency: expected at least 1, got 0']);
    expect(await problemsOf({ ...users, 'shared.ts': api, 'bad.ts': 'const = 1;' })).to.deep.equal([
      'module bad.ts: 1:7: Expected identifier but found "="',
      ...wrong,
    ]);
  });

  it('takes an API that two sound modules share for one, though a third module does not build', async () => {
    const shared = `import { defineApi } from 'sluice'; export const api = defineApi('shared', { baseUrl: 'http://localhost:1' });`;
    const user = (name: string) =>
      pipeline(name, "import { api } from './shared.ts';").replace('handle', 'apis: { api }, handle');
    expect(
      await problemsOf({ 'one.ts': user('one'), 'two.ts': user('two'), 'shared.ts': shared, 'bad.ts': 'const = 1;' }),
    ).to.deep.equal(['module bad.ts: 1:7: Expected identifier but found "="']);
  });

  it('tells two failures apart that happen to say the same', async () => {
    const same = "throw new Error('same words');";
    expect(await problemsOf({ 'a.ts': same, 'b.ts': same })).to.deep.equal([
      'module a.ts: 1:7: same words',
      'module b.ts: 1:7: same words',
    ]);
  });

  it('names a folder that is not there or is none', async () => {
    const [missing] = (await load('nowhere')).problems;
    expect(missing?.message).to.equal('does not exist; pass the folder that holds your pipelines');
    const [file] = await folderProblems('package.json');
    expect(file?.message).to.include('is no folder');
    expect(await folderProblems('pipelines')).to.deep.equal([]);
  });
});
