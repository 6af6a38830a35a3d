/** One API as the facts tell of it: breaker, limit, latency, calls of the last minute. */
import type { BreakerChanged, CallEnded, LimitChanged, RateLimitWaited } from '../events.ts';
import { Bins, binOf } from './bins.ts';
import { Latencies } from './latencies.ts';
import type { ApiShape, ApiView } from './wire.ts';

/** Places of its bins. */
const PLACE = { calls: 0, failed: 1, waits: 2 } as const;
const A_MINUTE = 600;

export class ApiState {
  readonly name: string;
  readonly #bins = new Bins(0);
  readonly #latencies = new Latencies();
  #breaker: Pick<ApiView, 'breaker' | 'breakerReason' | 'retryAt'> = {
    breaker: 'closed',
    breakerReason: undefined,
    retryAt: undefined,
  };
  #limit: number;
  #running = 0;
  #longestWait = { at: 0, ms: 0 };

  constructor({ name, limit }: Pick<ApiShape, 'name' | 'limit'>) {
    this.name = name;
    this.#limit = limit;
  }

  callStarted(): void {
    this.#running++;
  }

  callEnded({ at, outcome, durationMs }: CallEnded): void {
    this.#running = Math.max(0, this.#running - 1);
    if (outcome === 'aborted') return;
    this.#bins.add(at, PLACE.calls);
    if (outcome !== 'ok') this.#bins.add(at, PLACE.failed);
    // What was turned away never ran.
    if (outcome !== 'rejected') this.#latencies.record(durationMs);
  }

  waited({ at, waitedMs }: RateLimitWaited): void {
    this.#bins.add(at, PLACE.waits);
    if (waitedMs >= this.#longestWait.ms || at - this.#longestWait.at > 60_000)
      this.#longestWait = { at, ms: waitedMs };
  }

  breakerChanged({ state, reason, retryAt }: BreakerChanged): void {
    this.#breaker = { breaker: state, breakerReason: reason, retryAt };
  }

  limitChanged({ limit }: LimitChanged): void {
    this.#limit = limit;
  }

  view(now: number): ApiView {
    const to = binOf(now) + 1;
    const sum = (place: number): number => this.#bins.sum(place, to - A_MINUTE, to);
    const [p50Ms, p99Ms] = this.#latencies.quantiles(0.5, 0.99);
    const waits = sum(PLACE.waits);
    return {
      name: this.name,
      ...this.#breaker,
      limit: this.#limit,
      running: this.#running,
      calls: sum(PLACE.calls),
      failed: sum(PLACE.failed),
      p50Ms,
      p99Ms,
      waits,
      longestWaitMs: waits === 0 ? 0 : this.#longestWait.ms,
    };
  }
}
