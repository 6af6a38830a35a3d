/** sluice as most who run it do: with metrics, which are scraped. */
import { keepMetrics } from '../support/keep-metrics.ts';
import { runSluice } from './run-sluice.ts';

await runSluice({
  begin: async (facts) => {
    const endMetrics = keepMetrics(facts);
    return { end: async () => endMetrics() };
  },
});
