/** The journal in memory: for development, tests and pipelines that rest on their APIs' idempotency. It ends with the worker. */
import { createJournal, type JournalOptions } from './create-journal.ts';
import type { Journal } from './journal.ts';
import { MemoryStore, type MemoryStoreOptions } from './memory-store.ts';

/** Holds the records of all entries that are held, of the last `maxWaiting` unfinished ones and of the last `maxEnded` ended ones. */
export const createMemoryJournal = (options: MemoryStoreOptions & JournalOptions = {}): Journal =>
  createJournal(new MemoryStore(options), options);
