/** Run by node's own test runner, not by mocha: nothing of mocha may be needed. */
import { test } from 'node:test';
import { ack, advancing, deadLetter, marbles, ok } from 'sluice/testing';
import { a, paying } from '../pipelines/working.ts';

void test(
  'a pipeline in virtual time',
  marbles<'pay'>(paying, ({ deliver, api, expectSettled }) => {
    deliver('      a-', { a });
    api.pay.on('POST /pay', '-(r|)', { r: ok(1) });
    expectSettled('-A', { A: ack(a) });
  }),
);

void test(
  'streams in virtual time',
  marbles(({ cold, expectObservable }) => expectObservable(cold('-a|')).toBe('-a|')),
);

void test(
  'a pipeline by a clock that the test moves',
  advancing<'pay'>(paying, async ({ deliver, api, advance, expectSettled }) => {
    deliver('      a-', { a });
    api.pay.on('POST /pay', '-(r|)', { r: ok(1) });
    await advance('1s');
    expectSettled('-A', { A: ack(a) });
  }),
);

void test(
  'one that fails',
  marbles<'pay'>(paying, ({ deliver, api, expectSettled }) => {
    deliver('      a-', { a });
    api.pay.on('POST /pay', '-(r|)', { r: ok(1) });
    expectSettled('-A', { A: deadLetter(a) });
  }),
);
