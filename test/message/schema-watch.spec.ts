/** Which values are watched, and how much time they get. */
import { expect } from 'chai';
import { z } from 'zod';
import { SchemaWatch } from '../../src/message/schema-watch.ts';
import { sizeOf } from '../../src/message/value-size.ts';

const watch = (...patterns: readonly RegExp[]): SchemaWatch =>
  new SchemaWatch(z.array(z.union(patterns.map((pattern) => z.string().regex(pattern)))));

describe('the watch over a schema', () => {
  it('leaves values alone where no pattern may take its time, however long they are', () => {
    const mild = watch(/^[a-z]+$/, /^[a-z0-9]+(?:-[a-z0-9]+)*$/);
    expect(mild.limitMsFor('a'.repeat(1_000_000))).to.equal(undefined);
    expect(watch().limitMsFor('a'.repeat(1_000_000))).to.equal(undefined);
  });

  it('goes by the longest text, of a name too, where a pattern takes its time on long ones', () => {
    const square = watch(/^[^\s@]+@[^\s@]+\.[^\s@]+$/, /^a+$/);
    expect(square.limitMsFor({ mail: 'a'.repeat(2_000), more: ['a'.repeat(2_000)] })).to.equal(undefined);
    expect(square.limitMsFor({ mail: ['a'.repeat(3_000)] })).to.be.a('number');
    expect(square.limitMsFor({ ['a'.repeat(3_000)]: 1 })).to.be.a('number');
  });

  it('has any value watched where a short text will do', () => {
    expect(watch(/^(a+)+$/).limitMsFor('a')).to.equal(251);
    expect(watch(/^(a+)+$/).limitMsFor(1)).to.equal(251);
  });

  it('gives what is larger more time', () => {
    const backtracking = watch(/^(a+)+$/);
    expect(backtracking.limitMsFor('a'.repeat(1_000_000))).to.equal(301);
    expect(backtracking.limitMsFor(Array.from({ length: 50_000 }, () => 1))).to.equal(751);
  });

  it('gives less once values were given up, and more again once others were not', () => {
    const backtracking = watch(/^(a+)+$/);
    const limits = (isDone: boolean, times: number) =>
      Array.from({ length: times }, () => {
        backtracking.learn(isDone);
        return backtracking.limitMsFor(1);
      });
    expect(limits(false, 6)).to.deep.equal([126, 63, 32, 16, 11, 11]);
    expect(limits(true, 6)).to.deep.equal([21, 41, 81, 161, 251, 251]);
  });
});

describe('the size of a value', () => {
  it('is of all its texts and names', () => {
    expect(sizeOf({ ab: 'abc', list: ['a', { b: null, c: 1 }] })).to.deep.equal({
      characters: 12,
      longestText: 4,
      parts: 7,
    });
    expect(sizeOf(undefined)).to.deep.equal({ characters: 0, longestText: 0, parts: 1 });
    expect(sizeOf(Object.assign(Object.create(null), { a: 'b' }))).to.include({ characters: 2 });
  });

  it('has no bound where nobody can tell', () => {
    class Holder {
      readonly text = '';
    }
    for (const value of [new Map(), new Holder(), { deep: [new Set()] }, Array.from({ length: 100_001 }, () => 0)])
      expect(sizeOf(value).longestText).to.equal(Number.POSITIVE_INFINITY);
    expect(sizeOf([new Uint8Array(10), new Date(0)]).longestText).to.equal(0);
  });
});
