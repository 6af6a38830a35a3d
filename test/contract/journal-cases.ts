/** What every store of journals must do, and the journal over it: one suite for memory, the file and PostgreSQL. */
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { firstValueFrom, mergeMap, type Observable, ReplaySubject, Subscription, take, toArray } from 'rxjs';
import { JournalFencedError, JournalHeldError } from '../../src/errors.ts';
import { checksumOf, createJournal, type JournalOptions, type OwnJournal } from '../../src/journal/create-journal.ts';
import type { EntryKey, Journal, JournalRecord, OpenJournal } from '../../src/journal/journal.ts';
import type { JournalStore } from '../../src/journal/journal-store.ts';
import { eventually } from '../support/eventually.ts';

/** A store under test, and what a case needs to know about it. */
export interface StoreUnderTest {
  /** Another way into the same store, as another process has it; the same where there is no other. Closed after each case. */
  connect(): JournalStore;
}

export const started: JournalRecord = { kind: 'started', at: 1, inputHash: 'h' };
export const done = (step: string, result: unknown = null): JournalRecord => ({
  kind: 'stepDone',
  at: 2,
  step,
  result,
});
export const completed: JournalRecord = { kind: 'completed', at: 3 };

/** Resolves when the cold command has completed. */
export const complete = (command: Observable<unknown>): Promise<unknown> => firstValueFrom(command.pipe(toArray()));

/** An entry that is open, until it is let go. */
export interface Held {
  readonly open: OpenJournal;
  readonly lost: Promise<unknown>;
  letGo(): void;
}

export function hold(journal: Journal, key: EntryKey): Promise<Held> {
  return new Promise((resolve, reject) => {
    const subscription = new Subscription();
    let tellLost: (error: unknown) => void = reject;
    const lost = new Promise((tell) => {
      tellLost = tell;
    });
    subscription.add(
      journal.open(key).subscribe({
        next: (open) => resolve({ open, lost, letGo: () => subscription.unsubscribe() }),
        error: (error: unknown) => {
          reject(error);
          tellLost(error);
        },
      }),
    );
  });
}

let lastId = 0;

