import { expect } from 'chai';
import fc from 'fast-check';
import { WaitingLine, WaitingValue } from '../../src/operators/waiting-line.ts';

describe('WaitingLine', () => {
  it('does what an array does that is pushed to, shifted and spliced', () => {
    const command = fc.oneof(
      fc.record({ do: fc.constant('join' as const), value: fc.nat() }),
      fc.record({ do: fc.constant('takeHead' as const), value: fc.constant(0) }),
      fc.record({ do: fc.constant('leave' as const), value: fc.nat() }),
    );
    fc.assert(
      fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
        const line = new WaitingLine<WaitingValue<number>>();
        const model: WaitingValue<number>[] = [];
        for (const { do: what, value } of commands) {
          if (what === 'join') {
            const member = new WaitingValue(value);
            line.join(member);
            model.push(member);
          } else if (what === 'takeHead') {
            expect(line.takeHead()).to.equal(model.shift());
          } else {
            const [member] = model.splice(value % Math.max(1, model.length), 1);
            if (member !== undefined) line.leave(member);
          }
          expect(line.length).to.equal(model.length);
        }
        while (model.length > 0) expect(line.takeHead()).to.equal(model.shift());
        expect(line.takeHead()).to.equal(undefined);
      }),
    );
  });

  it('lets a member that left join again, keeping nothing of its old neighbours', () => {
    const line = new WaitingLine<WaitingValue<string>>();
    const [a, b, c] = [new WaitingValue('a'), new WaitingValue('b'), new WaitingValue('c')];
    for (const member of [a, b, c]) line.join(member);
    line.leave(b);
    expect([b.before, b.behind]).to.deep.equal([undefined, undefined]);
    line.join(b);
    expect([line.takeHead(), line.takeHead(), line.takeHead()].map((member) => member?.value)).to.deep.equal([
      'a',
      'c',
      'b',
    ]);
  });
});
