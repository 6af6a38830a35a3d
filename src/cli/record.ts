/** `sluice run --record FILE`: the file, its bound, and what is logged of it. */
import { ConfigError, messageOf, systemCodeOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { openRecordingFile } from '../recording/recording-file.ts';
import { Redaction } from '../recording/redaction.ts';
import type { RecordingTarget } from '../worker/record-worker.ts';

export interface RecordOptions {
  readonly file: string;
  readonly maxBytes: number;
}

/** A recording under way. */
export interface OpenRecording {
  readonly target: RecordingTarget;
  close(): Promise<void>;
}

/** @throws ConfigError when the file is there already, or cannot be made. */
export async function record(
  { file, maxBytes }: RecordOptions,
  pipelines: readonly Pipeline[],
  log: Logger,
): Promise<OpenRecording> {
  const head = { startedAt: new Date().toISOString(), pipelines: pipelines.map(({ name }) => name) };
  const { write, isOver, close } = await openRecordingFile(file, head, {
    maxBytes,
    onFull: () => log.warn({ file, maxBytes }, 'the recording has reached its bound: the worker goes on without it'),
    onError: (error) => log.error({ error, file }, 'the recording cannot be written: the worker goes on without it'),
  }).catch((cause: unknown) => {
    throw new ConfigError([{ subject: '--record', path: file, message: problemOf(cause) }], { cause });
  });
  log.warn(
    { file, maxBytes },
    'recording messages, calls and answers: values that the schemas describe are in the file, save secrets',
  );
  return { target: { rules: new Redaction(), write, isOver }, close };
}

const problemOf = (cause: unknown): string =>
  systemCodeOf(cause) === 'EEXIST'
    ? 'is there already; a recording is written to a new file'
    : `cannot be made: ${messageOf(cause)}`;
