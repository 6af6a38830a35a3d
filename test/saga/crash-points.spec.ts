/**
 * The order saga is killed at every journal write and every call, before and after the effect, once in each run, and twice in each run with
 * SLUICE_TEST_CRASHES=2. Whatever the point, it ends placed or fully compensated, and each effect happened once.
 */
import { expect } from 'chai';
import { type Ended, runOrder, SCRIPTS, type Script } from './crash-world.ts';

const crashesInARun = Number(process.env.SLUICE_TEST_CRASHES ?? '1');

const DONE = ['POST /deduct', 'POST /charge', 'POST /create-shipment'];

/** What must have happened, in this order, once each. */
const effectsOf = (script: string): readonly string[] => {
  switch (script) {
    case 'success':
      return DONE;
    case 'payment refused':
      return ['POST /deduct', 'POST /restore'];
    default:
      return ['POST /deduct', 'POST /charge', 'POST /refund', 'POST /restore'];
  }
};

function judge(name: string, { outcome, effects, records }: Ended, where: string): void {
  expect(
    effects.map(({ operation }) => operation),
    `effects ${where}`,
  ).to.deep.equal(effectsOf(name));
  expect(new Set(effects.map(({ key }) => key)).size, `keys ${where}`).to.equal(effects.length);
  expect((outcome as { status?: string }).status, `outcome ${where}: ${JSON.stringify(outcome)}`).to.equal(
    name === 'success' ? 'success' : 'failed',
  );
  expect(records.at(-1)?.kind, `end ${where}`).to.equal(name === 'success' ? 'completed' : 'undone');
  const intents = records.filter(({ kind }) => kind === 'stepFailed');
  expect(intents.length, `decisions ${where}`).to.equal(name === 'success' ? 0 : 1);
}

describe('the order saga, killed', () => {
  for (const [name, script] of Object.entries(SCRIPTS) as [string, Script][]) {
    it(`F27, F39, F40: at every point: ${name}`, function crashes() {
      this.timeout(600_000);
      const whole = runOrder(script, []);
      judge(name, whole, 'without a crash');
      let runs = 0;
      for (let first = 1; first <= whole.points.length; first++) {
        const once = runOrder(script, [first]);
        const at = once.points[first - 1] ?? '';
        expect(once.lives, at).to.be.above(1);
        judge(name, once, `after a crash at point ${first}, ${at}`);
        runs++;
        if (crashesInARun < 2) continue;
        for (let second = first + 1; second <= once.points.length; second++) {
          const twice = runOrder(script, [first, second]);
          judge(name, twice, `after crashes at points ${first} and ${second}, ${at} and ${twice.points[second - 1]}`);
          runs++;
        }
      }
      if (crashesInARun > 1) console.log(`      ${name}: ${whole.points.length} points, ${runs} runs`);
    });
  }

  it('F40: three times inside its compensations, goes back in reverse order to the end', () => {
    const script = SCRIPTS['shipping refused'];
    const { points } = runOrder(script, []);
    const undoing = points.findIndex((point) => point.startsWith('journal stepFailed'));
    expect(undoing).to.be.above(0);
    for (let first = undoing + 1; first <= points.length; first++) {
      const ended = runOrder(script, [first, first + 3, first + 6]);
      judge('shipping refused', ended, `after crashes from point ${first} on`);
    }
  });

  it('repeats no step that is done, and each step in doubt with its key', () => {
    const { points } = runOrder(SCRIPTS.success, []);
    const afterCharge = points.indexOf('POST /charge, after its effect') + 1;
    const ended = runOrder(SCRIPTS.success, [afterCharge]);
    // Four requests for three effects: the charge alone is asked for again.
    expect([ended.requests, ended.effects.length]).to.deep.equal([4, 3]);
    const begun = ended.records.filter((record) => record.kind === 'stepIntended').map(({ step }) => step);
    expect(begun).to.deep.equal(['stock', 'charge', 'charge', 'shipment']);
  });
});
