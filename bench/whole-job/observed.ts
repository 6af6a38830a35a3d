/** sluice with all that listens to it: log lines, metrics, and its dashboard, which two browsers look at. */
import { silentLogger } from '../../src/log.ts';
import { logFacts } from '../../src/observability/log-facts.ts';
import { createMetrics } from '../../src/observability/metrics/create-metrics.ts';
import { runSluice } from './run-sluice.ts';
import { showDashboard } from './show-dashboard.ts';

await runSluice(async (facts, pipelines) => {
  const logging = logFacts(facts, silentLogger, { level: 'info' });
  const metrics = createMetrics(facts, {
    version: '',
    ledgers: () => ({}),
    isBalanced: () => true,
    unconfirmed: () => 0,
    retryBudgets: () => new Map(),
    queues: () => [],
  });
  const closeDashboard = await showDashboard(2)(facts, pipelines);
  return async () => {
    await closeDashboard();
    metrics.close();
    logging.unsubscribe();
  };
});