export function journalCases(under: () => StoreUnderTest): void {
  const stores: JournalStore[] = [];
  const connect = (): JournalStore => {
    const store = under().connect();
    stores.push(store);
    return store;
  };
  const journals: OwnJournal[] = [];
  const journalOver = (store: JournalStore, options: JournalOptions): OwnJournal => {
    const journal = createJournal(store, options);
    journals.push(journal);
    return journal;
  };
  const journalOf = (owner: string, options: JournalOptions = {}): Journal =>
    journalOver(connect(), { owner, ...options });
  const newKey = (part: Partial<EntryKey> = {}): EntryKey => ({
    space: 'saga',
    name: 'order',
    id: `o-${++lastId}`,
    ...part,
  });
  const lettingGo = async (journal: Journal, key: EntryKey, ...records: readonly JournalRecord[]): Promise<void> => {
    const held = await hold(journal, key);
    for (const record of records) await complete(held.open.append(record));
    held.letGo();
  };
  /** Opens it as soon as whoever had it has let it go. */
  const holdSoon = async (journal: Journal, key: EntryKey): Promise<Held> => {
    let held: Held | undefined;
    await eventually('it can be opened', async () => {
      try {
        held = await hold(journal, key);
        return true;
      } catch (error) {
        if (error instanceof JournalHeldError) return false;
        throw error;
      }
    });
    if (held === undefined) throw new Error('it is not held');
    return held;
  };
  const failureOf = async (work: Promise<unknown>): Promise<unknown> => {
    try {
      await work;
    } catch (error) {
      return error;
    }
    throw new Error('it did not fail');
  };

  afterEach(async () => {
    for (const journal of journals.splice(0)) journal.end();
    for (const store of stores.splice(0)) await complete(store.close());
  });

  it('gives a new entry without records', async () => {
    const held = await hold(journalOf('a'), newKey());
    expect(held.open.records).to.deep.equal([]);
    held.letGo();
  });

  it('gives back what was written, in order and as it was', async () => {
    const key = newKey({ id: 'ünïcode "quoted" \' ; -- 日本 🚰' });
    const records = [
      started,
      done('a', { text: 'zeile\nzwei\u0000', nested: [1, 2.5, null, true, { deep: '🚰' }] }),
      done('b'),
    ];
    await lettingGo(journalOf('a'), key, ...records);
    const held = await holdSoon(journalOf('b'), key);
    expect(held.open.records).to.deep.equal(records);
    held.letGo();
  });

  it('keeps spaces, names and ids apart', async () => {
    const journal = journalOf('a');
    const key = newKey();
    await lettingGo(journal, key, started);
    for (const other of [
      { ...key, space: 'dedupe' as const },
      { ...key, name: 'other' },
      { ...key, id: `${key.id}x` },
    ]) {
      const held = await hold(journal, other);
      expect(held.open.records).to.deep.equal([]);
      held.letGo();
    }
  });

  it('forgets an entry nothing was written to', async () => {
    const key = newKey();
    const store = connect();
    const held = await hold(journalOver(store, { owner: 'a' }), key);
    held.letGo();
    (await holdSoon(journalOf('b'), key)).letGo();
    expect(await firstValueFrom(store.list({ id: key.id }))).to.deep.equal([]);
  });

  it('lets one owner in at a time, and the next when it is let go', async () => {
    const [a, b] = [journalOf('a'), journalOf('b')];
    const key = newKey();
    const held = await hold(a, key);
    const error = await failureOf(hold(b, key));
    expect(error).to.be.instanceOf(JournalHeldError);
    expect((error as JournalHeldError).forMs).to.be.within(1, 30_000);
    expect(await failureOf(hold(a, key)), 'twice in one process').to.be.instanceOf(JournalHeldError);
    held.letGo();
    (await holdSoon(b, key)).letGo();
  });

  it('lets the same process in again before its lease has ended: what it holds it knows itself', async () => {
    const key = newKey();
    const store = connect();
    await firstValueFrom(store.acquire(key, { owner: 'a', leaseMs: 60_000 }));
    const held = await hold(journalOver(store, { owner: 'a' }), key);
    held.letGo();
  });

  it('refuses what an owner writes whose lease another has taken over, and tells it', async () => {
    const key = newKey();
    // The first is paused: nothing renews its lease.
    const paused = connect();
    const first = await firstValueFrom(paused.acquire(key, { owner: 'a', leaseMs: 1 }));
    if (first.kind !== 'acquired') throw new Error('it is new');
    const held = await holdSoon(journalOf('b'), key);
    await complete(held.open.append(started));

    const late = { seq: 1, body: JSON.stringify(done('late')), checksum: '', kind: 'stepDone' as const };
    expect(await failureOf(complete(paused.append(key, first.fence, late, 1)))).to.be.instanceOf(JournalFencedError);
    expect(await failureOf(complete(paused.renew(key, first.fence, 1)))).to.be.instanceOf(JournalFencedError);
    await complete(paused.release(key, first.fence));
    await complete(held.open.append(done('a')));
    held.letGo();
    const after = await holdSoon(journalOf('c'), key);
    expect(after.open.records).to.deep.equal([started, done('a')]);
    after.letGo();
  });

  it('F41: never gives a fence twice, whatever was forgotten between', async () => {
    const store = connect();
    const key = newKey();
    const fences: number[] = [];
    for (let n = 0; n < 3; n++) {
      const got = await firstValueFrom(store.acquire(key, { owner: `o${n}`, leaseMs: 60_000 }));
      if (got.kind !== 'acquired') throw new Error('it was let go');
      fences.push(got.fence);
      await complete(store.release(key, got.fence));
    }
    expect(fences).to.deep.equal([...new Set(fences)].sort((one, other) => one - other));
  });

  it('keeps a lease up for as long as it is held', async () => {
    const other = journalOf('b');
    /** Whether it was. Not known where the machine stood still for as long as a renewal may be late. */
    const isKeptUp = async (leaseMs: number): Promise<boolean | undefined> => {
      const key = newKey();
      const held = await hold(journalOf('a', { leaseMs }), key);
      const endMs = performance.now() + leaseMs + 200;
      try {
        for (let lookedAtMs = performance.now(); lookedAtMs < endMs; ) {
          const isHeld = await hold(other, key).then(
            (taken) => {
              taken.letGo();
              return false;
            },
            (error: unknown) => error instanceof JournalHeldError,
          );
          const stillMs = performance.now() - lookedAtMs;
          if (stillMs > leaseMs / 3) return undefined;
          if (!isHeld) return false;
          lookedAtMs += stillMs;
          await pause(10);
        }
        await complete(held.open.append(started));
        return true;
      } finally {
        held.letGo();
      }
    };
    // A round that proves nothing is made again, with a lease that bears more.
    let isUp: boolean | undefined;
    for (let leaseMs = 1_500; isUp === undefined && leaseMs <= 24_000; leaseMs *= 2) isUp = await isKeptUp(leaseMs);
    expect(isUp).to.equal(true);
  });

  it('tells an owner that its lease is lost, without being asked', async () => {
    const key = newKey();
    const store = connect();
    const isTaken = new ReplaySubject<true>(1);
    const late: JournalStore = {
      ...forwarded(store),
      acquire: (k, lease) => store.acquire(k, { ...lease, leaseMs: 1 }),
      // Its renewals come too late.
      renew: (...args) =>
        isTaken.pipe(
          take(1),
          mergeMap(() => store.renew(...args)),
        ),
    };
    const held = await hold(journalOver(late, { owner: 'a', leaseMs: 150 }), key);
    const taken = await holdSoon(journalOf('b'), key);
    isTaken.next(true);
    expect(await held.lost).to.be.instanceOf(JournalFencedError);
    taken.letGo();
  });

  it('stores the records of many entries that are written to at once', async () => {
    const journals = [journalOf('a'), journalOf('b')];
    const keys = Array.from({ length: 40 }, () => newKey());
    await Promise.all(
      keys.map((key, n) =>
        lettingGo(
          journals[n % 2] as Journal,
          key,
          started,
          ...Array.from({ length: 5 }, (_, step) => done(`s${step}`, { n })),
        ),
      ),
    );
    const reader = journalOf('c');
    for (const [n, key] of keys.entries()) {
      const held = await holdSoon(reader, key);
      expect(held.open.records.map((record) => ('result' in record ? record.result : record.kind))).to.deep.equal([
        'started',
        ...Array(5).fill({ n }),
      ]);
      held.letGo();
    }
  });

  it('writes the records of one entry in the order in which they were asked for', async () => {
    const key = newKey();
    const held = await hold(journalOf('a'), key);
    const steps = Array.from({ length: 10 }, (_, n) => done(`s${n}`));
    await Promise.all(steps.map((record) => complete(held.open.append(record))));
    held.letGo();
    const after = await holdSoon(journalOf('b'), key);
    expect(after.open.records).to.deep.equal(steps);
    after.letGo();
  });

  it('forgets an entry when its time is over, and not before', async () => {
    const key = newKey({ space: 'dedupe' });
    const store = connect();
    const journal = journalOver(store, { owner: 'a' });
    const kept: JournalRecord = { kind: 'kept', at: 1, value: { answer: 42 } };
    const held = await hold(journal, key);
    await complete(held.open.append(kept, { keepMs: 60_000 }));
    held.letGo();
    const again = await holdSoon(journal, key);
    expect(again.open.records).to.deep.equal([kept]);
    await complete(again.open.append(kept, { keepMs: 0 }));
    again.letGo();
    const anew = await holdSoon(journal, key);
    expect(anew.open.records, 'its time is over').to.deep.equal([]);
    await complete(anew.open.append(started));
    anew.letGo();
    const last = await holdSoon(journal, key);
    expect(last.open.records, 'a new entry has no end').to.deep.equal([started]);
    last.letGo();
  });

  it('keeps ended sagas for the retention, and compacts what is over and not held', async () => {
    const store = connect();
    const [over, young, running] = [newKey(), newKey(), newKey()];
    const short = journalOver(store, { owner: 'a', keepEndedMs: 0 });
    const long = journalOver(store, { owner: 'b', keepEndedMs: 60_000 });
    await lettingGo(short, over, started, completed);
    await lettingGo(long, young, started, completed);
    await lettingGo(long, running, started);
    const there = async (): Promise<readonly string[]> => {
      const entries = await firstValueFrom(store.list({ space: 'saga', name: 'order' }));
      return [over, young, running].map(({ id }) => id).filter((id) => entries.some((entry) => entry.id === id));
    };
    let forgotten = 0;
    await eventually('what is over is forgotten', async () => {
      forgotten += await firstValueFrom(store.compact());
      return !(await there()).includes(over.id);
    });
    expect(forgotten).to.be.at.least(1);
    expect(await there()).to.deep.equal([young.id, running.id]);
    expect(await firstValueFrom(store.read(over))).to.deep.equal([]);
  });

  it('forgets all that is over, however much there is', async () => {
    const store = connect();
    const keys = Array.from({ length: 1_050 }, () => newKey({ name: 'many' }));
    const storeEnded = async (key: EntryKey): Promise<void> => {
      const held = await firstValueFrom(store.acquire(key, { owner: 'a', leaseMs: 60_000 }));
      if (held.kind !== 'acquired') throw new Error('it is new');
      const body = JSON.stringify(completed);
      const record = { seq: 1, body, checksum: checksumOf(key, 1, body), kind: completed.kind, keepMs: 0 };
      await complete(store.append(key, held.fence, record, 60_000));
      await complete(store.release(key, held.fence));
    };
    await Promise.all(keys.map(storeEnded));
    expect(await firstValueFrom(store.compact())).to.be.at.least(keys.length);
    expect(await firstValueFrom(store.list({ name: 'many' }))).to.deep.equal([]);
    const [some] = keys;
    if (some !== undefined) expect(await firstValueFrom(store.read(some))).to.deep.equal([]);
  });

  it('lists entries by space, name, id and last record, those changed last first', async () => {
    const store = connect();
    const journal = journalOver(store, { owner: 'a' });
    const name = `listed-${++lastId}`;
    const [first, second] = [newKey({ name }), newKey({ name })];
    await lettingGo(journal, first, started, done('a'));
    const before = Date.now();
    await eventually('the clock has moved on', () => Date.now() > before);
    const held = await hold(journal, second);
    await complete(held.open.append(started));
    const listed = await firstValueFrom(store.list({ space: 'saga', name }));
    expect(listed.map(({ id, lastKind, records, heldBy }) => ({ id, lastKind, records, heldBy }))).to.deep.equal([
      { id: second.id, lastKind: 'started', records: 1, heldBy: 'a' },
      { id: first.id, lastKind: 'stepDone', records: 2, heldBy: undefined },
    ]);
    expect(listed[0]?.heldForMs).to.be.within(1, 30_000);
    expect(Math.abs((listed[0]?.updatedAt ?? 0) - Date.now())).to.be.below(60_000);
    expect((await firstValueFrom(store.list({ name, lastKinds: ['stepDone'] }))).map(({ id }) => id)).to.deep.equal([
      first.id,
    ]);
    expect((await firstValueFrom(store.list({ name, limit: 1 }))).map(({ id }) => id)).to.deep.equal([second.id]);
    expect((await firstValueFrom(store.list({ name, id: first.id }))).map(({ id }) => id)).to.deep.equal([first.id]);
    expect((await firstValueFrom(store.counts())).filter((count) => count.name === name)).to.have.deep.members([
      { space: 'saga', name, lastKind: 'stepDone', entries: 1 },
      { space: 'saga', name, lastKind: 'started', entries: 1 },
    ]);
    held.letGo();
  });

  it('drops a last record that is not as it was written, and goes on after it', async () => {
    const store = connect();
    const journal = journalOver(store, { owner: 'a' });
    const key = newKey();
    await lettingGo(journal, key, started);
    const raw = await firstValueFrom(store.acquire(key, { owner: 'a', leaseMs: 1_000 }));
    if (raw.kind !== 'acquired') throw new Error('it was let go');
    const torn = { seq: 2, body: '{"kind":"stepDo', checksum: 'wrong', kind: 'stepDone' as const };
    await complete(store.append(key, raw.fence, torn, 1_000));
    await complete(store.release(key, raw.fence));

    const held = await holdSoon(journal, key);
    expect(held.open.records).to.deep.equal([started]);
    await complete(held.open.append(done('a')));
    held.letGo();
    const after = await holdSoon(journal, key);
    expect(after.open.records).to.deep.equal([started, done('a')]);
    after.letGo();
  });

  it('refuses an entry of which an earlier record is not as it was written', async () => {
    const store = connect();
    const journal = journalOver(store, { owner: 'a' });
    const key = newKey();
    const raw = await firstValueFrom(store.acquire(key, { owner: 'a', leaseMs: 1_000 }));
    if (raw.kind !== 'acquired') throw new Error('it is new');
    for (const seq of [1, 2])
      await complete(
        store.append(
          key,
          raw.fence,
          { seq, body: JSON.stringify(done('edited')), checksum: 'x', kind: 'stepDone' },
          1_000,
        ),
      );
    await complete(store.release(key, raw.fence));
    const error = await failureOf(hold(journal, key));
    expect((error as Error).message).to.equal(
      `the journal of saga "order" ${key.id} is damaged: record 1 of 2 is not what was written`,
    );
    expect(error).to.include({ code: 'ERR_JOURNAL_CORRUPT', isTransient: false });
  });

  it('refuses an entry of which a record before the last is gone: nobody knows what it told', async () => {
    const store = connect();
    const journal = journalOver(store, { owner: 'a' });
    const key = newKey();
    await lettingGo(journal, key, started);
    const raw = await firstValueFrom(store.acquire(key, { owner: 'a', leaseMs: 1_000 }));
    if (raw.kind !== 'acquired') throw new Error('it was let go');
    const body = JSON.stringify(done('b'));
    const third = { seq: 3, body, checksum: checksumOf(key, 3, body), kind: 'stepDone' as const };
    await complete(store.append(key, raw.fence, third, 1_000));
    await complete(store.release(key, raw.fence));
    const error = await failureOf(hold(journal, key));
    expect((error as Error).message).to.equal(`the journal of saga "order" ${key.id} is damaged: record 2 is missing`);
    expect(await firstValueFrom(store.read(key)), 'nothing of it is dropped').to.have.length(2);
  });

  it('answers when it is asked whether it is there', async () => {
    await complete(connect().ping());
  });
}

/** The same store, of which single commands may be replaced. */
export const forwarded = (store: JournalStore): JournalStore => ({
  place: store.place,
  acquire: (...args) => store.acquire(...args),
  append: (...args) => store.append(...args),
  renew: (...args) => store.renew(...args),
  dropLast: (...args) => store.dropLast(...args),
  release: (...args) => store.release(...args),
  ping: () => store.ping(),
  list: (...args) => store.list(...args),
  read: (...args) => store.read(...args),
  compact: () => store.compact(),
  counts: () => store.counts(),
  close: () => store.close(),
});
