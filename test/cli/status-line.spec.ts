/** The text of a worker's last line. */
import { expect } from 'chai';
import { Rates } from '../../src/cli/rates.ts';
import { statusText } from '../../src/cli/status-line.ts';

const books = {
  delivered: 9,
  acked: 5,
  retried: 1,
  deadLettered: 1,
  returned: 0,
  inFlight: 2,
  late: 0,
  overdue: 0,
  repeated: 0,
};

describe('the status line', () => {
  const textOf = (waiting: Readonly<Record<string, string>>): string =>
    statusText(
      {
        ledgers: () => ({ orders: books, invoices: books }),
        readiness: () => ({ isReady: false, state: 'running', waiting }),
      },
      new Rates(),
      0,
    );

  it('sums what pipelines did', () => {
    expect(textOf({})).to.match(/^running · .+ · 4 in flight · 10 done · 2 retried · 2 dead-lettered$/);
  });

  it('B10: stays one line, and hands no command on to the terminal, whatever a broker gave as its reason', () => {
    const text = textOf({ orders: 'closed: \u001b[2J\nall is well\u202e' });
    expect(text).to.match(/orders waits: closed: \\u\{1b\}\[2J\\u\{a\}all is well\\u\{202e\}$/);
  });
});
