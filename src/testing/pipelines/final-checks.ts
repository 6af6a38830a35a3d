/** What must be so at the end of every rehearsal, whatever its test expects. Each is a text, told before the differences. */
import { isBalanced } from '../../pipeline/ledger.ts';
import type { Rehearsal } from './rehearsal.ts';

/** Whether promises settle in the time a test runs by. */
export type Promises = 'settle' | 'never settle';

/** What to do about one that a handle waits for. */
const ABOUT_PROMISES: Readonly<Record<Promises, string>> = {
  settle: 'one of a file or a socket comes too late, for time does not wait for it; replace what reads it',
  'never settle': 'test it with advancing(pipeline, async (m) => …)',
};

/** While the worker still runs, and nothing is due any more. `quietSince`: the last moment at which anything was seen or planned. */
export function problemsAtRest(
  rehearsal: Rehearsal,
  { now, quietSince, promises }: { readonly now: number; readonly quietSince: number; readonly promises: Promises },
): readonly string[] {
  return [
    ...rehearsal.unexpectedCalls,
    ...inFlightProblems(rehearsal, now, promises),
    ...(now > quietSince
      ? [`a timer was left: nothing happened after ${quietSince} ms, but something was still due at ${now} ms`]
      : []),
  ];
}

/** When the worker was stopped, and nothing is due any more. */
export function problemsAtEnd({ worker, workerState, unusedAnswers }: Rehearsal): readonly string[] {
  const unbalanced = Object.entries(worker.ledgers()).filter(([, counts]) => !isBalanced(counts));
  return [
    ...unusedAnswers,
    ...unbalanced.map(
      ([pipeline, counts]) => `the books of pipeline "${pipeline}" do not balance: ${JSON.stringify(counts)}`,
    ),
    ...(workerState === 'stopped' ? [] : [`the worker did not stop: it is still ${workerState}`]),
  ];
}

function inFlightProblems({ inFlight, facts }: Rehearsal, now: number, promises: Promises): readonly string[] {
  if (inFlight === 0) return [];
  const open = new Map<string, string>();
  for (const { frame, value } of facts.seen) {
    if (value.type !== 'delivered' && value.type !== 'settled') continue;
    const key = JSON.stringify([value.pipeline, value.messageId, value.deliveryTag]);
    if (value.type === 'delivered') open.set(key, `${value.messageId} (since ${frame} ms)`);
    else open.delete(key);
  }
  const who = open.size === 1 ? 'a message is' : `${open.size} messages are`;
  return [
    `${who} still in flight at ${now} ms, and nothing is due any more: ${[...open.values()].join(', ')}\n` +
      '  it waits for no timer and for no answer of an API, but for a broker that is blocked or away, for a stream that never emits,\n' +
      `  or for a promise: ${ABOUT_PROMISES[promises]}`,
  ];
}

/** Hints for a test that failed. */
export const hints = (rehearsal: Rehearsal, promises: Promises): readonly string[] => [
  ...handleHints(rehearsal, promises),
  ...brokerHints(rehearsal),
];

/** What was expected may have been meant to come after an outage that has no end. */
const brokerHints = ({ broker }: Rehearsal): readonly string[] =>
  broker.isReachable.value
    ? []
    : [
        'hint: the broker is unreachable at the end of the test; what waits for it is done after setReachable(true), which takes up to 100 ms more',
      ];

/** Of a whole handle, of a step of its saga, and of a stream with `timeoutWithin`. */
const OUT_OF_TIME: readonly (string | undefined)[] = ['ERR_HANDLE_TIMEOUT', 'ERR_TIMEOUT'];

/**
 * A handle, or a step, that ran out of time while nothing it may have waited for was to be seen. Of a step its saga's journal tells, too: the message may be
 * settled by something else, later, or be acked.
 */
function handleHints({ deadLetters, facts }: Rehearsal, promises: Promises): readonly string[] {
  // A saga that is stuck by it has a code of its own, and a settlement no cause: its letter has.
  const isCause = (messageId: string): boolean =>
    deadLetters.seen.some(({ value }) => value.messageId === messageId && OUT_OF_TIME.includes(value.causeCode));
  const late = facts.seen.find(
    ({ value }) =>
      ((value.type === 'settled' || value.type === 'sagaMoved') && OUT_OF_TIME.includes(value.code)) ||
      (value.type === 'settled' && value.settlement === 'deadLetter' && isCause(value.messageId)),
  );
  if (late === undefined || !('messageId' in late.value)) return [];
  const { messageId } = late.value;
  const own = facts.seen.filter(({ value }) => 'messageId' in value && value.messageId === messageId);
  const moments = own.filter(({ value }) => value.type === 'sagaMoved' && value.move === 'stepFailed').concat(late);
  // Whoever made it: several messages may wait for one call.
  const isCutOff = facts.seen.some(
    ({ frame, value }) =>
      value.type === 'callEnded' && value.outcome === 'aborted' && moments.some((moment) => moment.frame === frame),
  );
  if (isCutOff) return [];
  const calls = own.some(({ value }) => value.type === 'callStarted') ? 'with no call under way' : 'without a call';
  return [
    `hint: in the handle of message ${messageId} time ran out ${calls}; if it awaits a promise: ${ABOUT_PROMISES[promises]}`,
  ];
}
