import { expect } from 'chai';
import { asyncScheduler, throwError } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { JournalUnavailableError } from '../../src/errors.ts';
import { createFacts } from '../../src/events.ts';
import type { JournalStore } from '../../src/journal/journal-store.ts';
import { keepTidy, type TidyOptions } from '../../src/journal/keep-tidy.ts';
import { MemoryStore } from '../../src/journal/memory-store.ts';
import { silentLogger } from '../../src/log.ts';
import { forwarded } from '../contract/journal-cases.ts';

const MINUTE_MS = 60_000;

describe('a journal that is kept tidy', () => {
  /** What is told in half an hour, by its minute. */
  const toldOf = (store: JournalStore, options?: TidyOptions): readonly string[] => {
    const told: string[] = [];
    const tell = (what: string): void => void told.push(`${asyncScheduler.now() / MINUTE_MS} ${what}`);
    new TestScheduler(() => {}).run(({ flush }) => {
      const facts = createFacts();
      facts.stream.subscribe(({ type }) => tell(type));
      const log = { ...silentLogger, warn: (fields: object | string) => tell((fields as { reason: string }).reason) };
      const tidying = keepTidy(store, facts, log, options).subscribe();
      asyncScheduler.schedule(() => tidying.unsubscribe(), 30 * MINUTE_MS);
      flush();
    });
    return told;
  };

  it('forgets and counts soon after the start, and every ten minutes from then on', () => {
    expect(toldOf(new MemoryStore())).to.deep.equal(
      [1, 11, 21].flatMap((minute) => [`${minute} journalCompacted`, `${minute} journalCounted`]),
    );
  });

  it('does so as often as it is told', () => {
    expect(toldOf(new MemoryStore(), { firstAfterMs: 2 * MINUTE_MS, everyMs: 20 * MINUTE_MS })).to.deep.equal(
      [2, 22].flatMap((minute) => [`${minute} journalCompacted`, `${minute} journalCounted`]),
    );
  });

  it('tells what the store cannot do, does the rest, and tries again', () => {
    let tries = 0;
    const store: JournalStore = {
      ...forwarded(new MemoryStore()),
      compact: () => throwError(() => new JournalUnavailableError(`slow ${++tries}`)),
    };
    expect(toldOf(store).slice(0, 3)).to.deep.equal(['1 slow 1', '1 journalCounted', '11 slow 2']);
  });
});
