/** Codecs: how bodies of a content type become values and values bodies, beside the JSON, text and bytes that need none. */

import { z } from 'zod';
import { problemsOf, reportProblems } from '../definition.ts';

/** Made by `codec`. */
export interface Codec {
  readonly kind: 'codec';
  /** In lower case, without parameters: `application/avro`. */
  readonly contentType: string;
  readonly decode: (body: Uint8Array) => unknown;
  readonly encode: (value: unknown) => Uint8Array;
}

export interface CodecOptions<Value> {
  /** The content type it reads and writes, without parameters: `application/avro`, `application/x-protobuf`. */
  readonly contentType: string;
  /**
   * The value of a body, inflated and at most as large as messages may be; it may have no bytes. What it throws dead-letters the message; the text of
   * the error is not shown, because it may quote the body. Keep to what the body's size bounds: formats may claim to be larger than they are.
   */
  decode(body: Uint8Array): unknown;
  /** The body of a value. What it throws dead-letters the message whose result it is. */
  encode(value: Value): Uint8Array;
}

/**
 * To the compiler a `decode` that gives a promise, or may, is a mistake, and this its text. `Then` is inferred where there is one: asked of all that is
 * decoded, nothing could be said of a type parameter, and no helper be generic.
 */
interface ReadsAtOnce<Decoded, Then> {
  decode(
    body: Uint8Array,
  ): { then: Then } extends PromiseLike<unknown>
    ? 'codecs are synchronous: decode gives a value, and no promise'
    : Decoded | { then: Then };
}

const TYPE = /^[a-z0-9][\w!#$&^.+-]*\/[a-z0-9][\w!#$&^.+-]*$/i;
const isFunction = (value: unknown): boolean => typeof value === 'function';

const schema = z.strictObject({
  contentType: z.string().regex(TYPE, { error: 'expected a content type without parameters, like application/avro' }),
  decode: z.custom(isFunction, { error: 'expected a function from bytes to a value' }),
  encode: z.custom(isFunction, { error: 'expected a function from a value to bytes' }),
});

/**
 * A codec, for `reads.codecs` and `writes.codec` of a pipeline. It runs on the message path: synchronous, and once for each body.
 * @throws DefinitionError naming what is wrong.
 */
export function codec<Value, Decoded = unknown, Then = undefined>(
  options: CodecOptions<Value> & ReadsAtOnce<Decoded, Then>,
): Codec {
  reportProblems(problemsOf(`codec ${JSON.stringify(options.contentType)}`, schema, options));
  return {
    kind: 'codec',
    contentType: String(options.contentType).toLowerCase(),
    decode: (body) => options.decode(body),
    // What a pipeline writes with it is checked where it is used: values come out of handles.
    encode: (value) => options.encode(value as Value),
  };
}

export const isCodec = (value: unknown): value is Codec =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'codec';
