/** Recordings of pipelines at work in virtual time, as `sluice run --record` writes them. */

import { createMemoryJournal } from '../../../src/journal/memory-journal.ts';
import type { Pipeline } from '../../../src/pipeline/pipeline.ts';
import { RECORDING_VERSION, type RecordedEvent, type Recording } from '../../../src/recording/recording.ts';
import { Redaction } from '../../../src/recording/redaction.ts';
import { BoundedScheduler } from '../../../src/testing/pipelines/bounded-scheduler.ts';
import { Rehearsal } from '../../../src/testing/pipelines/rehearsal.ts';
import type { ApiScript } from '../../../src/testing/pipelines/scripted-api.ts';
import { seededRandom } from '../../../src/testing/virtual/seeded-random.ts';

export interface Script {
  readonly api: (name: string) => ApiScript;
  /** To the queue of the first pipeline. */
  readonly deliver: (at: number, value: unknown) => void;
  readonly at: (at: number, action: (rehearsal: Rehearsal) => void) => void;
}

/** What a worker records while the script is played. */
export function recordedBy(pipelines: readonly Pipeline[], play: (script: Script) => void): Recording {
  const events: RecordedEvent[] = [];
  const scheduler = new BoundedScheduler(86_400_000);
  scheduler.run(() => {
    const rehearsal = new Rehearsal({
      pipelines,
      journal: () => createMemoryJournal(),
      random: seededRandom(11),
      recording: { rules: new Redaction(), write: (event) => events.push(event) },
    });
    let count = 0;
    play({
      api: (name) => rehearsal.apis.get(name) as ApiScript,
      deliver: (at, value) => {
        const source = pipelines[0]?.source;
        if (source !== undefined) rehearsal.deliver(value, `m-${++count}`, source, at);
      },
      at: (at, action) => rehearsal.at(at, () => action(rehearsal)),
    });
    scheduler.runToEnd();
    rehearsal.worker.stop();
    scheduler.runToEnd();
  });
  const head = {
    kind: 'recording' as const,
    version: RECORDING_VERSION,
    startedAt: '2026-11-28T12:00:00.000Z',
    pipelines: pipelines.map(({ name }) => name),
  };
  // As it comes back from the file.
  return JSON.parse(JSON.stringify({ head, events })) as Recording;
}
