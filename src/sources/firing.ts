/** The message of a firing: the moment it was scheduled for, under an id that every worker comes to by itself. */
import { z } from 'zod';
import { fingerprint } from '../message/identity.ts';
import type { OutgoingMessage } from '../message/outgoing.ts';

/** What a handle gets from `every` and `schedule`: `{ scheduledAt: Date }`. */
export const Firing = z.object({
  /** The moment of the schedule, not that of the delivery. */
  scheduledAt: z.iso.datetime().transform((text) => new Date(text)),
});

export type Firing = z.output<typeof Firing>;

/** As it lies in the queue. */
export const firingMessage = (pipeline: string, queue: string, at: number): OutgoingMessage => ({
  exchange: '',
  routingKey: queue,
  body: Buffer.from(JSON.stringify({ scheduledAt: new Date(at).toISOString() })),
  properties: {
    messageId: fingerprint('firing', pipeline, String(at)),
    contentType: 'application/json',
    type: 'firing',
    persistent: true,
  },
  headers: {},
});
