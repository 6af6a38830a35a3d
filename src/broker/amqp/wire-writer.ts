/**
 * Bytes of AMQP frames, written into one piece of memory that is used again for each message. Tables are those that `writeHeaders` makes, in
 * the types that amqplib would choose.
 */
import { FRAME_END, FRAME_START_BYTES, TAG } from './frame-layout.ts';

/** Of the frames before a message's body: 64 KiB of headers, which is what amqplib allows, and the rest. */
const MAX_BYTES = 65_536 + 4_096;

type Tag = (typeof TAG)[keyof typeof TAG];

export class WireWriter {
  readonly #bytes = Buffer.allocUnsafeSlow(MAX_BYTES);
  #at = 0;
  #frameAt = 0;
  #flagsAt = 0;
  #flags = 0;

  /** Forgets what was written. */
  begin(): this {
    this.#at = 0;
    return this;
  }

  /** All that was written: valid until the next begin. */
  get written(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  // ---- frames

  beginFrame(type: number, channel: number): this {
    this.#require(FRAME_START_BYTES);
    this.#frameAt = this.#at;
    this.octet(type).short(channel).long(0);
    return this;
  }

  /** Bytes of the frame. */
  endFrame(): number {
    this.octet(FRAME_END);
    const bytes = this.#at - this.#frameAt;
    this.#bytes.writeUInt32BE(bytes - FRAME_START_BYTES - 1, this.#frameAt + 3);
    return bytes;
  }

  // ---- numbers and texts

  octet(value: number): this {
    this.#require(1);
    this.#bytes[this.#at++] = value;
    return this;
  }

  short(value: number): this {
    this.#require(2);
    this.#at = this.#bytes.writeUInt16BE(value, this.#at);
    return this;
  }

  long(value: number): this {
    this.#require(4);
    this.#at = this.#bytes.writeUInt32BE(value, this.#at);
    return this;
  }

  longLong(value: number): this {
    return this.long(Math.floor(value / 2 ** 32)).long(value % 2 ** 32);
  }

  /** At most 255 bytes. */
  shortString(text: string): this {
    this.#require(1 + mostBytesOf(text));
    const from = this.#at + 1;
    this.#at = from + this.#text(text, from);
    this.#bytes[from - 1] = this.#at - from;
    return this;
  }

  // ---- properties, in the order of their flags; those that are undefined are left out

  beginProperties(): this {
    this.#flagsAt = this.#at;
    this.#flags = 0;
    return this.short(0);
  }

  endProperties(): void {
    this.#bytes.writeUInt16BE(this.#flags, this.#flagsAt);
  }

  text(flag: number, value: string | undefined): this {
    return value === undefined ? this : this.#has(flag).shortString(value);
  }

  number(flag: number, value: number | undefined): this {
    return value === undefined ? this : this.#has(flag).octet(value);
  }

  seconds(flag: number, value: number | undefined): this {
    return value === undefined ? this : this.#has(flag).longLong(value);
  }

  headers(flag: number, value: Readonly<Record<string, unknown>>): this {
    return this.#has(flag).#table(value);
  }

  #has(flag: number): this {
    this.#flags |= flag;
    return this;
  }

  // ---- tables

  #table(fields: Readonly<Record<string, unknown>>): this {
    const from = this.#beginSized();
    for (const name of Object.keys(fields)) {
      this.shortString(name);
      this.#field(fields[name]);
    }
    return this.#endSized(from);
  }

  #field(value: unknown): void {
    switch (typeof value) {
      case 'string':
        this.#longString(value);
        break;
      case 'boolean':
        this.octet(TAG.boolean).octet(value ? 1 : 0);
        break;
      case 'number':
        this.#number(value);
        break;
      case 'object':
        if (value === null) this.octet(TAG.nothing);
        else this.#object(value);
        break;
      default:
        throw new TypeError(`a ${typeof value} is no value of a table`);
    }
  }

  #object(value: object): void {
    if (Buffer.isBuffer(value)) {
      this.octet(TAG.bytes).long(value.length).#require(value.length);
      this.#bytes.set(value, this.#at);
      this.#at += value.length;
    } else if (Array.isArray(value)) {
      this.octet(TAG.array);
      const from = this.#beginSized();
      for (const element of value) this.#field(element);
      this.#endSized(from);
    } else if (isWrapped(value)) {
      this.#wrapped(value);
    } else {
      this.octet(TAG.table).#table(value as Readonly<Record<string, unknown>>);
    }
  }

  #wrapped({ '!': type, value }: Wrapped): void {
    if (type === 'object') this.octet(TAG.table).#table(value as Readonly<Record<string, unknown>>);
    else if (type === 'double') this.#double(Number(value));
    else this.#int64(type === 'timestamp' ? TAG.timestamp : TAG.long, value as number | bigint);
  }

  /** An integer takes as few bytes as it needs; what a double cannot tell from an integer any more is one. */
  #number(value: number): void {
    if (Math.abs(value) < 2 ** 50 && !Number.isInteger(value)) this.#double(value);
    else if (value >= -0x80 && value < 0x80) this.octet(TAG.byte).octet(value & 0xff);
    else if (value >= -0x8000 && value < 0x8000) this.octet(TAG.short).short(value & 0xffff);
    else if (value >= -0x8000_0000 && value < 0x8000_0000) this.octet(TAG.int).long(value >>> 0);
    else this.#int64(TAG.long, value);
  }

  #double(value: number): void {
    this.octet(TAG.double).#require(8);
    this.#at = this.#bytes.writeDoubleBE(value, this.#at);
  }

  #int64(tag: Tag, value: number | bigint): void {
    this.octet(tag).#require(8);
    this.#at = this.#bytes.writeBigInt64BE(BigInt(value), this.#at);
  }

  #longString(text: string): void {
    this.octet(TAG.text).#require(4 + mostBytesOf(text));
    const from = this.#at + 4;
    const length = this.#text(text, from);
    this.long(length);
    this.#at += length;
  }

  #beginSized(): number {
    this.long(0);
    return this.#at;
  }

  #endSized(from: number): this {
    this.#bytes.writeUInt32BE(this.#at - from, from - 4);
    return this;
  }

  /** Names and ids are short and plain: a loop beats the call into the runtime. */
  #text(text: string, from: number): number {
    const bytes = this.#bytes;
    if (text.length > MAX_LOOPED) return bytes.write(text, from);
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (code > 0x7f) return bytes.write(text, from);
      bytes[from + index] = code;
    }
    return text.length;
  }

  #require(count: number): void {
    if (this.#at + count > MAX_BYTES) throw new RangeError(`properties and headers take more than ${MAX_BYTES} bytes`);
  }
}

const MAX_LOOPED = 64;

/** A UTF-16 unit is at most three bytes of UTF-8; only of long texts it is worth counting. */
const mostBytesOf = (text: string): number => (text.length <= MAX_LOOPED ? 3 * text.length : Buffer.byteLength(text));

/** As `writeHeaders` marks what JavaScript has no type for. */
interface Wrapped {
  readonly '!': string;
  readonly value: unknown;
}

const isWrapped = (value: object): value is Wrapped => '!' in value && 'value' in value;
