import { expect } from 'chai';
import { lookInWords } from '../../src/dashboard/page/letters-in-words.ts';

describe('a look into the dead-letter queues, in words', () => {
  const nothing = { at: 0, letters: 0, groups: [], gaps: [] };

  it('says that there are none where all queues were looked into, and no more than it knows where one was not', () => {
    expect(lookInWords(nothing)).to.match(/^None, looked at /);
    const gaps = ['receipts.dead: the broker user may not (ACCESS_REFUSED)'];
    expect(lookInWords({ ...nothing, gaps })).to.match(/^None where it could be looked, looked at /);
  });

  it('counts what lies there', () => {
    const group = { pipeline: 'p', queue: 'q', fingerprint: 'f', code: 'c', stage: 's', letters: 2, message: 'm' };
    const groups = [{ ...group, oldestAt: 0, newestAt: 0 }];
    expect(lookInWords({ ...nothing, letters: 2, groups })).to.match(
      /^2 messages failed for good, in 1 kind of failure\. Looked at /,
    );
  });
});
