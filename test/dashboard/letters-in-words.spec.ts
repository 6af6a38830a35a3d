import { expect } from 'chai';
import { lookInWords } from '../../src/dashboard/page/letters-in-words.ts';

describe('a look into the dead-letter queues, in words', () => {
  const nothing = { at: 0, letters: 0, groups: [], gaps: [] };
  const kind = {
    pipeline: 'p',
    queue: 'q',
    fingerprint: 'f',
    code: 'c',
    stage: 's',
    letters: 2,
    message: 'm',
    oldestAt: 0,
    newestAt: 0,
  };
  const gaps = ['receipts.dead: the broker user may not (ACCESS_REFUSED)'];

  it('says that there are none where all queues were looked into, and no more than it knows where one was not', () => {
    expect(lookInWords(nothing)).to.match(/^None, looked at /);
    expect(lookInWords({ ...nothing, gaps })).to.match(
      /^None found, but not every queue could be looked into\. Looked at /,
    );
  });

  it('counts what lies there', () => {
    expect(lookInWords({ ...nothing, letters: 2, groups: [kind] })).to.match(
      /^2 messages failed for good, in 1 kind of failure\. Looked at /,
    );
  });

  it('does not take what it counts for all where a queue could not be looked into', () => {
    expect(lookInWords({ ...nothing, letters: 2, groups: [kind], gaps })).to.match(
      /^At least 2 messages failed for good, in at least 1 kind of failure\. Looked at /,
    );
  });

  it('counts what was found before a look broke off', () => {
    expect(lookInWords({ ...nothing, groups: [kind], gaps })).to.match(/^At least 2 messages /);
  });

  it('names no kinds where none of the letters was read', () => {
    expect(lookInWords({ ...nothing, letters: 5, gaps })).to.match(/^At least 5 messages failed for good\. Looked at /);
  });
});
