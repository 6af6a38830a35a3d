/** Metrics beside what is measured, scraped each second: as often as anybody does. */
import type { Facts } from '../../src/events.ts';
import { createMetrics } from '../../src/observability/metrics/create-metrics.ts';

const SCRAPE_MS = 1_000;

/** @returns a way to end it; a process that ends need not. */
export function keepMetrics(facts: Facts): () => void {
  const { route, close } = createMetrics(facts, {
    version: 'bench',
    ledgers: () => ({ bench: { delivered: 1, acked: 1, inFlight: 0 } }),
    isBalanced: () => true,
    unconfirmed: () => 0,
    retryBudgets: () => new Map(),
    queues: () => [],
  });
  const scrape = () =>
    route.answer({ query: new URLSearchParams(), body: undefined, isTrusted: true, header: () => undefined });
  const scraping = setInterval(scrape, SCRAPE_MS).unref();
  return () => {
    clearInterval(scraping);
    close();
  };
}
