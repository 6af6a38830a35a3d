/** Pipelines as the dashboard draws them: what is declared, without functions and schemas. */
import { workQueues } from '../broker/partitions.ts';
import { deadLetterQueue, delayQueue } from '../broker/queue.ts';
import type { ApiShape, PipelineShape } from '../dashboard/wire.ts';
import { API_DEFAULTS } from '../http/api-defaults.ts';
import type { AdaptiveConcurrency } from '../http/api-options.ts';
import type { CallTarget } from '../http/call-target.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { durationMs } from '../policies/duration.ts';

export const pipelineShapes = (pipelines: readonly Pipeline[]): readonly PipelineShape[] => pipelines.map(shapeOf);

function shapeOf({ name, source, apis, needs, concurrency, prefetch, publishes }: Pipeline): PipelineShape {
  return {
    name,
    queue: source.name,
    workQueues: workQueues(source),
    bindings: source.bindings.map(({ exchange, key }) => ({ exchange, key })),
    delays: [...new Set(source.retryDelaysMs)].map((delayMs) => ({ queue: delayQueue(source.name, delayMs), delayMs })),
    deadLetters: deadLetterQueue(source.name),
    concurrency,
    prefetch,
    publishes,
    apis: Object.entries(apis).map(([key, definition]) => apiShape(key, definition, needs.includes(key))),
  };
}

function apiShape(key: string, { name, options }: CallTarget, isNeeded: boolean): ApiShape {
  const { timeout, retry, concurrency = API_DEFAULTS.concurrency } = options;
  const { initial, max, jitter = 'full' } = (retry === false ? undefined : retry?.backoff) ?? {};
  return {
    name,
    key,
    isNeeded,
    timeoutMs: durationMs(timeout ?? API_DEFAULTS.timeoutMs),
    limit: typeof concurrency === 'number' ? concurrency : initialLimit(concurrency),
    backoff: {
      initialMs: durationMs(initial ?? API_DEFAULTS.backoffInitialMs),
      maxMs: durationMs(max ?? API_DEFAULTS.backoffMaxMs),
      jitter,
    },
  };
}

function initialLimit({ initial, min = API_DEFAULTS.adaptive.min, max }: AdaptiveConcurrency): number {
  return (
    initial ?? Math.min(max ?? Math.max(API_DEFAULTS.adaptive.max, min), Math.max(min, API_DEFAULTS.adaptive.initial))
  );
}
