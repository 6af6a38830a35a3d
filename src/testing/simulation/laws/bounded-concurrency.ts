import { API_DEFAULTS } from '../../../http/api-defaults.ts';
import type { Law } from './law.ts';

/** Handles at once in a worker, and requests at once to each API, as their definitions say. */
export const boundedConcurrency: Law = {
  name: 'concurrency keeps to its bounds',
  watch: ({ pipelines }) => {
    const handles = new Map(
      pipelines.map(({ name, concurrency, order }) => [name, order === 'arrival' ? 1 : concurrency]),
    );
    const requests = new Map(
      pipelines.flatMap(({ apis }) =>
        Object.values(apis).map(({ name, options: { concurrency = API_DEFAULTS.concurrency } }) => [
          name,
          typeof concurrency === 'number' ? concurrency : (concurrency.max ?? API_DEFAULTS.adaptive.max),
        ]),
      ),
    );
    return {
      see: (event) => {
        if (event.kind === 'handleStarted') {
          const most = handles.get(event.pipeline) ?? 0;
          if (event.running <= most) return undefined;
          const text = `${event.pipeline} runs ${event.running} handles at once in one worker, ${most} may`;
          return { text, messageId: event.messageId };
        }
        if (event.kind === 'called') {
          const most = requests.get(event.api) ?? 0;
          if (event.inFlight <= most) return undefined;
          return `${event.api} has ${event.inFlight} requests of one worker at once, ${most} may be`;
        }
        return undefined;
      },
    };
  },
};
