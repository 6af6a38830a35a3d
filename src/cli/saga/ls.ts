/** `sluice saga ls`: sagas of the journal and how they stand. */
import { asyncScheduler, firstValueFrom } from 'rxjs';
import { standingOf, UNENDED } from '../../saga/saga-entry.ts';
import { misconfigured, printJson } from '../broker-session.ts';
import { EXIT } from '../exit-code.ts';
import { withStore } from '../journal/with-store.ts';
import { age, oneLine, table } from '../print.ts';

export interface LsOptions {
  readonly saga?: string;
  readonly stuck?: boolean;
  readonly all?: boolean;
  readonly limit: string;
  readonly json?: boolean;
}

export async function ls({ saga, stuck = false, all = false, limit, json = false }: LsOptions): Promise<number> {
  if (!/^[1-9]\d{0,5}$/.test(limit))
    return misconfigured([
      { subject: 'saga', path: '--limit', message: `expected an integer from 1 to 999999, got "${limit}"` },
    ]);
  const kinds = stuck ? { lastKinds: ['stuck'] as const } : all ? {} : { lastKinds: UNENDED };
  const named = saga === undefined ? {} : { name: saga };
  return withStore(async (store) => {
    const entries = await firstValueFrom(store.list({ space: 'saga', ...named, ...kinds, limit: Number(limit) }));
    if (json) {
      const sagas = entries.map((entry) => ({ ...entry, standing: standingOf(entry) }));
      printJson({ journal: store.place, sagas });
      return EXIT.ok;
    }
    if (entries.length === 0) {
      console.log(`${store.place}: no sagas ${stuck ? 'are stuck' : all ? 'at all' : 'that have not ended'}`);
      return EXIT.ok;
    }
    const now = asyncScheduler.now();
    const rows = entries.map((entry) => [
      oneLine(entry.id),
      entry.name,
      standingOf(entry),
      age(entry.createdAt, now),
      age(entry.updatedAt, now),
      String(entry.records),
      entry.heldBy ?? '-',
    ]);
    for (const line of table(['ID', 'SAGA', 'STANDS', 'BEGUN', 'CHANGED', 'RECORDS', 'HELD BY'], rows))
      console.log(line);
    return EXIT.ok;
  });
}
