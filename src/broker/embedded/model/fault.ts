/**
 * A refusal as AMQP 0-9-1 knows it: a reply code with RabbitMQ's text, and how much of the conversation it ends.
 * Commands of the model throw it; a face closes the channel or the connection with it.
 */

const NAMES: ReadonlyMap<number, string> = new Map([
  [311, 'CONTENT_TOO_LARGE'],
  [312, 'NO_ROUTE'],
  [313, 'NO_CONSUMERS'],
  [320, 'CONNECTION_FORCED'],
  [402, 'INVALID_PATH'],
  [403, 'ACCESS_REFUSED'],
  [404, 'NOT_FOUND'],
  [405, 'RESOURCE_LOCKED'],
  [406, 'PRECONDITION_FAILED'],
  [501, 'FRAME_ERROR'],
  [502, 'SYNTAX_ERROR'],
  [503, 'COMMAND_INVALID'],
  [504, 'CHANNEL_ERROR'],
  [505, 'UNEXPECTED_FRAME'],
  [506, 'RESOURCE_ERROR'],
  [530, 'NOT_ALLOWED'],
  [540, 'NOT_IMPLEMENTED'],
  [541, 'INTERNAL_ERROR'],
]);

/** Soft errors end a channel, hard ones the connection (AMQP 0-9-1, section 1.2). */
const SOFT: ReadonlySet<number> = new Set([311, 312, 313, 403, 404, 405, 406]);

const MAX_SHORT_STRING_BYTES = 255;

export class AmqpFault extends Error {
  override readonly name: string = 'AmqpFault';
  readonly code: number;
  readonly scope: 'channel' | 'connection';

  constructor(code: number, text?: string) {
    const name = NAMES.get(code) ?? 'INTERNAL_ERROR';
    super(cut(text === undefined ? name : `${name} - ${text}`));
    this.code = code;
    this.scope = SOFT.has(code) ? 'channel' : 'connection';
  }
}

/** A refusal of a frame rather than of a method: no method is named with it. */
export class FrameFault extends AmqpFault {}

/** Reply texts are short strings: at most 255 bytes. */
function cut(text: string): string {
  const bytes = Buffer.from(text);
  return bytes.length <= MAX_SHORT_STRING_BYTES
    ? text
    : bytes
        .subarray(0, MAX_SHORT_STRING_BYTES)
        .toString()
        .replace(/\uFFFD+$/, '');
}

export const accessRefused = (text: string): AmqpFault => new AmqpFault(403, text);
export const notFound = (text: string): AmqpFault => new AmqpFault(404, text);
export const resourceLocked = (text: string): AmqpFault => new AmqpFault(405, text);
export const preconditionFailed = (text: string): AmqpFault => new AmqpFault(406, text);
export const channelError = (text: string): AmqpFault => new AmqpFault(504, text);
export const notAllowed = (text: string): AmqpFault => new AmqpFault(530, text);
export const notImplemented = (text: string): AmqpFault => new AmqpFault(540, text);
export const connectionForced = (text: string): AmqpFault => new AmqpFault(320, text);
