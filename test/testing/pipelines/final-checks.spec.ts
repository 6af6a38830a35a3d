import { expect } from 'chai';
import { of, timer } from 'rxjs';
import { a, b, failureOf, printedBy, working } from './working.ts';

describe('marbles of a pipeline: what is always checked', () => {
  it('is that nothing is in flight', () => {
    const printed = printedBy(
      working(() => of(1)),
      ({ deliver, broker }) => {
        broker.block();
        deliver('a-b', { a, b });
      },
    );
    expect(printed).to.contain(
      '2 messages are still in flight at 2 ms, and nothing is due any more: a (since 0 ms), b (since 2 ms)',
    );
  });

  it('is that no timer is left', () => {
    const printed = printedBy(
      working(() => {
        timer(20_000).subscribe();
        return of(1);
      }),
      ({ deliver }) => deliver('-a', { a }),
    );
    expect(printed).to.equal('a timer was left: nothing happened after 1 ms, but something was still due at 20001 ms');
  });

  it('is that time has an end', () => {
    const beating = working(() => {
      timer(0, 3_600_000).subscribe();
      return of(1);
    });
    expect(failureOf(beating, ({ deliver }) => deliver('a', { a })).message).to.equal(
      'virtual time went past 86400000 ms, and something is still due at 90000000 ms; the option within moves the bound',
    );
    expect(failureOf(beating, ({ deliver }) => deliver('a', { a }), { within: '2s' }).message).to.contain(
      'past 2000 ms',
    );
  });

  it('is that time goes on', () => {
    const spinning = working(() => {
      timer(0, 0).subscribe();
      return of(1);
    });
    expect(failureOf(spinning, ({ deliver }) => deliver('-a', { a })).message).to.equal(
      'virtual time stands still at 1 ms: something schedules itself again and again',
    );
  });
});
