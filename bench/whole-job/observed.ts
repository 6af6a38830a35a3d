/** sluice with all that listens to it: log lines, metrics, and its dashboard, which two browsers look at. */
import { silentLogger } from '../../src/log.ts';
import { logFacts } from '../../src/observability/log-facts.ts';
import { keepMetrics } from '../support/keep-metrics.ts';
import { runSluice } from './run-sluice.ts';
import { showDashboard } from './show-dashboard.ts';

await runSluice({
  begin: async (facts, pipelines) => {
    const logging = logFacts(facts, silentLogger, { level: 'info' });
    const endMetrics = keepMetrics(facts);
    const dashboard = await showDashboard(2)(facts, pipelines);
    return {
      end: async () => {
        await dashboard.end();
        endMetrics();
        logging.unsubscribe();
      },
    };
  },
});
