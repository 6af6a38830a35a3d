/** What the demo shows: one line while it runs, a table at its end. */
import pc from 'picocolors';
import { isBalanced, type LedgerCounts } from '../src/pipeline/ledger.ts';
import type { Row, Tally } from './tally.ts';

const BAR_WIDTH = 28;

/** `▇▇▇▇····  412/1000 messages   ↻ 3 waiting for another try` */
export function progressLine(tally: Tally, total: number): string {
  const done = Math.round((tally.finished / total) * BAR_WIDTH);
  const waiting = [...tally.rows.values()].reduce((sum, { retried }) => sum + retried, 0);
  const retries = waiting === 0 ? '' : pc.yellow(`   ${waiting} sent to wait for another try`);
  return `${pc.green('▇'.repeat(done))}${pc.dim('·'.repeat(BAR_WIDTH - done))}  ${tally.finished}/${total} messages done${retries}`;
}

const COLUMNS: readonly (readonly [title: string, of: (row: Row) => string])[] = [
  ['received', ({ received }) => `${received}`],
  ['succeeded', ({ succeeded }) => `${succeeded}`],
  ['compensated', ({ compensated }) => `${compensated}`],
  ['partial', ({ partial }) => `${partial}`],
  ['retried', ({ retried }) => `${retried}`],
  ['dead-lettered', ({ deadLettered }) => `${deadLettered}`],
  ['p50', ({ durationsMs }) => inMs(quantile(durationsMs, 0.5))],
  ['p99', ({ durationsMs }) => inMs(quantile(durationsMs, 0.99))],
];

export function table(tally: Tally): string {
  const rows = [...tally.rows.values()];
  const nameWidth = Math.max(...rows.map(({ pipeline }) => pipeline.length));
  const head = `${' '.repeat(nameWidth)}${COLUMNS.map(([title]) => `  ${title}`).join('')}`;
  const lines = rows.map(
    (row) =>
      `${row.pipeline.padEnd(nameWidth)}${COLUMNS.map(([title, of]) => `  ${of(row).padStart(title.length)}`).join('')}`,
  );
  return [pc.bold(head), ...lines].join('\n');
}

/** The law of the ledger, in figures, over all pipelines. */
export function ledgerLine(ledgers: Readonly<Record<string, LedgerCounts>>): string {
  const sum = (of: (counts: LedgerCounts) => number): number =>
    Object.values(ledgers).reduce((total, counts) => total + of(counts), 0);
  const balanced = Object.values(ledgers).every(isBalanced);
  const figures = `delivered ${sum((c) => c.delivered)} = acked ${sum((c) => c.acked)} + retried ${sum((c) => c.retried)} + dead-lettered ${sum((c) => c.deadLettered)} + returned ${sum((c) => c.returned)} + in flight ${sum((c) => c.inFlight)}`;
  return balanced ? `${pc.green('✓')} ${figures}` : `${pc.red('✗ the books do not balance:')} ${figures}`;
}

const inMs = (ms: number | undefined): string => (ms === undefined ? '–' : `${Math.round(ms)}ms`);

function quantile(values: readonly number[], q: number): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)];
}
