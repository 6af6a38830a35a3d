/** What is written down about a message that is done: which body it had, and its results where they may have to be published again. */
import type { JournalRecord } from '../journal/journal.ts';
import { decodeBody, encodeBody } from '../message/codec.ts';
import { bodyHashOf } from '../message/identity.ts';
import type { Journey } from './journey.ts';

export interface DoneRecord {
  isSameBody(journey: Journey): boolean;
  /** What the handle emitted; nothing where that was not written down. */
  results(): readonly unknown[];
}

interface StoredResult {
  readonly contentType: string;
  /** base64 */
  readonly body: string;
}

/** Plain data: it is stored as JSON. */
interface Stored {
  readonly body: string;
  readonly results?: readonly StoredResult[];
}

/**
 * @param results Values the handle emitted, to be kept; undefined where they are not.
 * @throws ResultInvalidError for one that JSON cannot carry: what goes nowhere, and is written by a codec, was not asked for it before.
 */
export function writeDone(journey: Journey, results: readonly unknown[] | undefined): Stored {
  const body = bodyHashOf(journey.delivery);
  if (results === undefined) return { body };
  const stored = results.map((result) => {
    const encoded = encodeBody(result);
    return { contentType: encoded.contentType, body: Buffer.from(encoded.body).toString('base64') };
  });
  return { body, results: stored };
}

/** Undefined where the message is not done. */
export function readDone(records: readonly JournalRecord[]): DoneRecord | undefined {
  const last = records.at(-1);
  if (last?.kind !== 'kept') return undefined;
  const { body, results = [] } = last.value as Stored;
  return {
    isSameBody: (journey) => body === bodyHashOf(journey.delivery),
    results: () => results.map(readResult),
  };
}

function readResult({ contentType, body }: StoredResult): unknown {
  const decoded = decodeBody(Buffer.from(body, 'base64'), { contentType }, { maxBytes: Number.POSITIVE_INFINITY });
  if (!decoded.ok) throw decoded.error;
  return decoded.value;
}
