/** The embedded store where it is alone in being what it is: a file, shared by processes, which can be paused, locked, cut off and edited. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { EMPTY, firstValueFrom, lastValueFrom, toArray } from 'rxjs';
import { createJournal, type JournalOptions, type OwnJournal } from '../../src/journal/create-journal.ts';
import { FileStore } from '../../src/journal/file/file-store.ts';
import { type Logger, silentLogger } from '../../src/log.ts';
import { complete, completed, done, hold, started } from '../contract/journal-cases.ts';
import { eventually } from '../support/eventually.ts';
import type { Task } from './contender.ts';

const CONTENDER = fileURLToPath(new URL('contender.ts', import.meta.url));

interface Raw {
  exec(sql: string): void;
  close(): void;
}

/** The file as SQLite has it, past all checks. */
function openRaw(path: string): Raw {
  const Database = createRequire(import.meta.url)('libsql') as new (path: string) => Raw;
  return new Database(path);
}

describe('the journal in a file', () => {
  let folder: string;
  let path: string;
  const children: ChildProcess[] = [];
  const stores: FileStore[] = [];
  const journals: OwnJournal[] = [];
  const journalOver = (store: FileStore, options?: JournalOptions): OwnJournal => {
    const journal = createJournal(store, options);
    journals.push(journal);
    return journal;
  };
  const open = (lockedWithinMs = 5_000): FileStore => {
    const store = new FileStore({ path, lockedWithinMs });
    stores.push(store);
    return store;
  };
  const start = (): { readonly child: ChildProcess; ask(task: Task): Promise<unknown> } => {
    const child = fork(CONTENDER, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    children.push(child);
    return {
      child,
      ask: async (task) => {
        const answer = once(child, 'message');
        const end = once(child, 'exit').then(([code]) => [`it ended with ${code}`]);
        child.send(task);
        return (await Promise.race([answer, end]))[0] as unknown;
      },
    };
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-file-journal-'));
    path = join(folder, 'journal.db');
  });
  afterEach(async () => {
    for (const child of children.splice(0)) {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
    }
    for (const journal of journals.splice(0)) journal.end();
    for (const store of stores.splice(0)) await lastValueFrom(store.close().pipe(toArray()));
    rmSync(folder, { recursive: true });
  });

  it('is shared by 8 processes that contend for it: every record is there, once, in an unbroken line', async function contention() {
    this.timeout(180_000);
    const [processes, entries, rounds] = [8, 5, 10];
    const outcomes = Array.from({ length: processes }, () => start().ask({ kind: 'contend', path, entries, rounds }));
    expect(await Promise.all(outcomes)).to.deep.equal(Array(processes).fill('done'));
    const journal = journalOver(open());
    let records = 0;
    for (let n = 0; n < entries; n++) {
      const held = await hold(journal, { space: 'saga', name: 'contended', id: `e${n}` });
      // Each says how many it had found: nobody wrote between its reading and its writing.
      expect(held.open.records.map((record) => ('step' in record ? record.step : ''))).to.deep.equal(
        held.open.records.map((_, index) => `s${index}`),
      );
      records += held.open.records.length;
      held.letGo();
    }
    expect(records).to.equal(processes * rounds);
  });

  it('F41: refuses what a process writes that was stopped for longer than its lease, when it wakes', async function paused() {
    this.timeout(120_000);
    const { child, ask } = start();
    expect(await ask({ kind: 'hold', path, id: 'o-1', leaseMs: 1_000 })).to.equal('held');
    const answers: unknown[] = [];
    child.on('message', (answer) => answers.push(answer));
    const write = (task: Omit<Extract<Task, { readonly kind: 'write' }>, 'kind'>) =>
      child.send({ kind: 'write', ...task });
    write({ step: 'a', thenStops: true });
    const journal = journalOver(open(), { owner: 'second' });
    const key = { space: 'saga', name: 'held', id: 'o-1' } as const;
    let second: Awaited<ReturnType<typeof hold>> | undefined;
    await eventually(
      'the lease of the first is over',
      async () => {
        second = await hold(journal, key).catch(() => undefined);
        return second !== undefined;
      },
      30_000,
    );
    await complete(second?.open.append(done('b')) ?? expect.fail());
    write({ step: 'late' });
    child.kill('SIGCONT');
    await eventually('it has answered', () => answers.length >= 2);
    // Told by the journal, or found out by its own clock before, or both: it is not written in any case.
    expect(answers.slice(0, 2)).to.deep.equal(['written', 'ERR_JOURNAL_FENCED']);
    await complete(second?.open.append(completed) ?? expect.fail());
    second?.letGo();
    const stored = await firstValueFrom(open().read(key));
    expect(stored.map(({ body }) => (JSON.parse(body) as { step?: string; kind: string }).step ?? 'end')).to.deep.equal(
      ['a', 'b', 'end'],
    );
  });

  it('keeps what a killed process was told is stored', async function killed() {
    this.timeout(120_000);
    const { child, ask } = start();
    await ask({ kind: 'hold', path, id: 'o-1', leaseMs: 500 });
    for (const step of ['a', 'b', 'c']) expect(await ask({ kind: 'write', step })).to.equal('written');
    child.kill('SIGKILL');
    await once(child, 'exit');
    const stored = await firstValueFrom(open().read({ space: 'saga', name: 'held', id: 'o-1' }));
    expect(stored).to.have.length(3);
  });

  it('F41: loses the torn end of its log and nothing before it', async () => {
    const store = open();
    const key = { space: 'saga', name: 'order', id: 'o-1' } as const;
    const held = await hold(journalOver(store), key);
    await complete(held.open.append(started));
    const wal = `${path}-wal`;
    const before = statSync(wal).size;
    await complete(held.open.append(done('a', 'x'.repeat(20_000))));
    // As after a loss of power: the last write reached the disk in part.
    const cut = join(folder, 'cut.db');
    copyFileSync(path, cut);
    copyFileSync(wal, `${cut}-wal`);
    truncateSync(`${cut}-wal`, before + 6_000);
    held.letGo();
    path = cut;
    const again = await hold(journalOver(open(), { owner: 'this process' }), key);
    expect(again.open.records).to.deep.equal([started]);
    await complete(again.open.append(done('a')));
    again.letGo();
  });

  it('S14: is for its owner alone, what SQLite puts beside it too, also where it was there before', async () => {
    writeFileSync(path, '', { mode: 0o644 });
    const held = await hold(journalOver(open()), { space: 'saga', name: 'order', id: 'o-1' });
    await complete(held.open.append(started));
    const names = readdirSync(folder);
    expect(names).to.include('journal.db-wal');
    for (const name of names) expect(statSync(join(folder, name)).mode & 0o777, name).to.equal(0o600);
    held.letGo();
  });

  it('F41, S14: drops a last record that was edited, with a warning, and refuses an entry whose earlier record was', async () => {
    const store = open();
    const warnings: unknown[] = [];
    const log: Logger = { ...silentLogger, warn: (...line: readonly unknown[]) => warnings.push(line) };
    const journal = journalOver(store, { log });
    const key = { space: 'saga', name: 'order', id: 'o-1' } as const;
    const held = await hold(journal, key);
    for (const record of [started, done('a', 5), done('b', 6)]) await complete(held.open.append(record));
    held.letGo();
    const raw = openRaw(path);
    raw.exec(`UPDATE records SET body = replace(body, '6', '7') WHERE seq = 3`);
    const again = await eventuallyHeld(journal, key);
    expect(again.open.records).to.deep.equal([started, done('a', 5)]);
    expect(warnings).to.deep.equal([
      [{ ...key, seq: 3, journal: `file ${path}` }, 'the last record of a journal was torn: it is dropped'],
    ]);
    await complete(again.open.append(done('b', 6)));
    again.letGo();
    raw.exec(`UPDATE records SET body = replace(body, '5', '500') WHERE seq = 2`);
    raw.close();
    let code = '';
    await eventually('it is refused', async () => {
      code = await hold(journal, key).then(
        () => 'held',
        (error: { code: string }) => error.code,
      );
      return code !== 'ERR_JOURNAL_HELD';
    });
    expect(code).to.equal('ERR_JOURNAL_CORRUPT');
  });

  it('F41: is unavailable while another process keeps it locked, says so, and is there again afterwards', async () => {
    await complete(open().ping());
    const raw = openRaw(path);
    raw.exec('BEGIN IMMEDIATE');
    const store = open(50);
    const journal = journalOver(store);
    const states: boolean[] = [];
    journal.availability.subscribe(({ isAvailable }) => states.push(isAvailable));
    const error = await hold(journal, { space: 'saga', name: 'order', id: 'o-1' }).catch((cause: unknown) => cause);
    expect((error as Error).message).to.equal(`journal ${path}: another process keeps it locked`);
    expect(error).to.include({ code: 'ERR_JOURNAL_UNAVAILABLE', isTransient: true, isMisconfigured: false });
    raw.exec('ROLLBACK');
    raw.close();
    await eventually('it is asked again', () => states.at(-1) === true);
    expect(states).to.deep.equal([true, false, true]);
  });

  it('F41: is unavailable as a whole while a part of it is damaged, and there again when a sound file is', async () => {
    const before = journalOver(open());
    const keys = Array.from({ length: 200 }, (_, n) => ({ space: 'saga', name: 'order', id: `o-${n}` }) as const);
    for (const key of keys) {
      const held = await hold(before, key);
      await complete(held.open.append(started));
      held.letGo();
    }
    await complete(stores.pop()?.close() ?? EMPTY);
    const raw = openRaw(path);
    raw.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    raw.close();
    const sound = readFileSync(path);
    const damaged = Buffer.from(sound);
    // The last third: not where the tables begin, so that the file opens, and most of it can be read.
    for (let at = Math.ceil((sound.length * 2) / 3 / 4_096) * 4_096; at < sound.length; at += 97)
      damaged.writeUInt8(damaged.readUInt8(at) ^ 0x5a, at);
    const put = (bytes: Buffer): void => {
      for (const part of ['', '-wal', '-shm']) rmSync(`${path}${part}`, { force: true });
      writeFileSync(path, bytes);
    };
    put(damaged);

    const store = open();
    await complete(store.ping());
    const failures: unknown[] = [];
    for (const key of keys) await firstValueFrom(store.read(key)).catch((cause: unknown) => failures.push(cause));
    expect(failures).to.have.length.above(0);
    const why = await complete(store.ping()).catch((cause: unknown) => cause);
    expect((why as Error).message).to.equal(
      `journal ${path}: the file is damaged; move it away, with its -wal and -shm, or restore a backup`,
    );
    put(sound);
    await complete(store.ping());
    expect(await firstValueFrom(store.read({ space: 'saga', name: 'order', id: 'o-199' }))).to.have.length(1);
  });

  it('F41: is unavailable while it lies elsewhere than where others look for it, and there again when it is back', async () => {
    const store = open();
    await complete(store.ping());
    const why = () => complete(store.ping()).catch((cause: unknown) => cause);
    const is = (what: string) => ({
      code: 'ERR_JOURNAL_UNAVAILABLE',
      message: `journal ${path}: ${what}`,
      isMisconfigured: false,
    });
    const away = join(folder, 'away.db');
    renameSync(path, away);
    for (let asked = 0; asked < 2; asked++)
      expect(await why()).to.include(
        is('it was moved away or deleted: put it back, or restart the worker, which makes a new one'),
      );
    expect(existsSync(path)).to.equal(false);
    writeFileSync(path, '');
    expect(await why()).to.include(
      is('another file is in its place: put it back, or restart the worker, which takes that one'),
    );
    renameSync(away, path);
    await complete(store.ping());
    const held = await hold(journalOver(store), { space: 'saga', name: 'order', id: 'o-1' });
    await complete(held.open.append(started));
    expect(await firstValueFrom(open().read({ space: 'saga', name: 'order', id: 'o-1' }))).to.have.length(1);
  });

  it('leaves alone what is not its own', async () => {
    const raw = openRaw(path);
    raw.exec('CREATE TABLE customers (name TEXT)');
    raw.close();
    const foreign = await complete(open().ping()).catch((cause: unknown) => cause);
    expect((foreign as Error).message).to.include('it is an SQLite database of something else');
    expect(foreign).to.include({ isMisconfigured: true });
    path = join(folder, 'text.db');
    writeFileSync(path, 'x'.repeat(4_096));
    const text = await complete(open().ping()).catch((cause: unknown) => cause);
    expect((text as Error).message).to.include('the file is no SQLite database');
  });
});

async function eventuallyHeld(...args: Parameters<typeof hold>): ReturnType<typeof hold> {
  let held: Awaited<ReturnType<typeof hold>> | undefined;
  await eventually('it can be held', async () => {
    held = await hold(...args).catch(() => undefined);
    return held !== undefined;
  });
  if (held === undefined) throw new Error('it is not held');
  return held;
}
