import { expect } from 'chai';
import { SharedRoom } from '../../src/ingress/shared-room.ts';

/** How often each may take one, in turns, until nobody may any more. */
function fill(room: SharedRoom, clients: readonly string[]): Record<string, number> {
  const taken = Object.fromEntries(clients.map((client) => [client, 0]));
  let isTaken = true;
  while (isTaken) {
    isTaken = false;
    for (const client of clients)
      if (room.take(client, 1) !== undefined) {
        taken[client] = (taken[client] ?? 0) + 1;
        isTaken = true;
      }
  }
  return taken;
}

describe('SharedRoom', () => {
  it('gives a client half where he is alone, and each of several as much as it leaves to whoever comes', () => {
    expect(fill(new SharedRoom(1_000), ['a'])).to.deep.equal({ a: 500 });
    expect(fill(new SharedRoom(1_000), ['a', 'b', 'c'])).to.deep.equal({ a: 250, b: 250, c: 250 });
    const room = new SharedRoom(1_000);
    expect([fill(room, ['a']), fill(room, ['b']), fill(room, ['c'])]).to.deep.equal([
      { a: 500 },
      { b: 250 },
      { c: 125 },
    ]);
    expect(room.has(125)).to.equal(true);
    expect(room.has(126)).to.equal(false);
  });

  it('gives who holds nothing whatever is free, all of it where nobody holds any', () => {
    const room = new SharedRoom(1_000);
    expect(room.take('a', 1_001)).to.equal(undefined);
    const all = room.take('a', 1_000);
    expect([room.has(1), room.take('b', 1)]).to.deep.equal([false, undefined]);
    all?.shrinkTo(400);
    expect(room.has(600)).to.equal(true);
    expect(room.take('b', 600)).to.not.equal(undefined);
  });

  it('has all of it again when all is given back, however often and in whatever order', () => {
    const room = new SharedRoom(1_000);
    const shares = Array.from({ length: 10 }, (_, n) => room.take(`client ${n % 3}`, 10 + n));
    for (const share of shares.reverse()) {
      share?.shrinkTo(5);
      share?.shrinkTo(7);
      share?.shrinkTo(0);
      share?.shrinkTo(0);
    }
    expect(room.take('a', 1_000)).to.not.equal(undefined);
  });
});
