import { expect } from 'chai';
import fc from 'fast-check';
import { AdaptiveLimit } from '../../../src/policies/adaptive-limit/adaptive-limit.ts';
import { aimd } from '../../../src/policies/adaptive-limit/aimd.ts';
import { gradient } from '../../../src/policies/adaptive-limit/gradient.ts';
import type { LimitRule, Round } from '../../../src/policies/adaptive-limit/limit-rule.ts';
import { vegas } from '../../../src/policies/adaptive-limit/vegas.ts';

const bounds = { initial: 20, min: 1, max: 200 };

/** Keeps the limit, and what it was asked. */
function recordingRule(): LimitRule & { readonly asked: (readonly [Round, number])[] } {
  const asked: (readonly [Round, number])[] = [];
  return {
    asked,
    readsLatency: true,
    next(limit, round, baseMs) {
      asked.push([round, baseMs]);
      return limit;
    },
  };
}

/** A round of as many calls as the limit, each of the same time. @returns when it ended. */
function playRound(limit: AdaptiveLimit, nowMs: number, tookMs: number): number {
  const inFlight = limit.limit;
  for (let calls = Math.max(10, inFlight); calls > 0; calls--)
    limit.record({ startedAtMs: nowMs, inFlight, isDropped: false }, nowMs + tookMs);
  return nowMs + tookMs;
}

describe('AdaptiveLimit', () => {
  it('asks its rule once a round: ten calls, or as many as ran at once', () => {
    const roundsAfter = (calls: number, inFlight: number): number => {
      const rule = recordingRule();
      const limit = new AdaptiveLimit(rule, bounds);
      for (let call = 1; call <= calls; call++) limit.record({ startedAtMs: 0, inFlight, isDropped: false }, 50);
      return rule.asked.length;
    };
    expect([roundsAfter(9, 3), roundsAfter(10, 3)]).to.deep.equal([0, 1]);
    expect([roundsAfter(14, 15), roundsAfter(15, 15)]).to.deep.equal([0, 1]);
  });

  it('judges a limit by the calls that began under it', () => {
    const limit = new AdaptiveLimit(aimd, bounds);
    limit.record({ startedAtMs: 0, inFlight: 20, isDropped: true }, 100);
    expect(limit.limit).to.equal(18);
    for (let call = 0; call < 19; call++) limit.record({ startedAtMs: call, inFlight: 20, isDropped: true }, 101);
    expect(limit.limit).to.equal(18);
    limit.record({ startedAtMs: 100, inFlight: 18, isDropped: true }, 200);
    expect(limit.limit).to.equal(16);
  });

  it('measures its base anew at half the limit after thirty rounds, and then goes on where it was', () => {
    const rule = recordingRule();
    const limit = new AdaptiveLimit(rule, bounds);
    let nowMs = playRound(limit, 0, 50);
    for (let round = 2; round <= 30; round++) nowMs = playRound(limit, nowMs, 80);
    expect(limit.limit).to.equal(10);
    nowMs = playRound(limit, nowMs, 60);
    expect(limit.limit).to.equal(20);
    playRound(limit, nowMs, 90);
    expect(rule.asked.map(([, baseMs]) => baseMs)).to.deep.equal([...Array<number>(30).fill(50), 60]);
  });

  it('needs no probe where the limit is hardly used, nor for a rule that reads no latency', () => {
    const unused = new AdaptiveLimit(recordingRule(), bounds);
    for (let call = 0; call < 1_000; call++) {
      unused.record({ startedAtMs: call, inFlight: 3, isDropped: false }, call);
      expect(unused.limit).to.equal(20);
    }
    const failuresAlone = new AdaptiveLimit({ ...recordingRule(), readsLatency: false }, bounds);
    for (let round = 0, nowMs = 0; round < 40; round++) {
      nowMs = playRound(failuresAlone, nowMs, 50);
      expect(failuresAlone.limit).to.equal(20);
    }
  });

  it('counts a call that was cut off where it took longer than calls of late', () => {
    const rule = recordingRule();
    const limit = new AdaptiveLimit(rule, bounds);
    const cut = (startedAtMs: number, nowMs: number): void => {
      for (let call = 0; call < 30; call++) limit.recordCut({ startedAtMs, inFlight: 20, isDropped: false }, nowMs);
    };
    cut(0, 900);
    expect(rule.asked).to.have.length(0);
    const nowMs = playRound(limit, 1_000, 50);
    cut(nowMs, nowMs + 40);
    expect(rule.asked).to.have.length(1);
    cut(nowMs, nowMs + 400);
    expect(rule.asked.map(([round]) => round.meanMs)).to.deep.equal([50, 400]);
  });

  it('takes less than a millisecond for one, which is what the clock counts', () => {
    const rule = recordingRule();
    playRound(new AdaptiveLimit(rule, bounds), 0, 0);
    expect(rule.asked).to.deep.equal([[{ meanMs: 1, mostInFlight: 20, hasDrops: false }, 1]]);
  });

  it('stays whole and between its bounds, whatever it is told', () => {
    const call = fc.record({
      tookMs: fc.nat({ max: 2_000 }),
      inFlight: fc.integer({ min: 1, max: 300 }),
      isDropped: fc.boolean(),
      isCut: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.constantFrom(aimd, vegas, gradient),
        fc.array(call, { maxLength: 300 }),
        fc.tuple(...[1, 2, 3].map(() => fc.integer({ min: 1, max: 100 }))),
        (rule, calls, numbers) => {
          const [min = 1, initial = 1, max = 1] = numbers.sort((one, other) => one - other);
          const limit = new AdaptiveLimit(rule, { initial, min, max });
          let nowMs = 0;
          for (const { tookMs, inFlight, isDropped, isCut } of calls) {
            const ended = { startedAtMs: nowMs, inFlight, isDropped };
            nowMs += tookMs;
            if (isCut) limit.recordCut(ended, nowMs);
            else limit.record(ended, nowMs);
            expect(Number.isInteger(limit.limit) && limit.limit >= min && limit.limit <= max).to.equal(true);
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});
