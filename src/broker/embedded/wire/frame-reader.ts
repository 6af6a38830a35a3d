/** Cuts the bytes of a connection into frames, however they were split on the way. Holds at most one unfinished frame. */
import { FrameFault } from '../model/fault.ts';
import { printedBytes } from './byte-reader.ts';
import { FRAME_END, FRAME_HEAD_BYTES, FRAME_OVERHEAD_BYTES, PROTOCOL_HEADER } from './protocol.ts';

/** Takes one frame, whose payload lies between two places. @returns false to stop reading for now. */
export type OnFrame = (type: number, channel: number, bytes: Buffer, from: number, to: number) => boolean;

export class FrameReader {
  /** The whole frame, as both sides agreed. */
  maxFrameBytes: number;
  readonly #onHeader: () => void;
  readonly #onFrame: OnFrame;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  /** Bytes without which it is no use to look again. */
  #needed = FRAME_HEAD_BYTES;
  #hasHeader = false;

  constructor(maxFrameBytes: number, onHeader: () => void, onFrame: OnFrame) {
    this.#onHeader = onHeader;
    this.maxFrameBytes = maxFrameBytes;
    this.#onFrame = onFrame;
  }

  /**
   * Reads on. @returns false when the bytes do not begin with the protocol header.
   * @throws AmqpFault 501 for a frame that is too large or does not end where it says.
   */
  push(chunk: Buffer): boolean {
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.length;
    if (!this.#hasHeader) {
      const isHeader = this.#readHeader();
      if (isHeader !== true) return isHeader === undefined;
    }
    this.#readFrames();
    return true;
  }

  /** Reads what is held, after a stop. */
  resume(): void {
    this.#needed = FRAME_HEAD_BYTES;
    this.#readFrames();
  }

  /** @returns undefined while there is too little to say. */
  #readHeader(): boolean | undefined {
    const bytes = this.#joined();
    const seen = bytes.subarray(0, PROTOCOL_HEADER.length);
    if (!seen.equals(PROTOCOL_HEADER.subarray(0, seen.length)) && seen.length >= Math.min(4, PROTOCOL_HEADER.length))
      return false;
    if (bytes.length < PROTOCOL_HEADER.length) return undefined;
    this.#hasHeader = true;
    this.#onHeader();
    this.#keep(bytes, PROTOCOL_HEADER.length);
    return true;
  }

  #readFrames(): void {
    if (this.#pendingBytes < this.#needed) return;
    const bytes = this.#joined();
    let at = 0;
    this.#needed = FRAME_HEAD_BYTES;
    while (bytes.length - at >= FRAME_HEAD_BYTES) {
      const type = bytes[at] ?? 0;
      const size = bytes.readUInt32BE(at + 3);
      if (size > this.maxFrameBytes - FRAME_OVERHEAD_BYTES) {
        const limit = this.maxFrameBytes - FRAME_OVERHEAD_BYTES;
        throw new FrameFault(501, `type ${type}, all octets = <<>>: {frame_too_large,${size},${limit}}`);
      }
      const from = at + FRAME_HEAD_BYTES;
      const to = from + size;
      if (to + 1 > bytes.length) {
        this.#needed = size + FRAME_OVERHEAD_BYTES;
        break;
      }
      if (bytes[to] !== FRAME_END) {
        const octets = printedBytes(bytes.subarray(from, to));
        throw new FrameFault(501, `type ${type}, all octets = ${octets}: {invalid_frame_end_marker,${bytes[to]}}`);
      }
      at = to + 1;
      if (!this.#onFrame(type, bytes.readUInt16BE(from - 6), bytes, from, to)) {
        this.#needed = Number.POSITIVE_INFINITY;
        break;
      }
    }
    this.#keep(bytes, at);
  }

  #joined(): Buffer {
    const [only] = this.#pending;
    return only !== undefined && this.#pending.length === 1 ? only : Buffer.concat(this.#pending);
  }

  #keep(bytes: Buffer, from: number): void {
    this.#pending = from < bytes.length ? [bytes.subarray(from)] : [];
    this.#pendingBytes = bytes.length - from;
  }
}
