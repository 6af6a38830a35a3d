/** The table of deliveries that are out: it finds what was put in, and holds on to nothing that was taken out. */
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import fc from 'fast-check';
import { ByDelivery } from '../../src/dashboard/by-delivery.ts';

class Known {
  readonly delivered: { readonly pipeline: string; readonly messageId: string; readonly deliveryTag: number };
  next: Known | undefined = undefined;
  /** Some weight, so that it shows what becomes of it. */
  readonly facts = Array.from({ length: 20 }, (_, at) => ({ at, text: 'fact' }));

  constructor(pipeline: string, messageId: string, deliveryTag: number) {
    this.delivered = { pipeline, messageId, deliveryTag };
  }
}

describe('what is known by delivery', () => {
  it('is found by pipeline, message and tag as in a list, the latest first, until it is removed', () => {
    const about = fc.record({
      pipeline: fc.constantFrom('p', 'q'),
      messageId: fc.constantFrom('m', 'n'),
      // The second and third share a place with the first.
      deliveryTag: fc.constantFrom(1, 1_025, 2_049, 2, 2 ** 40 + 1),
    });
    const step = fc.oneof(
      fc.record({ does: fc.constant('add' as const), about }),
      fc.record({ does: fc.constant('remove' as const), about }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const table = new ByDelivery<Known>();
        const list: Known[] = [];
        for (const { does, about: of } of steps) {
          const { pipeline, messageId, deliveryTag } = of;
          const at = list.findIndex(
            ({ delivered }) =>
              delivered.pipeline === pipeline &&
              delivered.messageId === messageId &&
              delivered.deliveryTag === deliveryTag,
          );
          expect(table.find(of)).to.equal(list[at]);
          if (does === 'add') {
            const known = new Known(pipeline, messageId, deliveryTag);
            table.add(known);
            list.unshift(known);
          } else if (at >= 0) {
            const [removed] = list.splice(at, 1);
            if (removed === undefined) continue;
            table.remove(removed);
            table.remove(removed);
            expect(removed.next).to.equal(undefined);
          }
          expect(table.size).to.equal(list.length);
          expect([...table]).to.have.members(list);
        }
      }),
    );
  });

  it('is not carried into the old generation by what was known before it', () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as (options?: { readonly type: 'minor' }) => void;
    const oldBytes = (): number =>
      getHeapSpaceStatistics().find(({ space_name }) => space_name === 'old_space')?.space_used_size ?? Number.NaN;
    const table = new ByDelivery<Known>();
    let tag = 0;
    // Sixteen are out at any time, a hundred and some come and go between two collections of the young generation.
    const out: Known[] = [];
    const round = (): void => {
      for (let n = 0; n < 120; n++) {
        const known = new Known('p', `m${++tag}`, tag);
        table.add(known);
        out.push(known);
        const oldest = out.length > 16 ? out.shift() : undefined;
        if (oldest !== undefined) table.remove(oldest);
      }
      collect({ type: 'minor' });
    };
    for (let n = 0; n < 20; n++) round();
    collect();
    const before = oldBytes();
    for (let n = 0; n < 60; n++) round();
    const bytes = oldBytes() - before;
    // All of them are 7000, of a good kilobyte each.
    expect(bytes).to.be.lessThan(600_000);
  });
});
