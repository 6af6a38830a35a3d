/**
 * Client-side throttling: turns calls away on this side, the more of them the fewer the dependency accepts.
 * Unlike a circuit breaker it has no states: some calls always go through, and their answers bring the others back.
 * The share turned away is (requests − `multiplier` × accepts) / (requests + 1), where that is above 0.
 *
 * @see https://sre.google/sre-book/handling-overload/ "Client-Side Throttling", equation 21-1
 */
import { asyncScheduler, type MonoTypeOperatorFunction, Observable, Subscriber } from 'rxjs';
import { isRejection, isTransient, ThrottledError } from '../errors.ts';
import { AdaptiveThrottle } from '../policies/adaptive-throttle.ts';
import type { Duration } from '../policies/duration.ts';
import type { Random } from '../policies/random.ts';
import { requireKnown } from '../policies/require-known.ts';
import type { Known } from '../policies/unknown-option.ts';
import { requireCount } from './require-count.ts';
import { requireDurationMs } from './require-duration.ts';
import { requireMade } from './require-made.ts';
import { requireRatio } from './require-ratio.ts';
import { tearDown } from './tear-down.ts';

export interface ClientThrottleOptions {
  /** How far back calls are counted, in tenths of it. At least 1 ms, at most 24 days. Default: '2m', as the SRE book has it. */
  readonly window?: Duration | undefined;
  /**
   * K, calls let through for each one that is accepted. A number of at least 1; less turns away sooner. Default: 2: half of what goes
   * through may be refused there, and the end of an overload is seen sooner for it.
   */
  readonly multiplier?: number | undefined;
  /**
   * Nothing is turned away before the window holds so many calls. Integer, at least 0. Default: 10: by the formula alone, one failed
   * call after a silence turns every second one away.
   */
  readonly minimumRequests?: number | undefined;
  /**
   * No larger share of calls is turned away. Above 0, at most 1, the formula alone. Default: 0.9: five minutes after a dependency under
   * 20 calls a second went away and came back, all go through again within 216 s, by the formula alone within 484.
   */
  readonly maxRejectRatio?: number | undefined;
  /**
   * Whether an error says that the call was not accepted. Default: transient causes do; a permanent one (a 404, a 422) is the answer of
   * an API that has the capacity to answer.
   */
  readonly isRefusal?: ((cause: unknown) => boolean) | undefined;
  /** Called for each call that is turned away, with the share of calls that is. What it throws becomes the error of the call. */
  readonly onReject?: ((rejectRatio: number) => void) | undefined;
}

const OPTIONS: Known<ClientThrottleOptions> = {
  window: true,
  multiplier: true,
  minimumRequests: true,
  maxRejectRatio: true,
  isRefusal: true,
  onReject: true,
};

export interface ClientThrottle {
  /** Share of calls that is turned away now, 0 to 1. */
  readonly rejectRatio: number;
  /**
   * Mirrors the source and counts whether it was accepted; or fails at once, by chance, without subscribing to it.
   *
   * Calls are counted when they end, so that those that run are neither accepted nor refused; one that is turned away here counts as
   * refused. Not counted: a call that is unsubscribed from, also after it has emitted (put a `take(1)` inside), and one whose error says
   * that nothing ran (a full bulkhead or an open breaker inside). Counted before the end is passed on. Holds nothing per call.
   *
   * @throws ThrottledError with the chance `rejectRatio`.
   */
  run<T>(source: Observable<T>): Observable<T>;
}

/**
 * A throttle that turns nothing away yet. Share one among all calls of one dependency.
 * @throws RangeError for an option out of its range, or one it does not have.
 */
export function createClientThrottle(options: ClientThrottleOptions, random: Random): ClientThrottle {
  requireKnown('createClientThrottle', options, OPTIONS);
  return new FormulaThrottle(options, random);
}

/** `run` of a throttle, as an operator. */
export function clientThrottle<T>(shared: ClientThrottle): MonoTypeOperatorFunction<T> {
  requireMade('clientThrottle', 'createClientThrottle', shared);
  return (source) => shared.run(source);
}

class FormulaThrottle implements ClientThrottle {
  readonly isRefusal: (cause: unknown) => boolean;
  readonly #onReject: ((rejectRatio: number) => void) | undefined;
  readonly #policy: AdaptiveThrottle;
  readonly #random: Random;

  constructor(options: ClientThrottleOptions, random: Random) {
    const { window = '2m', multiplier = 2, minimumRequests = 10, maxRejectRatio = 0.9 } = options;
    const { isRefusal = isTransient, onReject } = options;
    if (!(multiplier >= 1 && multiplier < Number.POSITIVE_INFINITY))
      throw new RangeError(`multiplier: expected a number of at least 1, got ${multiplier}`);
    requireCount('minimumRequests', minimumRequests, 0);
    requireRatio('maxRejectRatio', maxRejectRatio);
    const windowMs = requireDurationMs('window', window, 1);
    this.isRefusal = isRefusal;
    this.#onReject = onReject;
    this.#policy = new AdaptiveThrottle({ windowMs, multiplier, minimumRequests, maxRejectRatio });
    this.#random = random;
  }

  get rejectRatio(): number {
    return this.#policy.rejectRatio(asyncScheduler.now());
  }

  run<T>(source: Observable<T>): Observable<T> {
    return new Observable((sink) => {
      if (sink.closed) return;
      const ratio = this.rejectRatio;
      if (ratio === 0 || this.#random() >= ratio) {
        source.subscribe(new ThrottledSubscriber(sink, this));
        return;
      }
      this.record(false);
      this.#onReject?.(ratio);
      sink.error(new ThrottledError(`turned away: ${(ratio * 100).toFixed(1)} % of calls are`, ratio));
    });
  }

  record(isAccepted: boolean): void {
    this.#policy.record(isAccepted, asyncScheduler.now());
  }
}

/** One call that goes through. */
class ThrottledSubscriber<T> extends Subscriber<T> {
  readonly #sink: Subscriber<T>;
  readonly #throttle: FormulaThrottle;

  constructor(sink: Subscriber<T>, throttle: FormulaThrottle) {
    super(sink);
    this.#sink = sink;
    this.#throttle = throttle;
  }

  protected override _complete(): void {
    this.#throttle.record(true);
    const failure = tearDown(this);
    if (failure === undefined) this.#sink.complete();
    else this.#sink.error(failure);
  }

  protected override _error(cause: unknown): void {
    let failure = cause;
    try {
      if (!isRejection(cause)) this.#throttle.record(!this.#throttle.isRefusal(cause));
    } catch (thrown) {
      failure = thrown;
    }
    this.#sink.error(tearDown(this) ?? failure);
  }
}
