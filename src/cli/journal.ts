/** `sluice journal`: the tables of the shared store, and what is over in any store. Each command is loaded when it is called. */
import { Command } from 'commander';
import { exit } from './exit.ts';
import { pointAtFamily } from './help-of-family.ts';

export function journalCommand(): Command {
  const journal = new Command('journal')
    .description('the journal of sagas and keys: SLUICE_JOURNAL_FILE or SLUICE_JOURNAL_URL')
    .addHelpText(
      'after',
      `
Examples:
  $ SLUICE_JOURNAL_URL=postgres://… sluice journal migrate    before the first worker, and before one of a new version
  $ SLUICE_JOURNAL_FILE=journal.db sluice journal compact

A file has its tables from the first worker on. A journal in memory is its worker's alone.

Exit codes:
  0  done
  1  it could not be done; the output says why
  2  an argument or the configuration is wrong; nothing was done`,
    );
  journal
    .command('migrate')
    .description('make the tables in PostgreSQL, or bring them up to this version')
    .option('--json', 'print JSON')
    .action(async ({ json = false }: { readonly json?: boolean }) => {
      const { migrateJournal } = await import('./journal/migrate.ts');
      await exit(await migrateJournal(json));
    });
  journal
    .command('compact')
    .description(
      'forget entries whose time is over, and say what is left; workers do so by themselves every ten minutes',
    )
    .option('--json', 'print JSON')
    .action(async ({ json = false }: { readonly json?: boolean }) => {
      const { compactJournal } = await import('./journal/compact.ts');
      await exit(await compactJournal(json));
    });
  return pointAtFamily(journal);
}
