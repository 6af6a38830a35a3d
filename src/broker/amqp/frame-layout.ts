/** How AMQP 0-9-1 lays out its frames, for what is written here and what is read here. @see https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf section 4.2 */

export const METHOD_FRAME = 1;
export const HEADER_FRAME = 2;
export const BODY_FRAME = 3;
export const FRAME_END = 0xce;
/** Type, channel and size before a payload, and one byte after it. */
export const FRAME_START_BYTES = 7;

export const CLASS_BASIC = 60;

/** Of the properties, by their place in the word of flags. */
export const HAS = {
  contentType: 0x8000,
  contentEncoding: 0x4000,
  headers: 0x2000,
  deliveryMode: 0x1000,
  priority: 0x0800,
  correlationId: 0x0400,
  replyTo: 0x0200,
  expiration: 0x0100,
  messageId: 0x0080,
  timestamp: 0x0040,
  type: 0x0020,
  userId: 0x0010,
  appId: 0x0008,
  /** The last property, which nobody sends, and a second word of flags. */
  others: 0x0007,
} as const;

/** Of the values in a table, by their type. */
export const TAG = {
  text: 'S'.charCodeAt(0),
  boolean: 't'.charCodeAt(0),
  byte: 'b'.charCodeAt(0),
  short: 's'.charCodeAt(0),
  int: 'I'.charCodeAt(0),
  long: 'l'.charCodeAt(0),
  double: 'd'.charCodeAt(0),
  timestamp: 'T'.charCodeAt(0),
  bytes: 'x'.charCodeAt(0),
  array: 'A'.charCodeAt(0),
  table: 'F'.charCodeAt(0),
  nothing: 'V'.charCodeAt(0),
} as const;
