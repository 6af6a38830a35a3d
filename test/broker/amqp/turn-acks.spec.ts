import { expect } from 'chai';
import fc from 'fast-check';
import { TurnAcks, type Unsettled } from '../../../src/broker/amqp/turn-acks.ts';

/** What a channel is told, and what can happen to it. Places count what is unsettled, from the oldest and round again. */
type Step =
  | { readonly kind: 'deliver' }
  | { readonly kind: 'ack' | 'requeue'; readonly place: number }
  | { readonly kind: 'end of turn' };

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.constant({ kind: 'deliver' } as const) },
    { weight: 3, arbitrary: fc.nat(12).map((place) => ({ kind: 'ack', place }) as const) },
    { weight: 1, arbitrary: fc.nat(12).map((place) => ({ kind: 'requeue', place }) as const) },
    { weight: 2, arbitrary: fc.constant({ kind: 'end of turn' } as const) },
  ),
  { maxLength: 80, size: 'max' },
);

/** A broker's side of a channel: what is out, and what it does with an ack, as AMQP has it. */
class Books {
  readonly out = new Set<number>();
  /** Of acks that name no delivery that is out, the broker closes the channel. */
  unknown = 0;
  acks = 0;

  ack(tag: number, isMultiple: boolean): readonly number[] {
    this.acks++;
    if (!this.out.has(tag)) this.unknown++;
    const taken = isMultiple ? [...this.out].filter((each) => each <= tag) : [tag];
    for (const each of taken) this.out.delete(each);
    return taken;
  }
}

describe('TurnAcks', () => {
  it('acks each delivery that is to be acked, at the end of its turn, and never one that is not', () => {
    fc.assert(
      fc.property(steps, (script) => {
        const acks = new TurnAcks<number>();
        const books = new Books();
        const inHand: Unsettled<number>[] = [];
        const toAck = new Set<number>();
        let tag = 0;
        for (const step of [...script, { kind: 'end of turn' } as const]) {
          if (step.kind === 'deliver') {
            tag++;
            books.out.add(tag);
            inHand.push(acks.took(tag, tag));
          } else if (step.kind === 'end of turn') {
            for (const { message, isMultiple } of acks.take())
              for (const taken of books.ack(message, isMultiple))
                expect(toAck.delete(taken), `${taken} was acked`).to.equal(true);
            expect([...toAck]).to.deep.equal([]);
            expect(books.unknown).to.equal(0);
            expect([...books.out]).to.deep.equal(inHand.map(({ message }) => message));
          } else {
            const [delivery] = inHand.splice(step.place % Math.max(1, inHand.length), 1);
            if (delivery === undefined) continue;
            if (step.kind === 'ack') {
              toAck.add(delivery.tag);
              acks.add(delivery);
            } else {
              acks.settled(delivery);
              books.out.delete(delivery.tag);
            }
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  it('sends one ack for all of a turn where nothing before them is unsettled', () => {
    const acks = new TurnAcks<string>();
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name, index) => acks.took(name, index + 1));
    if (a === undefined || b === undefined || c === undefined || d === undefined) return;
    expect([c, a, b].map((delivery) => acks.add(delivery))).to.deep.equal([true, false, false]);
    expect(acks.take()).to.deep.equal([{ message: 'c', isMultiple: true }]);
    expect(acks.take()).to.deep.equal([]);

    expect(acks.add(d)).to.equal(true);
    expect(acks.take()).to.deep.equal([{ message: 'd', isMultiple: false }]);
  });

  it('acks one by one what lies beyond a delivery that stays', () => {
    const acks = new TurnAcks<string>();
    const [a, b, , d, e] = ['a', 'b', 'stays', 'd', 'e'].map((name, index) => acks.took(name, index + 1));
    for (const delivery of [a, b, d, e]) if (delivery !== undefined) acks.add(delivery);

    expect(acks.take()).to.have.deep.members([
      { message: 'b', isMultiple: true },
      { message: 'd', isMultiple: false },
      { message: 'e', isMultiple: false },
    ]);
  });
});
