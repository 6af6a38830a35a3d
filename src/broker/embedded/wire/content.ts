/** Puts a published message together from its method, header and body frames. */
import { AmqpFault, FrameFault, preconditionFailed } from '../model/fault.ts';
import type { BasicProperties } from '../model/message.ts';
import { decodeProperties } from './properties-codec.ts';
import { CLASS_BASIC, CONTENT_HEADER_BYTES, FRAME_BODY, FRAME_HEADER, MAX_MESSAGE_BYTES } from './protocol.ts';

export interface PublishArguments {
  readonly exchange: string;
  readonly routingKey: string;
  readonly mandatory: boolean;
}

export interface Content extends PublishArguments {
  readonly properties: BasicProperties;
  readonly encoded: Uint8Array;
  readonly body: Uint8Array;
}

const NO_BODY = Buffer.alloc(0);

const unexpected = (text: string): AmqpFault => new AmqpFault(505, text);

export class ContentAssembler {
  readonly #onContent: (content: Content) => void;
  #publish: PublishArguments | undefined;
  #head: { readonly properties: BasicProperties; readonly encoded: Buffer; readonly size: number } | undefined;
  #pieces: Buffer[] = [];
  #received = 0;

  constructor(onContent: (content: Content) => void) {
    this.#onContent = onContent;
  }

  /** Between `basic.publish` and its last body frame. */
  get isExpecting(): boolean {
    return this.#publish !== undefined;
  }

  expect(publish: PublishArguments): void {
    this.#publish = publish;
  }

  reset(): void {
    this.#publish = undefined;
    this.#head = undefined;
    this.#pieces = [];
    this.#received = 0;
  }

  frame(type: number, bytes: Buffer, from: number, to: number): void {
    if (this.#publish === undefined) throw new FrameFault(505, 'expected method frame, got non method frame instead');
    if (this.#head === undefined) this.#header(type, bytes, from, to);
    else this.#body(type, this.#head.size, bytes, from, to);
  }

  #header(type: number, bytes: Buffer, from: number, to: number): void {
    if (type !== FRAME_HEADER) {
      throw unexpected('expected content header for class 60, got non content header frame instead');
    }
    const classId = bytes.readUInt16BE(from);
    if (classId !== CLASS_BASIC) {
      throw unexpected(`expected content header for class 60, got one for class ${classId} instead`);
    }
    const size = bytes.readUInt32BE(from + 4) * 0x1_0000_0000 + bytes.readUInt32BE(from + 8);
    if (size > MAX_MESSAGE_BYTES) {
      throw preconditionFailed(`message size ${size} is larger than configured max size ${MAX_MESSAGE_BYTES}`);
    }
    const properties = decodeProperties(bytes, from + CONTENT_HEADER_BYTES, to);
    // Copied: the frame's bytes belong to a chunk that would stay as long as the message does.
    this.#head = { properties, encoded: Buffer.from(bytes.subarray(from + CONTENT_HEADER_BYTES, to)), size };
    if (size === 0) this.#complete(NO_BODY);
  }

  #body(type: number, size: number, bytes: Buffer, from: number, to: number): void {
    if (type !== FRAME_BODY) throw unexpected('expected content body, got non content body frame instead');
    const piece = Buffer.from(bytes.subarray(from, to));
    this.#received += piece.length;
    if (this.#received > size)
      throw new AmqpFault(501, `content body of ${this.#received} octets exceeds the ${size} announced`);
    if (this.#received < size) {
      if (piece.length > 0) this.#pieces.push(piece);
      return;
    }
    this.#complete(this.#pieces.length === 0 ? piece : Buffer.concat([...this.#pieces, piece]));
  }

  #complete(body: Buffer): void {
    const publish = this.#publish;
    const head = this.#head;
    this.reset();
    if (publish === undefined || head === undefined) return;
    const { exchange, routingKey, mandatory } = publish;
    this.#onContent({ exchange, routingKey, mandatory, properties: head.properties, encoded: head.encoded, body });
  }
}
