import { isBalanced } from '../../../pipeline/ledger.ts';
import type { LifeRef } from '../world-event.ts';
import type { Breach, Law } from './law.ts';

/** delivered = acked + retried + dead-lettered + returned + in flight, and in flight is what the worker has not settled, seen from its line. */
export const balancedBooks: Law = {
  name: "a worker's books balance",
  watch: () => {
    const out = new Map<LifeRef, Map<string, number>>();
    const count = (life: LifeRef, pipeline: string, change: number): void => {
      const counts = out.get(life) ?? new Map<string, number>();
      out.set(life, counts.set(pipeline, (counts.get(pipeline) ?? 0) + change));
    };
    return {
      see: (event): Breach | string | undefined => {
        switch (event.kind) {
          case 'delivered':
            count(event.life, event.pipeline, 1);
            return undefined;
          case 'settled':
            if (event.result !== 'repeated') count(event.life, event.pipeline, -1);
            return undefined;
          case 'books': {
            const { life, pipeline, counts } = event;
            const inFlight = out.get(life)?.get(pipeline) ?? 0;
            if (isBalanced(counts) && counts.inFlight === inFlight) return undefined;
            return `worker ${life.worker}: ${pipeline}: ${JSON.stringify(counts)}, and ${inFlight} deliveries are not settled`;
          }
          case 'lifeStopped':
            if (event.isBalanced && event.inFlight === 0) return undefined;
            return `worker ${event.life.worker} stopped with ${event.inFlight} messages in flight, books ${event.isBalanced ? '' : 'not '}balanced`;
          default:
            return undefined;
        }
      },
    };
  },
};
