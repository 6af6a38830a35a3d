/** A recorder for the pipelines of a worker: what a delivery's headers say is read as the engine reads them. */
import type { Facts } from '../events.ts';
import { attemptOf, deadlineOf } from '../pipeline/message-headers.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { createRecorder, type Recorder } from '../recording/recorder.ts';
import type { RecordedEvent } from '../recording/recording.ts';
import type { ValueRules } from '../recording/redaction.ts';

/** Where a recording goes, and what of values may go there. */
export interface RecordingTarget {
  readonly rules: ValueRules;
  readonly write: (event: RecordedEvent) => void;
  /** Whether it takes no more. Default: it takes them all. */
  readonly isOver?: (() => boolean) | undefined;
}

export const recorderOf = (pipelines: readonly Pipeline[], facts: Facts, target: RecordingTarget): Recorder =>
  createRecorder({
    ...target,
    pipelines,
    facts,
    attemptOf,
    leftMsOf: (delivery, now) => {
      const deadlineAt = deadlineOf(delivery, now);
      return deadlineAt === undefined ? undefined : deadlineAt - now;
    },
  });
