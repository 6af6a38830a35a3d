import type { Law } from './law.ts';

/** A consumer has at most its prefetch out; a pipeline, that of the consumer it has and of the one before, whose messages it may still hold. */
export const boundedMemory: Law = {
  name: 'what a worker holds is bounded by the prefetch',
  watch: ({ pipelines }) => {
    const prefetches = new Map(pipelines.map(({ name, prefetch }) => [name, prefetch]));
    return {
      see: (event) => {
        if (event.kind !== 'delivered') return undefined;
        const { out, inFlight, pipeline, life } = event;
        const prefetch = prefetches.get(pipeline) ?? 0;
        if (out > prefetch)
          return `${pipeline}: a consumer of worker ${life.worker} has ${out} messages out, its prefetch is ${prefetch}`;
        if (inFlight > 2 * prefetch)
          return `${pipeline}: worker ${life.worker} holds ${inFlight} messages, with a prefetch of ${prefetch}`;
        return undefined;
      },
    };
  },
};
