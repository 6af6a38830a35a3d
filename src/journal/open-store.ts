/** The store that the configuration names. Its packages are loaded when they are needed, and looked for before. */
import { accessSync, closeSync, constants, openSync, readSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { messageOf, type Problem } from '../errors.ts';
import { FileStore } from './file/file-store.ts';
import type { JournalStore } from './journal-store.ts';
import { MemoryStore } from './memory-store.ts';
import { PostgresStore } from './postgres/postgres-store.ts';

/** Where the journal is kept. */
export type StoreChoice =
  | { readonly kind: 'memory' }
  | { readonly kind: 'file'; readonly path: string }
  | {
      readonly kind: 'postgres';
      readonly url: string;
      readonly reread?: () => string;
      readonly maxConnections: number;
    };

export function openStore(choice: StoreChoice): JournalStore {
  switch (choice.kind) {
    case 'memory':
      return new MemoryStore();
    case 'file':
      return new FileStore(choice);
    case 'postgres':
      return new PostgresStore(choice);
  }
}

/** What can be known to be wrong before the store is asked. Touches nothing. */
export function storeProblems(choice: StoreChoice): readonly Problem[] {
  switch (choice.kind) {
    case 'memory':
      return [];
    case 'file':
      return [...missingPackage('SLUICE_JOURNAL_FILE', 'libsql'), ...fileProblems(choice.path)];
    case 'postgres':
      return missingPackage('SLUICE_JOURNAL_URL', 'pg');
  }
}

const problem = (name: string, message: string): Problem => ({ subject: 'environment', path: name, message });

function missingPackage(name: string, packageName: string): readonly Problem[] {
  try {
    createRequire(import.meta.url).resolve(packageName);
    return [];
  } catch {
    return [
      problem(name, `needs the package ${packageName}, which is not installed; run \`npm install ${packageName}\``),
    ];
  }
}

const SQLITE_HEADER = 'SQLite format 3\u0000';

function fileProblems(path: string): readonly Problem[] {
  const wrong = (message: string): readonly Problem[] => [problem('SLUICE_JOURNAL_FILE', message)];
  const folder = dirname(path);
  try {
    if (!statSync(folder).isDirectory()) return wrong(`names a file in ${folder}, which is no folder`);
    // SQLite keeps two more files beside it.
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    return wrong(`names a file in the folder ${folder}, which cannot be written to: ${messageOf(error)}`);
  }
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return [];
  if (!found.isFile()) return wrong(`names ${path}, which is no file`);
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    if (found.size === 0 || headOf(path) === SQLITE_HEADER) return [];
    return wrong(`names ${path}, which is no SQLite database; name a file of its own, it is made where there is none`);
  } catch (error) {
    return wrong(`names ${path}, which cannot be read and written: ${messageOf(error)}`);
  }
}

function headOf(path: string): string {
  const file = openSync(path, 'r');
  try {
    const head = Buffer.alloc(SQLITE_HEADER.length);
    readSync(file, head, 0, head.length, 0);
    return head.toString('latin1');
  } finally {
    closeSync(file);
  }
}
