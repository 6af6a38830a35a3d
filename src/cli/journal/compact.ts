/** `sluice journal compact`: forgets what is over, and counts what is left. */
import { firstValueFrom } from 'rxjs';
import { EXIT } from '../exit-code.ts';
import { withStore } from './with-store.ts';

export const compactJournal = (isJson: boolean): Promise<number> =>
  withStore(async (store) => {
    const forgotten = await firstValueFrom(store.compact());
    const counts = await firstValueFrom(store.counts());
    if (isJson) {
      console.log(JSON.stringify({ journal: store.place, forgotten, counts }));
      return EXIT.ok;
    }
    console.log(`${store.place}: ${forgotten === 1 ? '1 entry' : `${forgotten} entries`} forgotten`);
    for (const { space, name, lastKind, entries } of counts) console.log(`  ${space} ${name}: ${entries} ${lastKind}`);
    return EXIT.ok;
  });
