/**
 * Writes frames for one connection into slabs of memory, and hands them to the socket in few large pieces.
 * A slab is never written to again where the socket has been given it.
 */
import type { Message } from '../model/message.ts';
import { encodeProperties } from './properties-codec.ts';
import {
  CLASS_BASIC,
  FRAME_BODY,
  FRAME_END,
  FRAME_HEADER,
  FRAME_HEARTBEAT,
  FRAME_METHOD,
  FRAME_OVERHEAD_BYTES,
} from './protocol.ts';

const SLAB_BYTES = 65_536;
/** Larger bodies go to the socket as they are, without being copied. */
const COPIED_BODY_BYTES = 16_384;
/** A method with its strings: at most four of them, and numbers. */
const METHOD_BYTES = 1200;

export class FrameWriter {
  maxFrameBytes: number;
  #slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #start = 0;
  #at = 0;
  #sizeAt = 0;
  readonly #send: (bytes: Buffer) => void;

  constructor(maxFrameBytes: number, send: (bytes: Buffer) => void) {
    this.maxFrameBytes = maxFrameBytes;
    this.#send = send;
  }

  /** Hands everything written so far to the socket. */
  flush(): void {
    if (this.#at === this.#start) return;
    this.#send(this.#slab.subarray(this.#start, this.#at));
    this.#start = this.#at;
  }

  // ---- a method frame: begin, its arguments, end

  begin(channel: number, method: number, argumentBytes = METHOD_BYTES): this {
    this.#reserve(argumentBytes + 16);
    this.#head(FRAME_METHOD, channel);
    return this.long(method);
  }

  octet(value: number): this {
    this.#slab[this.#at++] = value;
    return this;
  }

  flag(value: boolean): this {
    return this.octet(value ? 1 : 0);
  }

  short(value: number): this {
    this.#at = this.#slab.writeUInt16BE(value, this.#at);
    return this;
  }

  long(value: number): this {
    this.#at = this.#slab.writeUInt32BE(value, this.#at);
    return this;
  }

  longlong(value: number): this {
    return this.long(Math.floor(value / 0x1_0000_0000)).long(value % 0x1_0000_0000);
  }

  shortString(text: string): this {
    const slab = this.#slab;
    const from = this.#at + 1;
    // Names are short and plain: a loop beats the call into the runtime.
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (code > 0x7f) return this.#anyShortString(text);
      slab[from + index] = code;
    }
    slab[from - 1] = text.length;
    this.#at = from + text.length;
    return this;
  }

  bytes(bytes: Uint8Array): this {
    this.#slab.set(bytes, this.#at);
    this.#at += bytes.length;
    return this;
  }

  end(): void {
    this.#slab.writeUInt32BE(this.#at - this.#sizeAt - 4, this.#sizeAt);
    this.#slab[this.#at++] = FRAME_END;
  }

  // ---- the other frames

  heartbeat(): void {
    this.#reserve(FRAME_OVERHEAD_BYTES);
    this.#head(FRAME_HEARTBEAT, 0);
    this.end();
  }

  /** Header and body frames of a message, after its method. */
  content(channel: number, { properties, encoded = encodeProperties(properties), body }: Message): void {
    this.#reserve(encoded.length + 32);
    this.#head(FRAME_HEADER, channel);
    this.short(CLASS_BASIC).short(0).longlong(body.length).bytes(encoded).end();
    const piece = this.maxFrameBytes - FRAME_OVERHEAD_BYTES;
    for (let from = 0; from < body.length; from += piece) this.#body(channel, body.subarray(from, from + piece));
  }

  #body(channel: number, piece: Uint8Array): void {
    if (piece.length <= COPIED_BODY_BYTES) {
      this.#reserve(piece.length + FRAME_OVERHEAD_BYTES);
      this.#head(FRAME_BODY, channel);
      this.bytes(piece).end();
      return;
    }
    this.#reserve(FRAME_OVERHEAD_BYTES);
    this.#head(FRAME_BODY, channel);
    this.#slab.writeUInt32BE(piece.length, this.#sizeAt);
    this.flush();
    this.#send(Buffer.from(piece.buffer, piece.byteOffset, piece.length));
    this.octet(FRAME_END);
  }

  #head(type: number, channel: number): void {
    this.octet(type).short(channel);
    this.#sizeAt = this.#at;
    this.#at += 4;
  }

  #anyShortString(text: string): this {
    const length = this.#slab.write(text, this.#at + 1, 255);
    this.octet(length);
    this.#at += length;
    return this;
  }

  /** Room for that many bytes in one piece. */
  #reserve(count: number): void {
    if (this.#at + count <= this.#slab.length) return;
    this.flush();
    this.#slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, count));
    this.#start = 0;
    this.#at = 0;
  }
}
