/** Short strings of AMQP: names of exchanges, queues and headers, routing keys, and every property that is text. Their length is one byte. */

export const MAX_SHORT_STRING_BYTES = 255;

export const isShortString = (text: string): boolean => Buffer.byteLength(text) <= MAX_SHORT_STRING_BYTES;
