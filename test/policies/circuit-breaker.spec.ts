import { expect } from 'chai';
import fc from 'fast-check';
import {
  type BreakerEpoch,
  BreakerPolicy,
  type BreakerRules,
  type CircuitState,
} from '../../src/policies/circuit-breaker.ts';

const never = Number.POSITIVE_INFINITY;
const rules: BreakerRules = {
  window: { calls: 10 },
  failureRatio: 0.5,
  minimumCalls: 10,
  consecutiveFailures: never,
  slowCallMs: 100,
  slowCallRatio: 1,
  openMs: 1_000,
  openFactor: 1,
  maxOpenMs: 1_000,
  probes: 1,
  probesToClose: undefined,
};

/**
 * What happens, one character each: `s` a call that succeeds, `f` one that fails, `S` and `F` the same and slow; `x` one that is not
 * let through; `b` begins a call and leaves it running, `e` and `d` end the oldest of them well and badly, `c` cuts it.
 * A number lets so many milliseconds pass; a state is what the circuit must be in then.
 */
type Step = string | number | { readonly is: CircuitState };
const is = (state: CircuitState): Step => ({ is: state });

/** The documentation of resilience4j, sentence by sentence. https://resilience4j.readme.io/docs/circuitbreaker */
const documented: readonly (readonly [title: string, rules: Partial<BreakerRules>, steps: readonly Step[]])[] = [
  ['stays closed with nine failures of nine calls where the minimum is ten', {}, ['fffffffff', is('closed')]],
  ['opens with the call that makes up the minimum', {}, ['fffffffff', is('closed'), 'f', is('open')]],
  ['opens when the failure ratio equals the threshold', {}, ['sssssffff', is('closed'), 'f', is('open')]],
  ['stays closed below the threshold', {}, ['ssssssffff', is('closed')]],
  ['judges on a success too: it may make up the minimum', {}, ['fffffssss', is('closed'), 's', is('open')]],
  [
    'forgets the oldest call of a count-based window',
    { window: { calls: 4 }, minimumCalls: 4, failureRatio: 0.75 },
    ['ffss', is('closed'), 'f', is('closed'), 'f', is('closed'), 'f', is('open')],
  ],
  [
    'forgets a failure that has left the window',
    { window: { calls: 4 }, minimumCalls: 4, failureRatio: 0.75 },
    ['ffssssff', is('closed')],
  ],
  [
    'forgets what is older than a time-based window',
    { window: { ms: 10_000 }, minimumCalls: 4 },
    ['fff', 10_000, 'f', is('closed'), 'ff', is('closed'), 'f', is('open')],
  ],
  [
    'counts all calls of a time-based window, however many they are',
    { window: { ms: 10_000 }, minimumCalls: 4 },
    ['s'.repeat(1_000), 'f'.repeat(999), is('closed'), 9_000, 'f', is('open')],
  ],
  [
    'opens when the slow-call ratio equals the threshold',
    { slowCallRatio: 0.5 },
    ['sssssSSSS', is('closed'), 'S', is('open')],
  ],
  [
    'counts a slow failure as both',
    { slowCallRatio: 0.5, failureRatio: 1 },
    ['sssssFFFF', is('closed'), 'F', is('open')],
  ],
  ['rejects all calls while it is open', {}, ['ffffffffff', 'xxx', 999, 'x', is('open')]],
  ['half-opens when the wait is over', {}, ['ffffffffff', 999, is('open'), 1, is('half-open')]],
  [
    'lets so many calls through half-open, and rejects all others until they are done',
    { probes: 3 },
    ['ffffffffff', 1_000, 'bbb', 'xx', 'e', 'x', is('half-open')],
  ],
  [
    'closes when the failure ratio of the probes is below the threshold',
    { probes: 3 },
    ['ffffffffff', 1_000, 'sfs', is('closed')],
  ],
  ['opens again when it equals the threshold', { probes: 4 }, ['ffffffffff', 1_000, 'sff', is('open'), 'x']],
  [
    'opens again when the slow-call ratio of the probes equals the threshold',
    { probes: 2, slowCallRatio: 0.5 },
    ['ffffffffff', 1_000, 'S', is('open')],
  ],
  [
    'begins with an empty window when it has closed',
    {},
    ['ffffffffff', 1_000, 's', is('closed'), 'fffffffff', is('closed'), 'f', is('open')],
  ],
];

