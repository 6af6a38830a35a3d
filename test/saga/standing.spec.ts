import { expect } from 'chai';
import type { JournalRecord } from '../../src/journal/journal.ts';
import { standingOf } from '../../src/saga/standing.ts';

/** `stepIntended stock`, one a word and a step. */
const records = (...lines: readonly string[]): readonly JournalRecord[] =>
  lines.map((line) => {
    const [kind, step] = line.split(' ');
    return { at: 0, kind, ...(step === undefined ? {} : { step }), code: 'ERR', message: 'no' } as JournalRecord;
  });

describe('where a saga stands', () => {
  const stock = ['started', 'stepIntended stock', 'stepDone stock'];
  const turned = [...stock, 'stepIntended charge', 'stepFailed charge'];
  const undoing = [...turned, 'compensationIntended stock'];
  for (const [lines, step, where] of [
    [['started'], '', 'before its first step'],
    [['started', 'stuck '], '', 'before its first step'],
    [['started', 'stepIntended stock'], 'stock', 'at step "stock"'],
    [stock, 'stock', 'after step "stock"'],
    [[...stock, 'stuck '], 'stock', 'after step "stock"'],
    [[...stock, 'stepIntended a', 'stepIntended b'], 'a, b', 'at steps "a", "b"'],
    [[...stock, 'stepIntended a', 'stepIntended b', 'stepDone b'], 'a', 'at step "a"'],
    [[...stock, 'stepIntended a', 'stepSkipped b', 'stuck a'], 'a', 'at step "a"'],
    [turned, 'charge', 'on the way back, after step "charge" failed'],
    [undoing, 'stock', 'on the way back, as step "stock" was being undone'],
    [[...undoing, 'compensationDone stock'], 'stock', 'on the way back, after step "stock" was undone'],
    [[...undoing, 'compensationFailed stock'], 'stock', 'on the way back, after step "stock" could not be undone'],
    [
      [...undoing, 'compensationFailed stock', 'stuck stock'],
      'stock',
      'on the way back, after step "stock" could not be undone',
    ],
  ] as const)
    it(`is ${where}: ${lines.slice(-2).join(', ')}`, () =>
      expect(standingOf(records(...lines))).to.deep.equal({ step, where }));
});
