/** What becomes of a worker process that ended unasked. */
import { expect } from 'chai';
import { type Ending, RestartRule } from '../../../src/cli/workers/restart-rule.ts';

const ended = (ending: Partial<Ending> = {}): Ending => ({
  code: 1,
  signal: null,
  wasRunning: true,
  ranMs: 5_000,
  ...ending,
});

describe('the rule for worker processes that end unasked', () => {
  it('starts them again after a pause that doubles up to half a minute', () => {
    const rule = new RestartRule();
    const delays = Array.from({ length: 9 }, () => rule.judge(ended(), true));
    expect(delays).to.deep.equal(
      [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000].map((delayMs) => ({
        kind: 'restart',
        delayMs,
      })),
    );
  });

  it('forgets what was before a minute of work', () => {
    const rule = new RestartRule();
    for (let n = 0; n < 5; n++) rule.judge(ended(), true);
    expect(rule.judge(ended({ ranMs: 60_000 }), true)).to.deep.equal({ kind: 'restart', delayMs: 500 });
  });

  it('gives up with the exit code of a worker that ends three times before it takes a message', () => {
    const rule = new RestartRule();
    const start = ended({ code: 9, wasRunning: false });
    expect([rule.judge(start, false).kind, rule.judge(start, false).kind]).to.deep.equal(['restart', 'restart']);
    expect(rule.judge(start, false)).to.deep.equal({
      kind: 'giveUp',
      exitCode: 9,
      why: 'a worker ended 3 times as it started, or at its first message',
    });
  });

  it('says failed where a signal ended it, or it ended as if all were well', () => {
    for (const ending of [{ code: null, signal: 'SIGSEGV' }, { code: 0 }]) {
      const rule = new RestartRule();
      const start = ended({ ...ending, wasRunning: false });
      rule.judge(start, false);
      rule.judge(start, false);
      expect(rule.judge(start, false)).to.deep.include({ kind: 'giveUp', exitCode: 1 });
    }
  });

  it('gives up at once where the worker says that another start will not help', () => {
    for (const code of [2, 4])
      expect(new RestartRule().judge(ended({ code, wasRunning: false }), false)).to.deep.include({
        kind: 'giveUp',
        exitCode: code,
      });
  });

  it('ends nobody who runs for one that does not', () => {
    const rule = new RestartRule();
    for (let n = 0; n < 20; n++)
      expect(rule.judge(ended({ code: 2, wasRunning: false }), true).kind).to.equal('restart');
  });
});
