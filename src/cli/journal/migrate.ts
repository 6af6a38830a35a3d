/** `sluice journal migrate`: makes the tables of the shared store, or brings them up to this version. */
import { migrate } from '../../journal/postgres/migrate.ts';
import { printJson } from '../broker-session.ts';
import { EXIT } from '../exit-code.ts';
import { withStore } from './with-store.ts';

export const migrateJournal = (isJson: boolean): Promise<number> =>
  withStore(async (store, { journal }) => {
    if (journal.kind !== 'postgres') {
      if (isJson) printJson({ journal: store.place });
      else console.log(`${store.place}: nothing to do, a file makes its tables itself`);
      return EXIT.ok;
    }
    const { from, to } = await migrate(journal.url);
    if (isJson) printJson({ journal: store.place, from, to });
    else console.log(`${store.place}: ${from === to ? `of version ${to} already` : `from version ${from} to ${to}`}`);
    return EXIT.ok;
  });
