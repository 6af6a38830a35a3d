/** The journal of a worker process, as it is configured: checked before the first message, tidied while it runs. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { lastValueFrom, toArray } from 'rxjs';
import type { Config } from '../config.ts';
import { ConfigError, JournalUnavailableError } from '../errors.ts';
import type { Facts } from '../events.ts';
import { createJournal } from '../journal/create-journal.ts';
import type { Journal } from '../journal/journal.ts';
import type { JournalStore } from '../journal/journal-store.ts';
import { keepTidy } from '../journal/keep-tidy.ts';
import { openStore, storeProblems } from '../journal/open-store.ts';
import type { Logger } from '../log.ts';

export interface OpenedJournal {
  readonly journal: Journal;
  /** What it rests on: for lists. */
  readonly store: JournalStore;
  close(): Promise<void>;
}

/**
 * A store that is away is no mistake: the worker starts, is not ready, and waits for it.
 * @throws ConfigError when the store can never be used as it is configured.
 */
export async function openJournal(config: Config, facts: Facts, log: Logger): Promise<OpenedJournal> {
  const { journal: choice, journalKeepMs: keepEndedMs, journalLeaseMs: leaseMs } = config;
  const problems = storeProblems(choice);
  if (problems.length > 0) throw new ConfigError(problems);
  const store = openStore(choice);
  const journal = createJournal(store, {
    owner: `${hostname()} ${process.pid} ${randomUUID()}`,
    keepEndedMs,
    leaseMs,
    facts,
    log,
  });
  const close = async (): Promise<void> => {
    await lastValueFrom(store.close().pipe(toArray()));
  };
  try {
    await lastValueFrom(journal.check().pipe(toArray()));
  } catch (error) {
    if (!(error instanceof JournalUnavailableError)) throw error;
    if (error.isMisconfigured) {
      await close();
      const path = choice.kind === 'file' ? 'SLUICE_JOURNAL_FILE' : 'SLUICE_JOURNAL_URL';
      throw new ConfigError([{ subject: 'environment', path, message: error.message }], { cause: error });
    }
  }
  const tidying = keepTidy(store, facts, log).subscribe();
  log.info({ journal: store.place }, 'the journal of sagas and keys is open');
  return {
    journal,
    store,
    close: async () => {
      tidying.unsubscribe();
      journal.end();
      await close();
    },
  };
}
