/** Requests at the front door, as numbers: labels are names of pipelines and statuses. */
import type { FactListeners } from '../../events.ts';
import type { Meter } from './meter.ts';

export function doorMetrics(meter: Meter): FactListeners {
  const requests = meter.counter({
    name: 'sluice_requests_total',
    help: 'Requests at the front door, by the status of their answer; 499 for clients who left before it. Without a pipeline: another path or method, the state of a message, what is no HTTP.',
    labels: ['pipeline', 'status'],
  });
  const seconds = meter.seconds({
    name: 'sluice_request_seconds',
    help: 'Time from the head of a request to its answer, waiting for the result included.',
    labels: ['pipeline'],
  });

  return {
    requestAnswered: (fact) => {
      requests(fact.pipeline, String(fact.status)).inc();
      if (fact.pipeline !== '') seconds(fact.pipeline).observeMs(fact.durationMs);
    },
  };
}
