/** `sluice journal`: the tables of the shared store, and what is over in any store. Each command is loaded when it is called. */
import { Command } from 'commander';
import { exit } from './exit.ts';

export function journalCommand(): Command {
  const journal = new Command('journal').description(
    'the journal of sagas and keys: SLUICE_JOURNAL_FILE or SLUICE_JOURNAL_URL',
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
  return journal;
}
