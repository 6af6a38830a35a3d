import { expect } from 'chai';
import { fingerprintOf, normalise } from '../../../src/cli/dlq/fingerprint.ts';
import { cpuMsOf } from '../../support/cpu-time.ts';

describe('fingerprints of dead letters', () => {
  const alike: readonly (readonly [string, string])[] = [
    ['order 17 is not for us', 'order 18 is not for us'],
    ['items.0.quantity: expected a number', 'items.12.quantity: expected a number'],
    ['reply-to "amq.gen-a" is not allowed here', 'reply-to "x" is not allowed here'],
    ['customer 0b8f0c1e-6d0f-4d57-9b1a-0d7c5b2f1a11 left', 'customer 5f2b7e90-2222-4d57-9b1a-0d7c5b2f1a99 left'],
    ['no such commit 9fceb02d', 'no such commit 1234567890abcdef'],
    ['body is not JSON (at position 3)', 'body is not JSON (at position 3000)'],
    ['took 1.5 s', 'took 20.25 s'],
  ];
  for (const [one, other] of alike) {
    it(`takes "${one}" and "${other}" for one kind`, () => {
      expect(fingerprintOf('C', 'handle', one)).to.equal(fingerprintOf('C', 'handle', other));
    });
  }

  const apart: readonly (readonly [string, string])[] = [
    ['stock POST /take: answered 422', 'stock POST /take: answered 404'],
    ['request failed with status code 500', 'request failed with status code 409'],
    ['stock POST /take: answered 422', 'payment POST /charge: answered 422'],
    ['decade', 'deadbeef'],
  ];
  for (const [one, other] of apart) {
    it(`keeps "${one}" and "${other}" apart`, () => {
      expect(fingerprintOf('C', 'handle', one)).to.not.equal(fingerprintOf('C', 'handle', other));
    });
  }

  it('keeps codes and stages apart', () => {
    const all = [
      fingerprintOf('A', 'handle', 'x'),
      fingerprintOf('B', 'handle', 'x'),
      fingerprintOf('A', 'output', 'x'),
    ];
    expect(new Set(all).size).to.equal(3);
    expect(all[0]).to.match(/^[0-9a-f]{8}$/);
  });

  it('is done at once with a text made to be slow', () => {
    for (const piece of ['"', "'", '0', 'a', '0a', 'answered ', '- ', '1.']) {
      const text = piece.repeat(100_000);
      // A few milliseconds; a way through that grows with the square of the length would take minutes.
      expect(cpuMsOf(() => void normalise(text))).to.be.below(5_000);
    }
  });
});