/** What the page leaves open, and what is ours. */
const ours: typeof documented = [
  [
    'opens after so many failures in a row, before the minimum',
    { consecutiveFailures: 3 },
    ['ffsff', is('closed'), 'f', is('open')],
  ],
  ['takes one success of a single probe for enough', {}, ['ffffffffff', 1_000, is('half-open'), 's', is('closed')]],
  [
    'opens again for a failure of a single probe',
    {},
    ['ffffffffff', 1_000, 'f', is('open'), 999, 'x', 1, is('half-open')],
  ],
  [
    'closes after so many successes',
    { probes: 5, probesToClose: 2 },
    ['ffffffffff', 1_000, 'fsf', is('half-open'), 's', is('closed')],
  ],
  [
    'opens as soon as they cannot be reached',
    { probes: 5, probesToClose: 4 },
    ['ffffffffff', 1_000, 'sf', is('half-open'), 'f', is('open')],
  ],
  [
    'stays open longer after each trial that fails, up to the maximum',
    { openFactor: 2, maxOpenMs: 3_000 },
    [
      'ffffffffff',
      1_000,
      'f',
      1_999,
      is('open'),
      1,
      'f',
      2_999,
      is('open'),
      1,
      'f',
      2_999,
      is('open'),
      1,
      is('half-open'),
    ],
  ],
  [
    'begins with the first open time again when it has been closed',
    { openFactor: 2, maxOpenMs: 8_000 },
    ['ffffffffff', 1_000, 'f', 2_000, 's', 'ffffffffff', 999, is('open'), 1, is('half-open')],
  ],
  [
    'frees the probe of a call that was cut',
    {},
    ['ffffffffff', 1_000, 'b', 'x', 'c', is('half-open'), 's', is('closed')],
  ],
  [
    'does not count a result from before it opened',
    {},
    ['bb', 'ffffffffff', 'd', is('open'), 1_000, 'e', is('half-open'), 'b', 'x'],
  ],
  ['does not count a result from before it closed', { consecutiveFailures: 1 }, ['bf', 1_000, 's', 'd', is('closed')]],
  [
    'does not count a probe of an earlier trial',
    { probes: 2 },
    ['ffffffffff', 1_000, 'bf', is('open'), 1_000, 'e', is('half-open'), 'bb', 'x'],
  ],
  [
    'does not free a probe that was taken in an earlier trial',
    { probes: 2 },
    ['ffffffffff', 1_000, 'bf', 1_000, 'c', 'bb', 'x'],
  ],
  [
    'half-opens when the clock was set back behind the moment it opened',
    {},
    [5_000, 'ffffffffff', 'x', -4_000, is('half-open')],
  ],
];

class Drive {
  readonly policy: BreakerPolicy;
  readonly #running: BreakerEpoch[] = [];
  nowMs = 0;

  constructor(changed: Partial<BreakerRules>) {
    this.policy = new BreakerPolicy({ ...rules, ...changed });
  }

  run(steps: readonly Step[]): void {
    for (const step of steps) {
      if (typeof step === 'number') this.nowMs += step;
      else if (typeof step === 'string') for (const symbol of step) this.#act(symbol);
      else expect(this.policy.stateAt(this.nowMs)).to.equal(step.is);
    }
  }

  #act(symbol: string): void {
    if (symbol === 'x') {
      expect(this.policy.isCallable(this.nowMs)).to.equal(false);
      expect(this.policy.admit(this.nowMs), 'rejected').to.equal(undefined);
    } else if (symbol === 'b') this.#running.push(this.#begin());
    else if (symbol === 'e' || symbol === 'd') this.policy.record(this.#oldest(), symbol === 'd', 0, this.nowMs);
    else if (symbol === 'c') this.policy.giveBack(this.#oldest());
    else this.policy.record(this.#begin(), /f/i.test(symbol), /[SF]/.test(symbol) ? 101 : 100, this.nowMs);
  }

  #begin(): BreakerEpoch {
    expect(this.policy.isCallable(this.nowMs)).to.equal(true);
    const epoch = this.policy.admit(this.nowMs);
    if (epoch === undefined) throw new Error('expected the call to be let through');
    return epoch;
  }

  #oldest(): BreakerEpoch {
    const epoch = this.#running.shift();
    if (epoch === undefined) throw new Error('no call is running');
    return epoch;
  }
}

