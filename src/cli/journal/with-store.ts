/** A command on the journal that the environment names: opened, used, closed, and every mistake of the configuration named. */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import pc from 'picocolors';
import { lastValueFrom, toArray } from 'rxjs';
import { type Config, readConfig } from '../../config.ts';
import { JournalUnavailableError, type Problem } from '../../errors.ts';
import type { JournalStore } from '../../journal/journal-store.ts';
import { openStore, type StoreChoice, storeProblems } from '../../journal/open-store.ts';
import { EXIT } from '../exit-code.ts';
import { attempt, printProblems } from '../problems.ts';

const NONE: Problem = {
  subject: 'environment',
  path: 'SLUICE_JOURNAL_FILE',
  message:
    "is not set, nor is SLUICE_JOURNAL_URL; set the one that the workers have: a journal in memory is its worker's alone",
};

/** Whoever only looks makes no journal: an empty one would say of a wrong path that no saga is stuck. */
function missingFile(choice: StoreChoice): readonly Problem[] {
  if (choice.kind !== 'file' || existsSync(choice.path) || !existsSync(dirname(choice.path))) return [];
  const message = `there is no file ${choice.path}: a worker makes it at its start; name the one that the workers have`;
  return [{ subject: 'environment', path: 'SLUICE_JOURNAL_FILE', message }];
}

/** @returns the exit code: the work's own, or what kept it from being done. */
export async function withStore(work: (store: JournalStore, config: Config) => Promise<number>): Promise<number> {
  const config = attempt(() => readConfig(undefined, { needsBroker: false }));
  const problems = config.ok
    ? config.value.journal.kind === 'memory'
      ? [NONE]
      : [...storeProblems(config.value.journal), ...missingFile(config.value.journal)]
    : config.problems;
  if (!config.ok || problems.length > 0) {
    printProblems(problems, 'Nothing was done.');
    return EXIT.misconfigured;
  }
  const store = openStore(config.value.journal);
  try {
    return await work(store, config.value);
  } catch (error) {
    if (!(error instanceof JournalUnavailableError)) throw error;
    console.error(`${pc.red('✗')} ${error.message}`);
    return error.isMisconfigured ? EXIT.misconfigured : EXIT.failed;
  } finally {
    await lastValueFrom(store.close().pipe(toArray()));
  }
}
