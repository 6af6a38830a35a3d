/**
 * Hedge: a second try beside a slow first one, and whichever answers first. Against the slow tail of an API, not against its failures.
 * When it is slow is a fixed time or a percentile of what was measured.
 *
 * @see https://research.google/pubs/the-tail-at-scale/ "Hedged requests": waiting for the 95th percentile adds about 5 % of load
 */
import { asyncScheduler, type MonoTypeOperatorFunction, Observable, Subscriber, type Subscription } from 'rxjs';
import type { Duration } from '../policies/duration.ts';
import { LatencyQuantile } from '../policies/latency-quantile.ts';
import { requireKnown } from '../policies/require-known.ts';
import type { Known } from '../policies/unknown-option.ts';
import { requireCount } from './require-count.ts';
import { requireDurationMs } from './require-duration.ts';
import { tearDown } from './tear-down.ts';

export interface MeasuredPause {
  /** Share of the calls that are not hedged, in percent: 95 hedges about one in twenty. At least 50, below 100. */
  readonly percentile: number;
  /** No pause is shorter, so that a fast API is not asked twice for nothing. */
  readonly minimum: Duration;
  /** No pause is longer; also the pause until 20 calls were measured. At least `minimum`. */
  readonly maximum: Duration;
}

export interface HedgeOptions {
  /** Pause from the start of one try to that of the next, fixed or measured. */
  readonly after: Duration | MeasuredPause;
  /** Tries beside the first. Integer, at least 1. Default: 1, more add load where it is slow already. */
  readonly maxHedges?: number | undefined;
  /** Asked when a hedge is due; false: this call goes on without further ones. For a budget or a limit. Default: always. */
  readonly canHedge?: (() => boolean) | undefined;
  /** Called when a hedge begins, with its number from 1 and the pause before it. */
  readonly onHedge?: ((hedge: number, pauseMs: number) => void) | undefined;
  /** Called when a hedge, not the first try, has answered first. */
  readonly onWin?: ((hedge: number) => void) | undefined;
}

const OPTIONS: Known<HedgeOptions> = { after: true, maxHedges: true, canHedge: true, onHedge: true, onWin: true };
const MEASURED: Known<MeasuredPause> = { percentile: true, minimum: true, maximum: true };

/** The last this many calls are measured: enough for the 99th percentile, and few enough to follow the API. */
const MEASURED_CALLS = 256;
/** Below this many a percentile is a guess. */
const LEAST_MEASURED = 20;

/**
 * Subscribes to the source, and again after each pause, until one try emits or completes: that one is mirrored from then on, the others
 * are unsubscribed before its first value is passed on.
 *
 * A try that fails leaves the answer to those that run; when none runs any more the failure of the first to fail is passed on, and no
 * hedge begins. So a failure before the pause is over passes at once: trying again is for retry. Only for a source that may run twice
 * without harm, a call marked idempotent.
 *
 * What is measured belongs to the operator returned here: make it once, use it for every call of its kind. It holds the last 256
 * latencies, each from the start of the first try to the answer, whichever try gave it: a call that was slow enough for a hedge counts
 * as slow, so hedging does not lower the percentile it goes by. Each subscription holds its tries and one timer.
 * Unsubscribing unsubscribes all tries. What an option function or the teardown of a loser throws becomes the error.
 *
 * @throws RangeError at once when an option is out of its range, or for one it does not have.
 */
export function hedge<T>(options: HedgeOptions): MonoTypeOperatorFunction<T> {
  requireKnown('hedge', options, OPTIONS);
  requireCount('maxHedges', options.maxHedges ?? 1, 1);
  const pause = pauseOf(options.after);
  return (source) => new Observable((sink) => new HedgedCall(sink, source, options, pause).begin());
}

interface Pause {
  /** For the next hedge, as of now. */
  readonly ms: number;
  answered(latencyMs: number): void;
}

