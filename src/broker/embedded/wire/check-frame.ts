/** Whether a frame can be at all: its type, its channel, its size. */
import { FrameFault } from '../model/fault.ts';
import { printedBytes } from './byte-reader.ts';
import { CONTENT_HEADER_BYTES, FRAME_BODY, FRAME_HEADER, FRAME_HEARTBEAT, FRAME_METHOD } from './protocol.ts';

/** Class and method. */
const METHOD_ID_BYTES = 4;

/** @throws FrameFault 501 for a frame nobody knows, 505 for one in the wrong place. */
export function checkFrame(type: number, channel: number, bytes: Buffer, from: number, to: number): void {
  const size = to - from;
  const isWrong =
    (type === FRAME_METHOD && size < METHOD_ID_BYTES) ||
    (type === FRAME_HEADER && size < CONTENT_HEADER_BYTES) ||
    (type === FRAME_HEARTBEAT && size > 0) ||
    (type !== FRAME_METHOD && type !== FRAME_HEADER && type !== FRAME_BODY && type !== FRAME_HEARTBEAT);
  if (isWrong) throw new FrameFault(501, `${described(type, bytes, from, to)}: unknown_frame`);
  const isOfConnection = channel === 0;
  const isMisplaced = type === FRAME_HEARTBEAT ? !isOfConnection : isOfConnection && type !== FRAME_METHOD;
  if (isMisplaced) throw new FrameFault(505, described(type, bytes, from, to));
}

const described = (type: number, bytes: Buffer, from: number, to: number): string =>
  `type ${type}, all octets = ${printedBytes(bytes.subarray(from, to))}`;
