/** Reads the scalar types of AMQP from a range of bytes; reading past its end is an error of the peer. */
import { AmqpFault } from '../model/fault.ts';

export class ByteReader {
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  #end = 0;
  #start = 0;

  /** Begins to read at a place. One reader serves a whole connection. */
  over(bytes: Buffer, start: number, end: number): this {
    this.#bytes = bytes;
    this.#start = start;
    this.#at = start;
    this.#end = end;
    return this;
  }

  get at(): number {
    return this.#at;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#end;
  }

  octet(): number {
    return this.#bytes.readUInt8(this.#take(1));
  }

  short(): number {
    return this.#bytes.readUInt16BE(this.#take(2));
  }

  long(): number {
    return this.#bytes.readUInt32BE(this.#take(4));
  }

  /** Delivery tags and sizes: exact up to 2^53. */
  longlong(): number {
    const high = this.long();
    return high * 0x1_0000_0000 + this.long();
  }

  shortString(): string {
    const length = this.octet();
    const from = this.#take(length);
    return this.#bytes.toString('utf8', from, from + length);
  }

  longBytes(): Buffer {
    const length = this.long();
    const from = this.#take(length);
    return this.#bytes.subarray(from, from + length);
  }

  skip(count: number): void {
    this.#take(count);
  }

  #take(count: number): number {
    const from = this.#at;
    if (from + count > this.#end) {
      throw new AmqpFault(501, `cannot decode ${printedBytes(this.#bytes.subarray(this.#start, this.#end))}`);
    }
    this.#at = from + count;
    return from;
  }
}

const MAX_PRINTED_BYTES = 40;

/** Bytes as Erlang prints a binary. */
export function printedBytes(bytes: Uint8Array): string {
  const isText = bytes.length > 0 && bytes.every((byte) => byte >= 0x20 && byte < 0x7f);
  const shown = bytes.subarray(0, MAX_PRINTED_BYTES);
  return isText ? `<<"${Buffer.from(shown).toString()}">>` : `<<${[...shown].join()}>>`;
}
