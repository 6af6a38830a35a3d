/** Response bodies out of their content encoding, with a cap on what comes out: a few kilobytes can hold gigabytes. */
import { brotliDecompress, gunzip, inflate, inflateRaw } from 'node:zlib';
import { transportErrorOf } from './classify.ts';
import { TransportError } from './transport.ts';

/** What a request says it can take. */
export const ACCEPTED_ENCODINGS = 'gzip, deflate, br';

type Done = (failure: TransportError | undefined, body: Uint8Array) => void;

/** Calls back once with at most `maxBytes`; runs beside the event loop. */
export function decompress(body: Uint8Array, encoding: string, maxBytes: number, done: Done): void {
  const settle = (error: Error | null, plain: Uint8Array): void =>
    done(error === null ? undefined : transportErrorOf(error), plain);
  const name = encoding.trim().toLowerCase();
  const unpack = Object.hasOwn(DECODERS, name) ? DECODERS[name] : undefined;
  if (unpack === undefined)
    done(new TransportError('response', 'answer has a content encoding that was not asked for'), body);
  else unpack(body, { maxOutputLength: maxBytes }, settle);
}

type Decoder = (
  body: Uint8Array,
  limits: { readonly maxOutputLength: number },
  settle: (error: Error | null, plain: Uint8Array) => void,
) => void;

/** Both spellings of deflate are out there: with the zlib header the RFC asks for, whose first byte ends in 8, and without. */
const inflateEither: Decoder = (body, limits, settle) => {
  if (((body[0] ?? 0) & 0x0f) === 8) inflate(body, limits, settle);
  else inflateRaw(body, limits, settle);
};

const DECODERS: Readonly<Record<string, Decoder | undefined>> = {
  gzip: gunzip,
  'x-gzip': gunzip,
  br: brotliDecompress,
  deflate: inflateEither,
};
