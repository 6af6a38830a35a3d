/** What the marble view hatches. */
import { expect } from 'chai';
import { lostSpans } from '../../src/dashboard/page/spans.ts';
import type { ConnectionChanged } from '../../src/events.ts';

const change = (at: number, state: ConnectionChanged['state'], reason?: string): ConnectionChanged => ({
  type: 'connectionChanged',
  at,
  state,
  ...(reason === undefined ? {} : { reason }),
});

describe('the spans of a lost connection', () => {
  it('are one from its loss until it is back, however often it was tried again', () => {
    const facts = [
      change(10, 'connecting'),
      change(12, 'connected'),
      change(50, 'lost', 'gone'),
      change(60, 'connecting', 'gone'),
      change(80, 'connecting', 'refused'),
      change(90, 'connected'),
      change(200, 'blocked', 'low on disk'),
      change(210, 'connected'),
    ];
    expect(lostSpans(facts)).to.deep.equal([
      { from: 50, to: 90, state: 'lost' },
      { from: 200, to: 210, state: 'blocked' },
    ]);
  });

  it('go on while it is not back', () => {
    const facts = [change(50, 'lost', 'gone'), change(60, 'connecting', 'gone')];
    expect(lostSpans(facts)).to.deep.equal([{ from: 50, to: Number.POSITIVE_INFINITY, state: 'lost' }]);
  });
});
