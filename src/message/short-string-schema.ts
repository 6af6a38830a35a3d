/** Names of AMQP in schemas. They are counted in bytes: a text of 128 letters may be too long. */
import { z } from 'zod';
import { isShortString, MAX_SHORT_STRING_BYTES } from './short-string.ts';

/** The name of an exchange, a queue or a header. */
export const brokerName = (maxBytes = MAX_SHORT_STRING_BYTES) =>
  z.string().refine((name) => name !== '' && Buffer.byteLength(name) <= maxBytes, {
    error: `expected a name of 1 to ${maxBytes} bytes`,
  });

/** Empty on exchanges that do not look at it. */
export const routingKey = () =>
  z.string().refine(isShortString, {
    error: `expected a routing key of at most ${MAX_SHORT_STRING_BYTES} bytes`,
  });
