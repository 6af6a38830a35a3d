/** What to tell whoever starts workers whose journal ends with them, where something is written into it. */
import type { Config } from '../config.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { sagaNameOf } from '../saga/saga-name-of.ts';

const REMEDY = 'set SLUICE_JOURNAL_FILE or SLUICE_JOURNAL_URL';

/** Undefined: nothing is lost with the journal that was not lost anyway, as with the embedded broker. */
export function journalWarning(
  { journal, amqpUrls }: Pick<Config, 'journal' | 'amqpUrls'>,
  pipelines: readonly Pick<Pipeline, 'handle' | 'dedupe'>[],
  { isFleet = false } = {},
): string | undefined {
  if (journal.kind !== 'memory' || !pipelines.some(isJournalled)) return undefined;
  if (isFleet) return `each worker journals in its own memory: a message that comes to another is new to it; ${REMEDY}`;
  if (amqpUrls === undefined) return undefined;
  return `the journal is in memory: it ends with this worker, whose sagas then begin again, and messages that are done are done again; ${REMEDY}`;
}

/** Whether it writes down what must outlive a worker. */
const isJournalled = ({ handle, dedupe }: Pick<Pipeline, 'handle' | 'dedupe'>): boolean =>
  dedupe !== undefined || sagaNameOf(handle) !== undefined;
