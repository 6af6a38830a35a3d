/** The contract of journals, on every store. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileStore } from '../../src/journal/file/file-store.ts';
import type { JournalStore } from '../../src/journal/journal-store.ts';
import { MemoryStore } from '../../src/journal/memory-store.ts';
import { migrate } from '../../src/journal/postgres/migrate.ts';
import { PostgresStore } from '../../src/journal/postgres/postgres-store.ts';
import { describeWithPostgres } from '../support/postgres.ts';
import { journalCases } from './journal-cases.ts';
import { sagaCases } from './saga-cases.ts';

describe('the journal in memory', () => {
  let store: JournalStore;
  beforeEach(() => {
    store = new MemoryStore();
  });
  const under = { connect: () => store };
  journalCases(() => under);
  describe('under a saga', () => sagaCases(() => under));
});

describe('the journal in a file', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-journal-'));
  });
  after(() => rmSync(folder, { recursive: true }));
  const under = { connect: () => new FileStore({ path: join(folder, 'journal.db') }) };
  journalCases(() => under);
  describe('under a saga', () => sagaCases(() => under));
});

describeWithPostgres('the journal in PostgreSQL', (postgres) => {
  let url: string;
  before(async () => {
    url = postgres().createDatabase('journal_contract');
    await migrate(url);
  });
  const under = { connect: () => new PostgresStore({ url, maxConnections: 4 }) };
  journalCases(() => under);
  describe('under a saga', () => sagaCases(() => under));
});
