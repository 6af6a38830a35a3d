/** What the dashboard can do beside looking: dead letters and sagas, on the broker and the journal of these pipelines. */
import type { Config } from '../config.ts';
import type { LetterDesk } from '../dashboard/letter-desk.ts';
import type { SagaDesk } from '../dashboard/saga-desk.ts';
import type { JournalStore } from '../journal/journal-store.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { brokerSecurity } from './broker-security.ts';
import { type BrokerUrls, readUrls } from './broker-urls.ts';
import { createLetterDesk } from './dlq/letter-desk.ts';
import { createSagaDesk } from './saga/saga-desk.ts';

export interface DeskOptions {
  readonly config: Pick<Config, 'amqpAuth' | 'amqpTls' | 'dashboardPayloads' | 'journalKeepMs'>;
  readonly urls: BrokerUrls;
  readonly store: JournalStore;
  /** Those that run now. */
  readonly pipelines: () => readonly Pipeline[];
}

export function createDesks({ config, urls, store, pipelines }: DeskOptions): { letters: LetterDesk; sagas: SagaDesk } {
  const letters = createLetterDesk({
    // Read at each look: credentials in a file may have been replaced.
    urls: () => readUrls(urls),
    security: brokerSecurity(config),
    random: Math.random,
    payloads: config.dashboardPayloads,
    pipelineOf: (queue) => pipelines().find(({ source }) => source.name === queue),
  });
  const sagas = createSagaDesk({
    store,
    keepEndedMs: config.journalKeepMs,
    pipelines,
    giveBack: letters.giveBack,
  });
  return { letters, sagas };
}
