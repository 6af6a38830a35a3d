/**
 * The simulation behind "Exponential Backoff and Jitter": clients that all want to update one row, each after reading its version.
 * A write with an old version fails, and its client reads again after a pause. The network takes |N(10, 2)| ms each way.
 *
 * Figures: the published simulator, aws-samples/aws-arch-backoff-simulator, run with base 5 and cap 2 000 ms as it stands, means of 40.
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
import { expect } from 'chai';
import { type Backoff, constantBackoff, decorrelatedBackoff, exponentialBackoff } from '../../src/policies/backoff.ts';
import type { Random } from '../../src/policies/random.ts';
import { seededRandom } from '../support/seeded-random.ts';

type Kind = 'none' | 'exponential' | 'equal' | 'full' | 'decorrelated';

/** Calls and completion time, in ms, by number of contending clients. */
const published: Readonly<Record<Kind, Readonly<Record<20 | 50 | 100, readonly [calls: number, ms: number]>>>> = {
  none: { 20: [152, 604], 50: [686, 1_137], 100: [2_413, 2_026] },
  exponential: { 20: [151, 14_346], 50: [627, 36_688], 100: [1_856, 63_260] },
  equal: { 20: [108, 1_722], 50: [348, 4_215], 100: [812, 6_536] },
  full: { 20: [100, 1_000], 50: [333, 3_020], 100: [796, 4_957] },
  decorrelated: { 20: [101, 831], 50: [374, 2_170], 100: [999, 4_469] },
};

// The simulator doubles before its first pause, so the first ceiling of base 5 is 10.
const exponential = { initialMs: 10, maxMs: 2_000 };
const rules: Readonly<Record<Kind, (random: Random) => Backoff>> = {
  none: () => constantBackoff(0),
  exponential: (random) => exponentialBackoff({ ...exponential, jitter: 'none' }, random),
  equal: (random) => exponentialBackoff({ ...exponential, jitter: 'equal' }, random),
  full: (random) => exponentialBackoff({ ...exponential, jitter: 'full' }, random),
  decorrelated: (random) => decorrelatedBackoff({ initialMs: 5, maxMs: 2_000 }, random),
};

interface Client {
  at: number;
  next: 'read' | 'take version' | 'write' | 'take outcome';
  version: number;
  isWritten: boolean;
  attempt: number;
  pausedMs: number;
}

function simulate(count: number, backoff: Backoff, random: Random): { calls: number; ms: number } {
  const networkMs = (): number =>
    Math.abs(10 + 2 * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()));
  let waiting = Array.from({ length: count }, (): Client => {
    return { at: networkMs(), next: 'read', version: 0, isWritten: false, attempt: 0, pausedMs: 0 };
  });
  let [version, calls, ms] = [0, 0, 0];
  while (waiting.length > 0) {
    const client = waiting.reduce((first, other) => (other.at < first.at ? other : first));
    ms = client.at;
    client.at += networkMs();
    if (client.next === 'read') {
      client.version = version;
      client.next = 'take version';
    } else if (client.next === 'take version') client.next = 'write';
    else if (client.next === 'write') {
      calls++;
      client.isWritten = client.version === version;
      if (client.isWritten) version++;
      client.next = 'take outcome';
    } else if (client.isWritten) waiting = waiting.filter((other) => other !== client);
    else {
      client.attempt++;
      client.pausedMs = backoff(client.attempt, 'conflict', client.pausedMs);
      client.at += client.pausedMs;
      client.next = 'read';
    }
  }
  return { calls, ms };
}

const means = (kind: Kind, clients: 20 | 50 | 100, runs: number): { calls: number; ms: number } => {
  const random = seededRandom(clients);
  const made = Array.from({ length: runs }, () => simulate(clients, rules[kind](random), random));
  const mean = (of: 'calls' | 'ms'): number => made.reduce((sum, one) => sum + one[of], 0) / runs;
  return { calls: mean('calls'), ms: mean('ms') };
};

describe('backoff under contention, as AWS published it', () => {
  const kinds: readonly Kind[] = ['none', 'exponential', 'equal', 'full', 'decorrelated'];

  for (const clients of [20, 50] as const) {
    it(`takes as many calls and as long with ${clients} clients`, () => {
      for (const kind of kinds) {
        const { calls, ms } = means(kind, clients, 6);
        const [publishedCalls, publishedMs] = published[kind][clients];
        expect(calls / publishedCalls, `calls, ${kind}`).to.be.within(0.85, 1.15);
        expect(ms / publishedMs, `completion time, ${kind}`).to.be.within(0.7, 1.4);
      }
    });
  }

  it('does the least work with full jitter, a little more with equal, and less than half with either of what it is without', () => {
    const work = (kind: Kind): number => means(kind, 100, 2).calls;
    const [full, equal, decorrelated, none] = [work('full'), work('equal'), work('decorrelated'), work('exponential')];
    expect(full).to.be.below(equal);
    expect(equal).to.be.below(full * 1.15);
    expect(equal).to.be.below(none / 2);
    expect(decorrelated).to.be.within(equal, none);
    expect(none).to.be.below(work('none'));
  });

  it('takes the longest without jitter, then with equal, then full, then decorrelated', () => {
    const ms = (['exponential', 'equal', 'full', 'decorrelated'] as const).map((kind) => means(kind, 50, 6).ms);
    expect(ms).to.deep.equal([...ms].sort((one, other) => other - one));
  });
});
