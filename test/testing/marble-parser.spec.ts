import { expect } from 'chai';
import { MarbleSyntaxError, parseDiagram, parseSubscription } from '../../src/testing/marble-parser.ts';

const framesOf = (diagram: string): readonly (readonly [number, unknown])[] =>
  parseDiagram('it', diagram).map(({ frame, notification }) => [
    frame,
    notification.kind === 'N' ? notification.value : notification.kind,
  ]);

describe('parseDiagram', () => {
  it('reads one character a millisecond, inside a scheduler’s run and outside', () => {
    expect(framesOf('-a--(bc)d|')).to.deep.equal([
      [1, 'a'],
      [4, 'b'],
      [4, 'c'],
      [8, 'd'],
      [9, 'C'],
    ]);
  });

  it('reads times, also at the beginning and at the end', () => {
    expect(framesOf('10ms a 1.5s b 2m c 5s')).to.deep.equal([
      [10, 'a'],
      [1511, 'b'],
      [121512, 'c'],
    ]);
  });

  it('takes digits for values where they are no time', () => {
    expect(framesOf('12-3')).to.deep.equal([
      [0, '1'],
      [1, '2'],
      [3, '3'],
    ]);
  });

  it('takes characters beyond the basic plane as one', () => {
    expect(framesOf('-🫖-a')).to.deep.equal([
      [1, '🫖'],
      [3, 'a'],
    ]);
  });

  it('fails as a syntax error with a code, the diagram and the place', () => {
    expect(() => parseDiagram('it', '--(a', { a: 1 }))
      .to.throw(MarbleSyntaxError, 'it: the group is never closed\n  --(a\n    ^')
      .that.includes({ name: 'MarbleSyntaxError', code: 'ERR_MARBLE_SYNTAX', diagram: '--(a', column: 2 });
  });

  it('points at what it means behind a time and a character of two units', () => {
    expect(() => parseDiagram('it', 'a 10ms ab', { a: 1 })).to.throw('a 10ms ab\n          ^');
    expect(() => parseDiagram('it', '🫖x', { '🫖': 1 })).to.throw('no value is given for "x"');
  });

  it('takes a digit for a time whose spaces are missing', () => {
    expect(() => parseDiagram('it', '-5sa', { a: 1 })).to.throw(
      'it: no value is given for "5"; a time has a space on both sides: " 5s "\n  -5sa\n   ^',
    );
  });
});

describe('parseSubscription', () => {
  it('reads when it begins and when it ends', () => {
    expect(parseSubscription('it', '--^ 10ms !')).to.deep.include({ subscribedFrame: 2, unsubscribedFrame: 13 });
    expect(parseSubscription('it', '-^')).to.deep.include({
      subscribedFrame: 1,
      unsubscribedFrame: Number.POSITIVE_INFINITY,
    });
  });

  it('refuses a second beginning or end, and says where', () => {
    expect(() => parseSubscription('it', '^-^')).to.throw('it: a second "^"\n  ^-^\n    ^');
    expect(() => parseSubscription('it', '^!-!')).to.throw('it: a second "!"\n  ^!-!\n     ^');
  });
});
