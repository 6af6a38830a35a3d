/** What is written down about a message that is done: which body it had, and its results where they may have to be published again. */
import type { JournalRecord } from '../journal/journal.ts';
import type { Codec } from '../message/body-codec.ts';
import { decodeBody, type Encoded, encodeBody } from '../message/codec.ts';
import { bodyHashOf } from '../message/identity.ts';
import type { Journey } from './journey.ts';
import type { Pipeline } from './pipeline.ts';

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

/** What is kept is written, and read, as results are. */
type Forms = Pick<Pipeline, 'reads' | 'writes'>;

/**
 * @param results Values the handle emitted, to be kept; undefined where they are not.
 * @throws ResultInvalidError for one that neither its codec nor JSON can carry: what goes nowhere was not asked for it before.
 */
export function writeDone(journey: Journey, results: readonly unknown[] | undefined, { writes }: Forms): Stored {
  const body = bodyHashOf(journey.delivery);
  if (results === undefined) return { body };
  const stored = results.map((result) => {
    const encoded = encode(result, writes?.codec);
    return { contentType: encoded.contentType, body: Buffer.from(encoded.body).toString('base64') };
  });
  return { body, results: stored };
}

/** What a codec cannot write went nowhere, and need not be for it; one that only writes could not give it back. */
function encode(result: unknown, codec: Codec | undefined): Encoded {
  if (codec === undefined) return encodeBody(result);
  try {
    const encoded = encodeBody(result, codec);
    if (decodeBody(encoded.body, encoded, { ...WHATEVER_SIZE, codecs: [codec] }).ok) return encoded;
  } catch {
    // As JSON, then.
  }
  return encodeBody(result);
}

const WHATEVER_SIZE = { maxBytes: Number.POSITIVE_INFINITY };

/** Undefined where the message is not done. */
export function readDone(records: readonly JournalRecord[], { reads, writes }: Forms): DoneRecord | undefined {
  const last = records.at(-1);
  if (last?.kind !== 'kept') return undefined;
  const { body, results = [] } = last.value as Stored;
  // What another codec wrote, before it was replaced, is read by those of messages.
  const codecs = [...(writes?.codec === undefined ? [] : [writes.codec]), ...(reads?.codecs ?? [])];
  return {
    isSameBody: (journey) => body === bodyHashOf(journey.delivery),
    results: () => results.map((result) => readResult(result, codecs)),
  };
}

function readResult({ contentType, body }: StoredResult, codecs: readonly Codec[]): unknown {
  const decoded = decodeBody(Buffer.from(body, 'base64'), { contentType }, { ...WHATEVER_SIZE, codecs });
  if (!decoded.ok) throw decoded.error;
  return decoded.value;
}
