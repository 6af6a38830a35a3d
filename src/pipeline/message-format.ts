/** In which form a pipeline reads its messages and writes its results: codecs, CloudEvents, compression. */
import { z } from 'zod';
import { ResultInvalidError } from '../errors.ts';
import type { EntranceForm, Reading } from '../ingress/entrance-form.ts';
import { type Codec, isCodec } from '../message/body-codec.ts';
import { type CloudEvent, readCloudEvent, writeCloudEvent } from '../message/cloud-events.ts';
import { compressBody, type Decoded, decodeBody, encodeBody } from '../message/codec.ts';
import type { Carried, Headers, MessageProperties } from '../message/delivery.ts';
import { ignoreRejection } from '../message/unbegun.ts';

export interface ReadOptions {
  /** For bodies of further content types, made by `codec`. JSON, text and bytes are read without. Default: none. */
  readonly codecs?: readonly Codec[];
  /**
   * Messages are CloudEvents 1.0, binary or structured: `data` gives the schema an event's data, `event` the whole event with its attributes. A
   * message that is none is dead-lettered with the reason. Default: messages are what their bodies say.
   */
  readonly cloudEvents?: 'data' | 'event';
}

export interface EventOptions<Output, Message> {
  /** Who publishes, as a URI or its reference: `/orders`, `urn:shop:orders`. */
  readonly source: string;
  /** What has happened: `com.example.order.placed`. */
  readonly type: string | ((result: Output, message: Message) => string);
  /** `binary`: attributes as headers, the data as it is. `structured`: all of it as one JSON text. Default: binary. */
  readonly mode?: 'binary' | 'structured';
  /**
   * `subject`, `time`, `dataschema` and extensions: names of a-z and 0-9, texts, integers, booleans. Called again for each try: whoever wants the
   * same event each time makes them of the result and the message. Default: none.
   */
  readonly attributes?: (
    result: Output,
    message: Message,
  ) => Readonly<Record<string, string | number | boolean | undefined>>;
}

export interface WriteOptions<Output, Message> {
  /** Writes the results, and answers to `reply-to`. Default: bytes as they are, everything else as JSON. */
  readonly codec?: Codec;
  /** Results are CloudEvents, whose id is the message id. Answers to `reply-to` too. Default: they are what the handle emits. */
  readonly cloudEvents?: EventOptions<Output, Message>;
  /** Content encoding of bodies of 1 KiB and more. Default: none. */
  readonly compress?: 'gzip' | 'deflate';
}

/** As the engine has them. */
export type Writes = WriteOptions<unknown, unknown>;

const text = z.string().min(1, { error: 'expected a text that is not empty' });
const isFunction = (value: unknown): boolean => typeof value === 'function';
const codecSchema = z.custom(isCodec, { error: 'expected a codec made by codec()' });

export const readsSchema = z.strictObject({
  codecs: z.array(codecSchema).optional(),
  cloudEvents: z.enum(['data', 'event']).optional(),
});

export const writesSchema = z.strictObject({
  codec: codecSchema.optional(),
  compress: z.enum(['gzip', 'deflate']).optional(),
  cloudEvents: z
    .strictObject({
      source: text,
      type: z.union([text, z.custom(isFunction, { error: 'expected a text or a function from result to text' })]),
      mode: z.enum(['binary', 'structured']).optional(),
      attributes: z.custom(isFunction, { error: 'expected a function from result to attributes' }).optional(),
    })
    .optional(),
});

/** What the schema gets to see, and of which event it is. */
export function readMessage(
  { body, properties, headers }: Carried,
  reads: ReadOptions | undefined,
  maxBytes: number,
): Reading {
  if (reads === undefined) return decodeBody(body, properties, { maxBytes });
  const { codecs, cloudEvents } = reads;
  const limits = { maxBytes, codecs };
  if (cloudEvents === undefined) return decodeBody(body, properties, limits);
  const read = readCloudEvent(body, properties, headers, limits);
  if (!read.ok) return read;
  const event = read.value as CloudEvent;
  return { ok: true, value: cloudEvents === 'event' ? event : event.data, event };
}

/** A result as it was before `writeResult`, but for what its form cannot carry: as JSON, dates are texts. */
export function readResult(
  { body, properties, headers }: Carried,
  writes: Writes | undefined,
  maxBytes: number,
): Decoded {
  const limits = { maxBytes, codecs: writes?.codec === undefined ? undefined : [writes.codec] };
  if (writes?.cloudEvents === undefined) return decodeBody(body, properties, limits);
  const read = readCloudEvent(body, properties, headers, limits);
  return read.ok ? { ok: true, value: (read.value as CloudEvent).data } : read;
}

/** A worker's own result is trusted to be of a size; this is far above what fits a message by default. */
const MAX_RESULT_BYTES = 16 * 2 ** 20;

/** The forms of a pipeline, for whoever publishes to it and takes its answers. */
export const formOf = ({
  reads,
  writes,
  maxMessageBytes,
}: {
  readonly reads: ReadOptions | undefined;
  readonly writes: Writes | undefined;
  readonly maxMessageBytes: number;
}): EntranceForm => ({
  codecTypes: (reads?.codecs ?? []).map(({ contentType }) => contentType),
  cloudEvents: reads?.cloudEvents,
  read: (message) => readMessage(message, reads, maxMessageBytes),
  readResult: (answer) => readResult(answer, writes, MAX_RESULT_BYTES),
});

/** A result on its way out. */
export interface Written {
  readonly body: Uint8Array;
  readonly properties: { readonly contentType: string } & Pick<MessageProperties, 'contentEncoding'>;
  /** Undefined: none beside those of the engine. */
  readonly headers: Headers | undefined;
}

/** @throws ResultInvalidError for a value or an attribute that cannot be sent, and whatever the author's functions throw. */
export function writeResult(result: unknown, message: unknown, id: string, writes: Writes | undefined): Written {
  const encoded = encodeBody(result, writes?.codec);
  if (writes === undefined)
    return { body: encoded.body, properties: { contentType: encoded.contentType }, headers: undefined };
  const { cloudEvents, compress } = writes;
  const { body, contentType, headers } =
    cloudEvents === undefined ? { ...encoded, headers: undefined } : asEvent(result, message, id, encoded, cloudEvents);
  const compressed = compress === undefined ? undefined : compressBody(body, compress);
  return {
    body: compressed ?? body,
    properties: { contentType, ...(compressed === undefined ? {} : { contentEncoding: compress }) },
    headers,
  };
}

function asEvent(
  result: unknown,
  message: unknown,
  id: string,
  encoded: ReturnType<typeof encodeBody>,
  { source, type, mode = 'binary', attributes }: EventOptions<unknown, unknown>,
) {
  const named = typeof type === 'function' ? type(result, message) : type;
  const others = attributes?.(result, message) ?? {};
  for (const given of [named, others]) ignoreRejection(given);
  // It has no members: the event would go out without its attributes.
  const isPromise = others instanceof Promise;
  if (typeof others !== 'object' || isPromise)
    throw new ResultInvalidError(
      `attributes must return an object of attributes${isPromise ? ', and gave a Promise' : ''}`,
    );
  return writeCloudEvent(result, encoded, { id, source, type: named, others }, mode);
}