describe('the circuit of a breaker', () => {
  describe('as resilience4j documents it', () => {
    for (const [title, changed, steps] of documented) it(title, () => new Drive(changed).run(steps));
  });

  for (const [title, changed, steps] of ours) it(title, () => new Drive(changed).run(steps));

  it('says why it changed', () => {
    const whyAfter = (changed: Partial<BreakerRules>, steps: readonly Step[]): string => {
      const drive = new Drive(changed);
      drive.run(steps);
      drive.policy.advance(drive.nowMs);
      return drive.policy.epoch.why;
    };
    const trip = 'ffffffffff';
    expect(whyAfter({}, [trip])).to.equal('failure-ratio');
    expect(whyAfter({}, ['SSSSSSSSSS'])).to.equal('slow-call-ratio');
    expect(whyAfter({ consecutiveFailures: 2 }, ['ff'])).to.equal('consecutive-failures');
    expect(whyAfter({}, [trip, 1_000])).to.equal('open-time-over');
    expect(whyAfter({}, [trip, 1_000, 'f'])).to.equal('probes-failed');
    expect(whyAfter({}, [trip, 1_000, 's'])).to.equal('probes-succeeded');
  });

  it('lets nothing through from isolate to release, whatever happens, and is as new then', () => {
    const drive = new Drive({});
    drive.run(['b', 'fffffffff']);
    drive.policy.isolate();
    drive.run([is('isolated'), 'x', 1_000_000, 'x', 'd', is('isolated')]);
    drive.policy.release();
    drive.run([is('closed'), 'fffffffff', is('closed'), 'f', is('open')]);
    drive.policy.release();
    drive.run([is('open')]);
  });

  it('compares ratios without rounding: 55 of 100 is 0.55, and 0.55 × 100 is more than 55', () => {
    for (let failures = 1; failures <= 100; failures++) {
      const failureRatio = Number(`${failures}e-2`);
      const drive = new Drive({ window: { calls: 100 }, minimumCalls: 100, failureRatio });
      drive.run(['s'.repeat(100 - failures), 'f'.repeat(failures - 1), is('closed'), 'f', is('open')]);

      const trial = new Drive({ consecutiveFailures: 1, failureRatio, probes: 100 });
      trial.run(['f', 1_000, 'f'.repeat(failures - 1), is('half-open'), 'f', is('open')]);
    }
  });

  it('opens at the first call at which a naive reading of its window would', () => {
    const script = fc.array(fc.record({ fails: fc.boolean(), isSlow: fc.boolean() }), { maxLength: 60 });
    fc.assert(
      fc.property(
        script,
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 10 }),
        fc.integer({ min: 1, max: 10 }),
        (calls, size, minimum, failureTenths, slowTenths) => {
          const minimumCalls = Math.min(size, minimum);
          const changed = {
            window: { calls: size },
            minimumCalls,
            failureRatio: failureTenths / 10,
            slowCallRatio: slowTenths / 10,
          };
          const tripsAt = calls.findIndex((_, index) => {
            const window = calls.slice(Math.max(0, index + 1 - size), index + 1);
            const failures = window.filter(({ fails }) => fails).length;
            const slow = window.filter(({ isSlow }) => isSlow).length;
            const reached = failures * 10 >= failureTenths * window.length || slow * 10 >= slowTenths * window.length;
            return window.length >= minimumCalls && reached;
          });
          const drive = new Drive(changed);
          const openedAt = calls.findIndex(({ fails, isSlow }) => {
            drive.run([fails ? (isSlow ? 'F' : 'f') : isSlow ? 'S' : 's']);
            return drive.policy.epoch.state === 'open';
          });
          expect(openedAt).to.equal(tripsAt);
        },
      ),
    );
  });

  it('gives the verdict on its probes early, and the one that all of them together would give', () => {
    const outcomes = fc.array(fc.record({ fails: fc.boolean(), isSlow: fc.boolean() }), {
      minLength: 1,
      maxLength: 12,
    });
    fc.assert(
      fc.property(
        outcomes,
        fc.integer({ min: 1, max: 10 }),
        fc.integer({ min: 1, max: 10 }),
        (probes, failureTenths, slowTenths) => {
          const share = (count: number, tenths: number): boolean => count * 10 >= tenths * probes.length;
          const failures = probes.filter(({ fails }) => fails).length;
          const slow = probes.filter(({ isSlow }) => isSlow).length;
          const verdict = share(failures, failureTenths) || share(slow, slowTenths) ? 'open' : 'closed';

          const drive = new Drive({
            consecutiveFailures: 1,
            failureRatio: failureTenths / 10,
            slowCallRatio: slowTenths / 10,
            probes: probes.length,
          });
          drive.run(['f', 1_000]);
          for (const { fails, isSlow } of probes) {
            if (drive.policy.stateAt(drive.nowMs) === 'half-open')
              drive.run([fails ? (isSlow ? 'F' : 'f') : isSlow ? 'S' : 's']);
          }
          expect(drive.policy.epoch.state).to.equal(verdict);
        },
      ),
    );
  });
});
