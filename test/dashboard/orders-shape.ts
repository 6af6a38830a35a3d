/** A pipeline as the dashboard's models are shown it. */
import type { PipelineShape } from '../../src/dashboard/wire.ts';

export const ordersShape: PipelineShape = {
  name: 'orders',
  queue: 'orders.placed',
  workQueues: ['orders.placed'],
  bindings: [],
  delays: [],
  deadLetters: 'orders.placed.dead',
  concurrency: 8,
  prefetch: 16,
  publishes: [],
  apis: [],
};
