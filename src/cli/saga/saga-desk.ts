/** The dashboard's desk for sagas: the same work as that of `sluice saga`, on the journal of the worker itself. */
import { asyncScheduler, firstValueFrom } from 'rxjs';
import type { SagaDesk, SagaKey } from '../../dashboard/saga-desk.ts';
import type { Replay, SagaDone, SagaList, SagaRow, SagaSelection, SagaStory } from '../../dashboard/wire.ts';
import type { JournalRecord } from '../../journal/journal.ts';
import type { EntrySummary, JournalStore } from '../../journal/journal-store.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import { abandonSaga } from '../../saga/abandon-saga.ts';
import { describeRecord } from '../../saga/describe-journal.ts';
import { findSaga, hasEnded, messageIdOf, readRecords, standingOf, UNENDED } from '../../saga/saga-entry.ts';
import { sagaNameOf } from '../../saga/saga-name-of.ts';

export interface SagaDeskOptions {
  readonly store: JournalStore;
  /** How long the journal of an abandoned saga is kept, in milliseconds. */
  readonly keepEndedMs: number;
  /** Those that run now. */
  readonly pipelines: () => readonly Pipeline[];
  /** Puts the dead letter of one message into its work queue again. */
  readonly giveBack: (queue: string, messageId: string) => Promise<Replay>;
}

const KINDS: Readonly<Record<SagaSelection, readonly JournalRecord['kind'][] | undefined>> = {
  unended: UNENDED,
  stuck: ['stuck'],
  ended: ['completed', 'undone', 'abandoned'],
  all: undefined,
};

export function createSagaDesk(options: SagaDeskOptions): SagaDesk {
  const { store } = options;
  return {
    list: (selection, max) => list(store, selection, max),
    show: (key) => show(store, key),
    resume: (key) => resume(options, key),
    abandon: (key) => abandon(options, key),
  };
}

async function list(store: JournalStore, selection: SagaSelection, max: number): Promise<SagaList> {
  const kinds = KINDS[selection];
  const filter = kinds === undefined ? {} : { lastKinds: kinds };
  const found = await firstValueFrom(store.list({ space: 'saga', ...filter, limit: max + 1 }));
  return { at: asyncScheduler.now(), sagas: found.slice(0, max).map(rowOf), isCut: found.length > max };
}

const rowOf = (entry: EntrySummary): SagaRow => ({
  saga: entry.name,
  id: entry.id,
  stands: standingOf(entry),
  beganAt: entry.createdAt,
  changedAt: entry.updatedAt,
  records: entry.records,
});

async function show(store: JournalStore, { saga, id }: SagaKey): Promise<SagaStory | undefined> {
  const found = await findSaga(store, id, saga);
  if (!found.ok) return undefined;
  const records = await readRecords(store, found.entry);
  const lines = records.map(({ seq, record }) =>
    record === undefined
      ? { seq, at: undefined, kind: undefined, text: 'not what was written: torn, or edited' }
      : { seq, at: record.at, kind: record.kind, text: describeRecord(record) },
  );
  return { ...rowOf(found.entry), heldBy: found.entry.heldBy, lines };
}

const refused = (text: string): SagaDone => ({ isDone: false, text });

async function resume({ store, pipelines, giveBack }: SagaDeskOptions, { saga, id }: SagaKey): Promise<SagaDone> {
  const found = await findSaga(store, id, saga);
  if (!found.ok) return refused(found.reason);
  const standing = standingOf(found.entry);
  if (standing !== 'stuck' && standing !== 'waiting')
    return refused(`It is ${standing}, not stuck: there is nothing to resume.`);
  const messageId = await messageIdOf(store, found.entry);
  if (messageId === undefined) return refused('Its journal does not name its message: replay its dead letter by hand.');
  const ours = pipelines().filter(({ handle }) => sagaNameOf(handle) === saga);
  const queues = [...new Set(ours.map(({ source }) => source.name))];
  if (queues.length === 0)
    return refused('No pipeline of this worker has this saga for its handle: ask a worker that has.');
  let failure: string | undefined;
  for (const queue of queues) {
    const replay = await giveBack(queue, messageId);
    failure ??= replay.failure;
    if (replay.replayed > 0)
      return { isDone: true, text: `Its message went back to ${queue}: it goes on where its journal stands.` };
    if (replay.inDoubt > 0) return refused(`Its message may lie in ${queue} and its dead letters both: look again.`);
  }
  return refused(failure ?? `No dead letter of ${queues.join(' or ')} is its message: it may be on its way already.`);
}

async function abandon({ store, keepEndedMs }: SagaDeskOptions, { saga, id }: SagaKey): Promise<SagaDone> {
  const found = await findSaga(store, id, saga);
  if (!found.ok) return refused(found.reason);
  const standing = standingOf(found.entry);
  if (hasEnded(standing)) return refused(`It has ended: ${standing}.`);
  const abandoned = await abandonSaga(store, found.entry, keepEndedMs);
  if (!abandoned.ok) return refused(abandoned.reason);
  return { isDone: true, text: 'It is given up. Its dead letter, where there is one, can be dropped.' };
}
