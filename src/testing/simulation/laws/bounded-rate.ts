import { durationMs } from '../../../policies/duration.ts';
import type { LifeRef } from '../world-event.ts';
import type { Law } from './law.ts';

interface Limit {
  readonly requests: number;
  readonly perMs: number;
  /** Undefined: never more than `requests` within any span of `perMs`. */
  readonly burst: number | undefined;
}

/** Requests as they begin at an API, from one life of a worker. */
class Starts {
  readonly #limit: Limit;
  readonly #moments: number[] = [];
  #tokens: number;
  #lastAt = 0;

  constructor(limit: Limit) {
    this.#limit = limit;
    this.#tokens = limit.burst ?? 0;
  }

  /** @returns whether it may begin now. */
  begin(at: number): boolean {
    const { requests, perMs, burst } = this.#limit;
    if (burst === undefined) {
      this.#moments.push(at);
      const earlier = this.#moments.at(-1 - requests);
      if (this.#moments.length > requests) this.#moments.shift();
      return earlier === undefined || at - earlier >= perMs;
    }
    this.#tokens = Math.min(burst, this.#tokens + ((at - this.#lastAt) * requests) / perMs) - 1;
    this.#lastAt = at;
    return this.#tokens >= -1e-6;
  }
}

/** The rate of each API's definition, kept at the API. Begins anew when the clock was set: what time has passed is then unknown to a worker. */
export const boundedRate: Law = {
  name: 'rates keep to their limits',
  watch: ({ pipelines }) => {
    const limits = new Map<string, Limit>();
    for (const { name, options } of pipelines.flatMap(({ apis }) => Object.values(apis))) {
      const { rateLimit } = options;
      if (rateLimit === undefined) continue;
      limits.set(name, { requests: rateLimit.requests, perMs: durationMs(rateLimit.per), burst: rateLimit.burst });
    }
    const starts = new Map<LifeRef, Map<string, Starts>>();
    return {
      see: (event) => {
        if (event.kind === 'fault' && event.fault === 'clockJump') starts.clear();
        if (event.kind === 'lifeCrashed' || event.kind === 'lifeStopped') starts.delete(event.life);
        if (event.kind !== 'called') return undefined;
        const limit = limits.get(event.api);
        if (limit === undefined) return undefined;
        const ofLife = starts.get(event.life) ?? new Map<string, Starts>();
        starts.set(event.life, ofLife);
        const ofApi = ofLife.get(event.api) ?? new Starts(limit);
        ofLife.set(event.api, ofApi);
        if (ofApi.begin(event.at)) return undefined;
        const { requests, perMs, burst } = limit;
        const allowed = `${requests} in ${perMs} ms${burst === undefined ? '' : `, ${burst} at once`}`;
        return {
          text: `${event.api} is called more often by one worker than ${allowed}`,
          messageId: event.correlationId,
        };
      },
    };
  },
};
