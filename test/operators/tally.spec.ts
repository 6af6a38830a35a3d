import { expect } from 'chai';
import { Observable, of, Subscriber, throwError } from 'rxjs';
import { type Tally, tallied, tallyOf } from '../../src/operators/tally.ts';

/** A tally that keeps what it is told. */
function listening(judge: (cause: unknown) => void = () => {}) {
  const told: unknown[] = [];
  const tally: Tally = {
    completed: () => told.push('completed'),
    failed: (cause) => {
      told.push(cause);
      judge(cause);
    },
    abandoned: () => told.push('abandoned'),
  };
  return { told, tally };
}

/** What a source does, in order, and what a tally hears, in one list. */
const intoList = (list: unknown[]) => ({
  next: (value: unknown) => list.push(value),
  error: (error: unknown) => list.push('error', error),
  complete: () => list.push('complete'),
});

describe('tallied', () => {
  it('tells of each end once, before it is passed on', () => {
    for (const [source, ends] of [
      [of('value'), ['value', 'completed', 'complete']],
      [throwError(() => 'down'), ['down', 'error', 'down']],
    ] as const) {
      const { told, tally } = listening();
      tallied(source, () => tally)
        .subscribe(intoList(told))
        .unsubscribe();
      expect(told).to.deep.equal(ends);
    }
  });

  it('tells of a call given up before what runs is torn down, and once', () => {
    const { told, tally } = listening();
    const source = new Observable(() => () => told.push('torn down'));
    const call = tallied(source, () => tally).subscribe();
    call.unsubscribe();
    call.unsubscribe();
    expect(told).to.deep.equal(['abandoned', 'torn down']);
  });

  it('fails with what judging a failure throws', () => {
    const { told, tally } = listening((cause) => {
      throw new Error(`judged ${String(cause)}`);
    });
    tallied(
      throwError(() => 'down'),
      () => tally,
    ).subscribe(intoList(told));
    expect(told.map(String)).to.deep.equal(['down', 'error', 'Error: judged down']);
  });

  it('does not subscribe to what is not admitted, and gives back what nobody wants any more', () => {
    const { told, tally } = listening();
    const source = new Observable(() => {
      told.push('subscribed');
    });
    tallied(source, () => {
      throw new Error('full');
    }).subscribe(intoList(told));
    const caller = new Subscriber();
    tallied(source, () => {
      caller.unsubscribe();
      return tally;
    }).subscribe(caller);
    expect(told.map(String)).to.deep.equal(['error', 'Error: full', 'abandoned']);
  });
});

describe('tallyOf', () => {
  const through = (tally: Tally) => tallyOf({ run: (source) => tallied(source, () => tally) });

  it('tells a guard that is an operator what it is told', () => {
    const { told, tally } = listening();
    through(tally).completed();
    through(tally).failed('down');
    through(tally).abandoned();
    expect(told).to.deep.equal(['completed', 'down', 'abandoned']);
  });

  it('throws what the guard turns a call away with, and what it makes of a failure', () => {
    expect(() => tallyOf({ run: () => throwError(() => new Error('full')) })).to.throw('full');
    const { tally } = listening(() => {
      throw new Error('judged');
    });
    expect(() => through(tally).failed('down')).to.throw('judged');
    expect(() => tallyOf({ run: (source) => source }).failed('down')).not.to.throw();
  });
});
