/**
 * `sluice saga resume`: gives the dead letter of a stuck saga back to its queue, or of one that waits for a message the broker itself gave up.
 * Whichever worker gets it goes on where the journal stands.
 */

import { findSaga, messageIdOf, standingOf } from '../../saga/saga-entry.ts';
import { sagaNameOf } from '../../saga/saga-name-of.ts';
import { loadPipelines } from '../../worker/load-pipelines.ts';
import { failed } from '../broker-session.ts';
import { retry } from '../dlq/retry.ts';
import { withStore } from '../journal/with-store.ts';

export interface ResumeOptions {
  readonly saga?: string;
  readonly json?: boolean;
  readonly queue?: string;
  readonly pipelines: string;
}

export const resume = (id: string, { saga, json = false, queue, pipelines }: ResumeOptions): Promise<number> =>
  withStore(async (store) => {
    const found = await findSaga(store, id, saga);
    if (!found.ok) return failed(found.reason);
    const { entry } = found;
    const standing = standingOf(entry);
    if (standing !== 'stuck' && standing !== 'waiting')
      return failed(`saga "${entry.name}" ${id} is ${standing}, not stuck: there is nothing to resume`);
    const messageId = await messageIdOf(store, entry);
    if (messageId === undefined)
      return failed('its journal does not name its message; give its dead letter back by `sluice dlq retry`');
    const queues = queue === undefined ? await queuesOf(entry.name, pipelines) : [queue];
    const [only] = queues;
    if (only === undefined || queues.length > 1) {
      const how = `saga "${entry.name}" for its handle; name its queue by --queue`;
      if (only !== undefined) return failed(`several pipelines have (${queues.join(', ')}) ${how}`);
      return failed(`no pipeline in ${pipelines} has ${how}, or another folder by --pipelines`);
    }
    if (standing === 'waiting' && !json)
      console.log(`saga "${entry.name}" ${id} waits: its message comes by itself, unless it is among the dead letters`);
    const whenNone = `no dead letter of ${only} is its message ${messageId}: it may be on its way already; where it was dropped, the same message published again goes on`;
    return retry(only, { id: [messageId], rate: '50/s', pipelines, whenNone, ...(json ? { json } : {}) });
  });

async function queuesOf(saga: string, folder: string): Promise<readonly string[]> {
  const { pipelines, dispose } = await loadPipelines(folder);
  try {
    const ours = pipelines.filter(({ handle }) => sagaNameOf(handle) === saga);
    return [...new Set(ours.map(({ source }) => source.name))];
  } finally {
    await dispose();
  }
}
