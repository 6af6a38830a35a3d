import type { SimulatedApiOptions } from '../options.ts';
import type { Law } from './law.ts';

/** The same request for the same message, whoever makes it and however often, is one effect where the API honours keys: it comes with one key. */
export const effectsOnce = (apis: Readonly<Record<string, SimulatedApiOptions>>): Law => ({
  name: 'an effect happens once where keys are honoured',
  watch: () => {
    const keys = new Map<string, string | undefined>();
    return {
      see: (event) => {
        if (event.kind !== 'effect') return undefined;
        const { api, operation, correlationId, identity, key } = event;
        const { honoursKeys = true, repeats = [] } = apis[api] ?? {};
        if (!honoursKeys || repeats.includes(operation)) return undefined;
        const name = `${api} ${correlationId} ${identity}`;
        if (!keys.has(name)) {
          keys.set(name, key);
          return undefined;
        }
        const text = `${api} ${operation} happens a second time for ${correlationId}, under ${key === undefined ? 'no key' : 'another key'}`;
        return { text, messageId: correlationId };
      },
    };
  },
});
