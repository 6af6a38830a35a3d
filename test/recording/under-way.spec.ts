/** What a recorder holds of messages that are not settled. */
import { expect } from 'chai';
import fc from 'fast-check';
import { UnderWay } from '../../src/recording/under-way.ts';
import { cpuMsOf } from '../support/cpu-time.ts';

const identityOf = (n: number) => ({ pipeline: 'orders', messageId: `m-${n}`, correlationId: `c-${n}` });

describe('messages under way', () => {
  it('are found by each of their correlation ids until they are settled, the first before the others, and nothing is held then', () => {
    const ids = fc.constantFrom('a', 'b', '');
    const step = fc.oneof(
      fc.record({ messageId: fc.nat({ max: 4 }).map(String), correlationId: ids, askedBy: ids }),
      fc.nat({ max: 4 }).map(String),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const underWay = new UnderWay();
        // As it is said: all are looked at.
        const all = new Map<string, { readonly ids: readonly string[]; readonly kept: unknown }>();
        for (const one of steps) {
          if (typeof one === 'string') {
            underWay.settled({ pipeline: 'orders', messageId: one });
            all.delete(one);
          } else {
            const { messageId, correlationId, askedBy } = one;
            const kept = underWay.keptBackOf({ pipeline: 'orders', messageId, correlationId }, askedBy);
            const known = all.get(messageId);
            if (known === undefined) all.set(messageId, { ids: [correlationId, askedBy], kept });
            else expect(kept).to.equal(known.kept);
          }
          for (const id of ['a', 'b', '', 'none']) {
            const found = underWay.keptBackIn(id);
            const wanted = [...all.values()].filter((known) => known.ids.includes(id)).map(({ kept }) => kept);
            expect(found).to.have.length(wanted.length);
            for (const [place, kept] of wanted.entries()) expect(found[place]).to.equal(kept);
          }
          expect(underWay.conversations).to.equal(new Set([...all.values()].flatMap((known) => known.ids)).size);
        }
      }),
    );
  });

  it('cost a result as much however many others there are', () => {
    const resultsMs = (others: number): number => {
      const underWay = new UnderWay();
      for (let n = 0; n < others; n++) underWay.keptBackOf(identityOf(n));
      let found = 0;
      const tookMs = cpuMsOf(() => {
        for (let n = 0; n < 20_000; n++) found += underWay.keptBackIn(`c-${n % others}`).length;
      });
      expect(found).to.equal(20_000);
      return tookMs;
    };
    const few = Math.min(resultsMs(10), resultsMs(10));
    // One that looked at all of them would take a thousand times as long.
    expect(resultsMs(10_000)).to.be.below(20 * few + 50);
  });
});