function pauseOf(after: HedgeOptions['after']): Pause {
  if (typeof after !== 'object') return { ms: requireDurationMs('after', after), answered: () => undefined };

  requireKnown('hedge: after', after, MEASURED);
  const { percentile } = after;
  if (!(percentile >= 50 && percentile < 100))
    throw new RangeError(`after.percentile: expected at least 50 and below 100, got ${percentile}`);
  const minimumMs = requireDurationMs('after.minimum', after.minimum);
  const maximumMs = requireDurationMs('after.maximum', after.maximum, minimumMs);
  const latency = new LatencyQuantile({
    quantileRatio: percentile / 100,
    window: MEASURED_CALLS,
    minimum: LEAST_MEASURED,
  });
  return {
    get ms() {
      return Math.min(maximumMs, Math.max(minimumMs, latency.valueMs ?? maximumMs));
    },
    answered: (latencyMs) => latency.record(latencyMs),
  };
}

/** One subscription to a hedged source, with its tries. */
class HedgedCall<T> {
  readonly sink: Subscriber<T>;
  readonly #source: Observable<T>;
  readonly #options: HedgeOptions;
  readonly #pause: Pause;
  readonly #beganAt = asyncScheduler.now();
  readonly #running = new Set<TrySubscriber<T>>();
  #started = 0;
  #isDecided = false;
  #timer: Subscription | undefined;
  #firstFailure: { readonly cause: unknown } | undefined;

  constructor(sink: Subscriber<T>, source: Observable<T>, options: HedgeOptions, pause: Pause) {
    this.sink = sink;
    this.#source = source;
    this.#options = options;
    this.#pause = pause;
  }

  begin(): void {
    if (this.sink.closed) return;
    this.#start();
    const { maxHedges = 1 } = this.#options;
    if (this.#isDecided || this.#started > maxHedges) return;
    const pauseMs = this.#pause.ms;
    this.#timer = asyncScheduler.schedule(() => this.#hedge(pauseMs), pauseMs);
    this.sink.add(this.#timer);
  }

  /**
   * The try that has answered first: the others and the timer end before the answer is passed on.
   * Gives what a teardown threw; the others are torn down all the same.
   */
  won(winner: TrySubscriber<T>): unknown {
    this.#isDecided = true;
    this.#timer?.unsubscribe();
    this.#running.delete(winner);
    const thrown = [...this.#running].map(tearDown).find((failure) => failure !== undefined);
    this.#running.clear();
    this.#pause.answered(asyncScheduler.now() - this.#beganAt);
    if (winner.index > 0) this.#options.onWin?.(winner.index);
    return thrown;
  }

  failed(loser: TrySubscriber<T>, cause: unknown): void {
    this.#running.delete(loser);
    this.#firstFailure ??= { cause };
    if (this.#running.size === 0) this.sink.error(this.#firstFailure.cause);
  }

  #hedge(pauseMs: number): void {
    const { canHedge, onHedge } = this.#options;
    try {
      if (canHedge?.() === false) return;
      onHedge?.(this.#started, pauseMs);
    } catch (thrown) {
      this.sink.error(thrown);
      return;
    }
    this.begin();
  }

  #start(): void {
    const next = new TrySubscriber(this, this.#started);
    this.#started++;
    this.#running.add(next);
    this.#source.subscribe(next);
  }
}

/** One try. Silent until it answers first; then what it emits passes through. */
class TrySubscriber<T> extends Subscriber<T> {
  readonly index: number;
  readonly #call: HedgedCall<T>;
  #hasWon = false;

  constructor(call: HedgedCall<T>, index: number) {
    super(call.sink);
    this.#call = call;
    this.index = index;
  }

  protected override _next(value: T): void {
    if (this.#wins()) this.#call.sink.next(value);
  }

  protected override _complete(): void {
    if (!this.#wins()) return;
    const failure = tearDown(this);
    if (failure === undefined) this.#call.sink.complete();
    else this.#call.sink.error(failure);
  }

  protected override _error(cause: unknown): void {
    const failure = tearDown(this) ?? cause;
    if (this.#hasWon) this.#call.sink.error(failure);
    else this.#call.failed(this, failure);
  }

  /** False when winning failed: the stream has its error already. */
  #wins(): boolean {
    if (this.#hasWon) return true;
    this.#hasWon = true;
    let failure: unknown;
    try {
      failure = this.#call.won(this);
    } catch (thrown) {
      failure = thrown;
    }
    if (failure !== undefined) this.#call.sink.error(failure);
    return failure === undefined;
  }
}
