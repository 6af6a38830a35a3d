/** A recording from its text, line by line. */
import type { z } from 'zod';
import { messageOf } from '../errors.ts';
import { eventSchema, headSchema, RECORDING_VERSION, type RecordedEvent, type Recording } from './recording.ts';

/** A text that is no recording, or one of another version. */
export class RecordingInvalidError extends Error {
  override readonly name = 'RecordingInvalidError';
  readonly code = 'ERR_RECORDING_INVALID';
  /** From 1. */
  readonly line: number;

  constructor(line: number, problem: string, options?: ErrorOptions) {
    super(`line ${line}: ${problem}`, options);
    this.line = line;
  }
}

/**
 * A last line that breaks off is left out: the worker was ended while it wrote.
 * @throws RecordingInvalidError naming the line and what is wrong with it.
 */
export function readRecording(text: string): Recording {
  const lines = text.split('\n');
  const rest = lines.pop() ?? '';
  const [first, ...others] = lines;
  if (first === undefined) throw new RecordingInvalidError(1, 'expected the head of a recording, got nothing');
  const head = read(headSchema, first, 1, `expected the head of a recording of version ${RECORDING_VERSION}`);
  const events: RecordedEvent[] = others.map((line, index) => read(eventSchema, line, index + 2, 'expected an event'));
  if (rest !== '' && isJson(rest)) events.push(read(eventSchema, rest, lines.length + 1, 'expected an event'));
  return { head, events };
}

function read<Schema extends z.ZodType>(schema: Schema, text: string, line: number, expected: string) {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new RecordingInvalidError(line, `${expected}: ${messageOf(cause)}`, { cause });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new RecordingInvalidError(line, `${expected}; ${issue?.path.join('.')}: ${issue?.message}`);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
