/** The file a recording is written to: of its owner alone, new, and never larger than its bound. */
import { open } from 'node:fs/promises';
import { RECORDING_VERSION, type RecordedEvent, type RecordingHead } from './recording.ts';

export interface RecordingFileOptions {
  readonly maxBytes: number;
  /** Told once, when the recording has reached its bound: nothing more is written. */
  readonly onFull: () => void;
  /** Told once, when it cannot be written any more. */
  readonly onError: (error: Error) => void;
}

export interface RecordingFile {
  readonly write: (event: RecordedEvent) => void;
  /** Whether it takes no more: it is full, closed, or cannot be written. */
  readonly isOver: () => boolean;
  /** Writes the end and waits until everything is in the file. */
  close(): Promise<void>;
}

/** Room for the last line. */
const END_BYTES = 100;

/**
 * Begins a recording. What waits to be written is held in memory, at most as much as the bound.
 * @throws the system's error when there is such a file already, or when it cannot be made.
 */
export async function openRecordingFile(
  path: string,
  head: Omit<RecordingHead, 'kind' | 'version'>,
  { maxBytes, onFull, onError }: RecordingFileOptions,
): Promise<RecordingFile> {
  // Not an old one: whoever may read that may not be meant to read this.
  const handle = await open(path, 'wx', 0o600);
  const stream = handle.createWriteStream();
  let bytes = 0;
  let lastAt = 0;
  let isOver = false;
  const failed = new Promise<void>((resolve) => {
    stream.once('error', (error) => {
      isOver = true;
      onError(error);
      resolve();
    });
  });

  const put = (value: object): void => {
    const line = `${JSON.stringify(value)}\n`;
    bytes += Buffer.byteLength(line);
    stream.write(line);
  };
  const end = (reason: 'stopped' | 'full'): void => {
    if (isOver) return;
    isOver = true;
    put({ kind: 'ended', at: lastAt, reason });
    stream.end();
  };

  put({ kind: 'recording', version: RECORDING_VERSION, ...head });
  return {
    write: (event) => {
      if (isOver) return;
      if (bytes + Buffer.byteLength(JSON.stringify(event)) + END_BYTES > maxBytes) {
        end('full');
        onFull();
        return;
      }
      lastAt = event.at;
      put(event);
    },
    isOver: () => isOver,
    close: async () => {
      end('stopped');
      await Promise.race([failed, new Promise<void>((resolve) => stream.once('close', resolve))]);
    },
  };
}
