import type { Fact } from '../../../events.ts';
import { API_DEFAULTS } from '../../../http/api-defaults.ts';
import type { CallTarget } from '../../../http/call-target.ts';
import type { LifeRef } from '../world-event.ts';
import type { Breach, Law } from './law.ts';

/** The budget counts by tenths of its window: what it has paid for may be up to this old, what it has spent is remembered for less. */
const WINDOW_MS = 10_000;
const SURELY_REMEMBERED_MS = 9_000;
const FREE_RETRIES = 10;

interface Recent {
  calls: number[];
  retries: number[];
  /**
   * Whether the clock was set since the API was last called. Set back, it makes the budget remember for a window what it should have forgotten;
   * set forward, the other way round.
   */
  isDoubtful: boolean;
  trustedFrom: number;
}

interface Bounds {
  readonly attempts: number;
  readonly budget: number | undefined;
}

function boundsOf({ options: { retry, hedge } }: CallTarget): Bounds {
  const { maxAttempts = API_DEFAULTS.maxAttempts, budget = API_DEFAULTS.retryBudget } =
    typeof retry === 'object' ? retry : {};
  const attempts = (retry === false ? 1 : maxAttempts) * (hedge === undefined ? 1 : 2);
  return { attempts, budget: budget === false ? undefined : budget };
}

/** Tries of a message, attempts of a call, and retries over all calls of a worker to one API. */
export const boundedRetries: Law = {
  name: 'retries keep to their bounds',
  watch: ({ pipelines }) => {
    const tries = new Map(pipelines.map(({ name, source }) => [name, source.retryDelaysMs.length + 1]));
    const bounds = new Map(
      pipelines.flatMap(({ apis }) => Object.values(apis)).map((api) => [api.name, boundsOf(api)] as const),
    );
    const recent = new Map<LifeRef, Map<string, Recent>>();

    const recentOf = (life: LifeRef, api: string, at: number): Recent => {
      const ofLife = recent.get(life) ?? new Map<string, Recent>();
      recent.set(life, ofLife);
      const ofApi = ofLife.get(api) ?? { calls: [], retries: [], isDoubtful: false, trustedFrom: 0 };
      ofLife.set(api, ofApi);
      if (ofApi.isDoubtful) ofApi.trustedFrom = at + WINDOW_MS;
      ofApi.isDoubtful = false;
      return ofApi;
    };
    const overBudget = (life: LifeRef, api: string, at: number, budget: number): string | undefined => {
      const counted = recentOf(life, api, at);
      counted.calls = counted.calls.filter((moment) => moment > at - WINDOW_MS);
      counted.retries = counted.retries.filter((moment) => moment > at - SURELY_REMEMBERED_MS);
      counted.retries.push(at);
      const most = FREE_RETRIES + budget * counted.calls.length;
      if (at <= counted.trustedFrom || counted.retries.length <= most + 1e-6) return undefined;
      return `${api} is retried ${counted.retries.length} times within ${SURELY_REMEMBERED_MS} ms by one worker, its budget allows ${most}`;
    };
    const judge = (life: LifeRef, fact: Fact, at: number): Breach | undefined => {
      if (fact.type === 'delivered' && fact.attempt > (tries.get(fact.pipeline) ?? 0))
        return { text: `${fact.messageId} comes for try ${fact.attempt}`, messageId: fact.messageId };
      if (fact.type === 'callStarted') {
        if (fact.attempt === 1) recentOf(life, fact.api, at).calls.push(at);
        const most = bounds.get(fact.api)?.attempts ?? 0;
        if (fact.attempt <= most) return undefined;
        const text = `${fact.api} ${fact.operation} makes attempt ${fact.attempt}, at most ${most} may be made`;
        return { text, messageId: fact.messageId };
      }
      if (fact.type !== 'callRetried') return undefined;
      const budget = bounds.get(fact.api)?.budget;
      const text = budget === undefined ? undefined : overBudget(life, fact.api, at, budget);
      return text === undefined ? undefined : { text, messageId: fact.messageId };
    };
    return {
      see: (event) => {
        if (event.kind === 'fault' && event.fault === 'clockJump')
          for (const ofLife of recent.values()) for (const counted of ofLife.values()) counted.isDoubtful = true;
        if (event.kind === 'lifeCrashed' || event.kind === 'lifeStopped') recent.delete(event.life);
        return event.kind === 'fact' ? judge(event.life, event.fact, event.at) : undefined;
      },
    };
  },
};
