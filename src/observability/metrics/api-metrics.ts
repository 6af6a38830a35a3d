/** What APIs do and what is done about it, as numbers. Operations are no label: an author may build paths from messages. */
import type { CallEnded, FactListeners } from '../../events.ts';
import type { Count, Level, Times } from './counts.ts';
import type { Meter } from './meter.ts';

const BREAKER_STATES = ['closed', 'open', 'half-open', 'isolated'] as const;

export function apiMetrics(meter: Meter): FactListeners {
  const attempts = meter.counter({
    name: 'sluice_api_attempts_total',
    help: 'Attempts of calls that ended, by outcome, class of status and code of what failed.',
    labels: ['api', 'outcome', 'status', 'code'],
  });
  const durations = meter.seconds({
    name: 'sluice_api_attempt_seconds',
    help: 'Time of one attempt, waiting for its rate limit and slot included.',
    labels: ['api', 'outcome'],
  });
  const inFlight = meter.gauge({
    name: 'sluice_api_attempts_in_flight',
    help: 'Attempts that have begun and not ended, those that wait for a slot included.',
    labels: ['api'],
  });
  const retries = meter.counter({
    name: 'sluice_api_retries_total',
    help: 'Attempts that were followed by another, by the code of what failed.',
    labels: ['api', 'code'],
  });
  const rateWait = meter.seconds({
    name: 'sluice_api_rate_limit_wait_seconds',
    help: 'Time attempts had to wait for the rate limit, and for the store of a shared one; those that did not wait are not counted.',
    labels: ['api'],
  });
  const cacheHits = meter.counter({
    name: 'sluice_api_cache_hits_total',
    help: 'Calls answered without one of their own: fresh, stale, or joined to one that ran.',
    labels: ['api', 'use'],
  });
  const breaker = meter.gauge({
    name: 'sluice_api_breaker_state',
    help: 'The circuit breaker: 1 for the state it is in. Absent until it has changed once.',
    together: 'max',
    labels: ['api', 'state'],
  });
  const breakerChanges = meter.counter({
    name: 'sluice_api_breaker_changes_total',
    help: 'Changes of the circuit breaker, by the state it came to.',
    labels: ['api', 'state'],
  });
  const limit = meter.gauge({
    name: 'sluice_api_concurrency_limit',
    help: 'Calls that may be in flight, where that adapts to what is measured.',
    labels: ['api'],
  });
  const local = meter.gauge({
    name: 'sluice_api_rate_limit_local',
    help: 'Whether the store of a shared rate limit is away, so that this worker keeps to its own share: 1 or 0.',
    together: 'max',
    labels: ['api'],
  });

  const usual = new Map<string, UsualCounts>();
  const usualOf = (api: string): UsualCounts => {
    const known = usual.get(api);
    if (known !== undefined) return known;
    const counts: UsualCounts = { inFlight: inFlight(api), ok: undefined, okTimes: undefined };
    usual.set(api, counts);
    return counts;
  };

  return {
    callStarted: (fact) => usualOf(fact.api).inFlight.inc(),
    callEnded: (fact) => {
      const { api, outcome, status, durationMs } = fact;
      const counts = usualOf(api);
      counts.inFlight.dec();
      if (outcome === 'ok' && status !== undefined && status >= 200 && status < 300) {
        counts.ok ??= attempts(api, 'ok', '2xx', '');
        counts.okTimes ??= durations(api, 'ok');
        counts.ok.inc();
        counts.okTimes.observeMs(durationMs);
        return;
      }
      attempts(api, outcome, statusClass(fact), fact.code ?? '').inc();
      durations(api, outcome).observeMs(durationMs);
    },
    callRetried: (fact) => retries(fact.api, fact.code).inc(),
    rateLimitWaited: (fact) => rateWait(fact.api).observeMs(fact.waitedMs),
    cacheHit: (fact) => cacheHits(fact.api, fact.use).inc(),
    breakerChanged: (fact) => {
      breakerChanges(fact.api, fact.state).inc();
      for (const state of BREAKER_STATES) breaker(fact.api, state).set(state === fact.state ? 1 : 0);
    },
    limitChanged: (fact) => limit(fact.api).set(fact.limit),
    rateLimitSharingChanged: (fact) => local(fact.api).set(fact.state === 'local' ? 1 : 0),
  };
}

/** What nearly every call of an API counts into, so that it is not looked for by its labels each time. Made when first counted: a label nobody has is not shown. */
interface UsualCounts {
  readonly inFlight: Level;
  ok: Count | undefined;
  okTimes: Times | undefined;
}

const statusClass = ({ status }: CallEnded): string => (status === undefined ? '' : `${Math.floor(status / 100)}xx`);
