/** The options of a queue that a source takes beside its own. What they may be is checked by `queue()`, which names the queue; here it is known that there are such. */
import { z } from 'zod';
import type { QueueOptions } from '../broker/queue.ts';

export const queueOptionsShape = {
  prefetch: z.unknown().optional(),
  retry: z.unknown().optional(),
  topology: z.unknown().optional(),
  type: z.unknown().optional(),
  deliveryLimit: z.unknown().optional(),
  settleWithin: z.unknown().optional(),
} satisfies Partial<Record<keyof QueueOptions, z.ZodType>>;
