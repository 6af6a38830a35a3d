/** The options of a circuit breaker that say when it trips and when it closes: defaults filled in, ranges checked. */
import type { BreakerRules } from '../policies/circuit-breaker.ts';
import type { Duration } from '../policies/duration.ts';
import type { WindowSize } from '../policies/outcome-window.ts';
import { requireCount } from './require-count.ts';
import { requireDurationMs } from './require-duration.ts';
import { requireRatio } from './require-ratio.ts';

/** How long a circuit stays open, growing with each trial in a row that fails. */
export interface OpenTime {
  /** The first time. At least 1 ms, at most 24 days. */
  readonly initial: Duration;
  /** By how much it grows from one time to the next. At least 1. Default: 2. */
  readonly factor?: number | undefined;
  /** It never grows longer. At least `initial`. Default: 5 minutes, or `initial` where that is longer. */
  readonly max?: Duration | undefined;
}

export interface BreakerOptions {
  /**
   * The calls it judges by: the last n, `{ calls: n }` with n from 1 to 1 000 000, or those that ended within a time up to now, kept in
   * tenths of it. Default: '10s', so that it judges by what is so now, whatever the rate of calls.
   */
  readonly window?: Duration | { readonly calls: number } | undefined;
  /** Trips when this share of the window's calls failed. Above 0, at most 1. Default: 0.5. */
  readonly failureRatio?: number | undefined;
  /**
   * Ratios are not looked at before the window holds so many calls. Integer, at least 1; Infinity leaves it to `consecutiveFailures`.
   * With a window of n calls at most n. Default: 20, or n where that is less: the failure of one call of two proves nothing.
   */
  readonly minimumCalls?: number | undefined;
  /** Trips after so many failures with no success between, whatever the window holds. Integer, at least 1. Default: off. */
  readonly consecutiveFailures?: number | undefined;
  /** A call that takes longer is slow, failed or not; counted from its subscription to its end. Above 0. Default: off. */
  readonly slowCall?: Duration | undefined;
  /** Trips when this share of the window's calls was slow. Above 0, at most 1; needs `slowCall`. Default: 1. */
  readonly slowCallRatio?: number | undefined;
  /** Time from tripping to the first probe. At least 1 ms, at most 24 days. Default: '15s', each time the same. */
  readonly openFor?: Duration | OpenTime | undefined;
  /** Calls that a half-open circuit lets through, all at once at most. Integer from 1 to 1 000. Default: 1, what is down needs no load. */
  readonly probes?: number | undefined;
  /**
   * Probes that must succeed for the circuit to close; it opens again as soon as too many failed for that. Integer from 1 to `probes`.
   * Default: as many as it takes to stay below `failureRatio`. Too many slow probes open it in any case.
   */
  readonly probesToClose?: number | undefined;
}

const MAX_WINDOW_CALLS = 1_000_000;
const MAX_PROBES = 1_000;
const DEFAULT_MAX_OPEN_MS = 300_000;

/** @throws RangeError for an option out of its range. */
export function breakerRules({
  window = '10s',
  failureRatio = 0.5,
  minimumCalls,
  consecutiveFailures = Number.POSITIVE_INFINITY,
  slowCall,
  slowCallRatio = 1,
  openFor = '15s',
  probes = 1,
  probesToClose,
}: BreakerOptions): BreakerRules {
  const size = windowSize(window);
  const mostCalls = 'calls' in size ? size.calls : Number.POSITIVE_INFINITY;
  const leastCalls = minimumCalls ?? Math.min(20, mostCalls);
  requireRatio('failureRatio', failureRatio);
  requireRatio('slowCallRatio', slowCallRatio);
  requireUpTo('minimumCalls', leastCalls, mostCalls);
  requireCount('consecutiveFailures', consecutiveFailures, 1);
  requireUpTo('probes', probes, MAX_PROBES);
  if (probesToClose !== undefined) requireUpTo('probesToClose', probesToClose, probes);
  if (slowCall === undefined && slowCallRatio !== 1)
    throw new RangeError(`slowCallRatio: expected slowCall beside it, got ${slowCallRatio} alone`);

  return {
    window: size,
    failureRatio,
    minimumCalls: leastCalls,
    consecutiveFailures,
    slowCallMs: slowCall === undefined ? Number.POSITIVE_INFINITY : requireDurationMs('slowCall', slowCall, 1),
    slowCallRatio,
    ...openTime(openFor),
    probes,
    probesToClose,
  };
}

function windowSize(window: NonNullable<BreakerOptions['window']>): WindowSize {
  if (typeof window !== 'object') return { ms: requireDurationMs('window', window, 1) };
  requireUpTo('window.calls', window.calls, MAX_WINDOW_CALLS);
  return { calls: window.calls };
}

function openTime(openFor: Duration | OpenTime): Pick<BreakerRules, 'openMs' | 'openFactor' | 'maxOpenMs'> {
  if (typeof openFor !== 'object') {
    const openMs = requireDurationMs('openFor', openFor, 1);
    return { openMs, openFactor: 1, maxOpenMs: openMs };
  }
  const { initial, factor: openFactor = 2, max } = openFor;
  const openMs = requireDurationMs('openFor.initial', initial, 1);
  if (!(openFactor >= 1)) throw new RangeError(`openFor.factor: expected a number of at least 1, got ${openFactor}`);
  const maxOpenMs =
    max === undefined ? Math.max(openMs, DEFAULT_MAX_OPEN_MS) : requireDurationMs('openFor.max', max, openMs);
  return { openMs, openFactor, maxOpenMs };
}

function requireUpTo(option: string, value: number, most: number): void {
  requireCount(option, value, 1);
  if (value > most) throw new RangeError(`${option}: expected an integer of at most ${most}, got ${value}`);
}
