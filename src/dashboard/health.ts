/** How a pipeline is, said in one sentence: cause, number, effect. Of the rules that fit the worst speaks, of several the first. Pure. */
import type { ApiView, Counts, Health, MinuteCounts, PipelineShape, Trouble, Unsettled, Waiting } from './wire.ts';

export interface HealthFacts {
  readonly shape: PipelineShape;
  readonly apis: readonly ApiView[];
  readonly broker: { readonly state: string; readonly reason: string | undefined };
  readonly worker: string;
  readonly intake: { readonly state: string; readonly reason: string | undefined };
  readonly counts: Counts;
  readonly waiting: Waiting;
  readonly unsettled: Unsettled;
  readonly minute: MinuteCounts;
  readonly troubles: readonly Trouble[];
}

type Rule = (facts: HealthFacts) => Health | undefined;

/** Shares of a minute's messages above which a pipeline does not do its work. */
const BROKEN_RATIO = 0.2;
const DEGRADED_RATIO = 0.1;
/** Below this one message is no share. */
const A_FEW = 3;
/** Messages that waited for less are as good as new. */
const A_WHILE_MS = 5_000;

const broken = (sentence: string): Health => ({ level: 'broken', sentence });
const degraded = (sentence: string): Health => ({ level: 'degraded', sentence });
const noteworthy = (sentence: string): Health => ({ level: 'noteworthy', sentence });

const connection: Rule = ({ broker }) => {
  if (broker.state === 'lost') return broken(`The connection to the broker is lost${because(broker.reason)}`);
  // After the first try has failed it is told why.
  if (broker.state === 'connecting' && broker.reason !== undefined)
    return broken(`There is no connection to the broker, it is tried again${because(broker.reason)}`);
  if (broker.state === 'blocked')
    return broken(`The broker takes no messages${because(broker.reason)} Results and retries wait.`);
  return undefined;
};

const draining: Rule = ({ worker, counts }) =>
  worker === 'draining'
    ? degraded(`The worker is draining: ${counted(counts.inFlight, 'message')} still in flight, no new ones are taken.`)
    : undefined;

const breaker: Rule = ({ apis, shape, waiting }) => {
  const all = apis.filter(({ breaker: state }) => state === 'open' || state === 'isolated');
  // The one that stops the intake says more than one that is done without.
  const shut = all.find(({ name }) => isNeeded(shape, name)) ?? all[0];
  if (shut === undefined) return undefined;
  const how =
    shut.breaker === 'isolated'
      ? 'is held open by hand'
      : `is open: ${shut.failed} of the last minute’s ${counted(shut.calls, 'call')} failed`;
  return isNeeded(shape, shut.name)
    ? broken(`${shut.name}’s breaker ${how}. The intake is paused, ${whoWaits(waiting)} in ${shape.queue}.`)
    : degraded(`${shut.name}’s breaker ${how}. Messages go on without it.`);
};

const halfOpen: Rule = ({ apis }) => {
  const probing = apis.find(({ breaker: state }) => state === 'half-open');
  return probing && degraded(`${probing.name}’s breaker is half-open: the next calls show whether it is well again.`);
};

const intakePaused: Rule = ({ intake }) =>
  intake.state === 'paused' || intake.state === 'stopped'
    ? broken(`The intake is ${intake.state}${because(intake.reason)}`)
    : undefined;

const unsettled: Rule = ({ unsettled: { messages, reason } }) =>
  messages === 0
    ? undefined
    : broken(
        `${counted(messages, 'message')} cannot be settled, ${messages === 1 ? 'its copy is' : 'their copies are'} not with the broker${because(reason)}`,
      );

const deadLetters: Rule = ({ minute, troubles }) => {
  if (minute.deadLettered === 0) return undefined;
  const settled = settledIn(minute);
  const sentence = `${minute.deadLettered} of the last minute’s ${counted(settled, 'message')} ${minute.deadLettered === 1 ? 'was' : 'were'} dead-lettered, the newest with ${newest(troubles, 'deadLetter')}.`;
  const isBroken = minute.deadLettered >= A_FEW && minute.deadLettered / settled >= BROKEN_RATIO;
  return isBroken ? broken(sentence) : degraded(sentence);
};

const retried: Rule = ({ minute, troubles }) => {
  if (minute.retried === 0) return undefined;
  const sentence = `${counted(minute.retried, 'message')} went back to wait for another try in the last minute, the newest with ${newest(troubles, 'retry')}.`;
  const isMuch = minute.retried >= A_FEW && minute.retried / settledIn(minute) >= DEGRADED_RATIO;
  return isMuch ? degraded(sentence) : noteworthy(sentence);
};

const returned: Rule = ({ minute }) =>
  minute.returned === 0
    ? undefined
    : noteworthy(
        `${counted(minute.returned, 'message')} went back to the broker in the last minute, which delivers ${minute.returned === 1 ? 'it' : 'them'} again.`,
      );

const waits: Rule = ({ apis }) => {
  const slow = apis.find(({ waits: held, calls }) => held >= A_FEW && held / Math.max(1, calls) >= BROKEN_RATIO);
  return slow && noteworthy(`${slow.name}’s rate limit holds calls back, for up to ${ms(slow.longestWaitMs)}.`);
};

const full: Rule = ({ counts, shape, waiting: { messages = 0, ageMs } }) => {
  if (counts.inFlight < shape.prefetch) return undefined;
  const behind =
    ageMs === undefined || ageMs < A_WHILE_MS ? '' : `, and what comes in was published ${ms(ageMs)} before`;
  const more =
    messages === 0
      ? ''
      : ` ${counted(messages, 'message')} more ${messages === 1 ? 'waits' : 'wait'} in ${shape.queue}${behind}.`;
  return noteworthy(
    `As many messages are in flight as may be, ${shape.prefetch}: the pipeline goes as fast as what it calls.${more}`,
  );
};

/** It takes from its queue, and yet more lies there than was taken in a minute. */
const behind: Rule = ({ minute, shape, waiting: { messages = 0 } }) =>
  messages > Math.max(shape.prefetch, minute.delivered)
    ? noteworthy(
        `${counted(messages, 'message')} wait in ${shape.queue}, more than the ${counted(minute.delivered, 'message')} that came in the last minute.`,
      )
    : undefined;

const failures: Rule = ({ apis }) => {
  const failing = apis.find(({ failed, calls }) => failed >= A_FEW && failed / calls >= 0.05);
  return (
    failing &&
    noteworthy(
      `${failing.failed} of the last minute’s ${counted(failing.calls, 'call')} to ${failing.name} failed; no message did for it.`,
    )
  );
};

const idle: Rule = ({ minute, counts, intake, shape }) => {
  if (minute.delivered > 0 || counts.inFlight > 0) return undefined;
  const sentence =
    intake.state === 'consuming'
      ? `Nothing came from ${shape.queue} in the last minute. It is listened to.`
      : `It does not take messages from ${shape.queue} yet.`;
  return { level: 'idle', sentence };
};

const healthy: Rule = ({ minute }) => ({
  level: 'healthy',
  sentence:
    minute.acked === 0
      ? 'Nothing stands out.'
      : `Nothing stands out: ${counted(minute.acked, 'message')} done in the last minute.`,
});

/** What explains all the rest. */
const ABOVE_ALL: readonly Rule[] = [connection, draining];

const RULES: readonly Rule[] = [
  breaker,
  intakePaused,
  unsettled,
  halfOpen,
  deadLetters,
  retried,
  waits,
  full,
  behind,
  returned,
  failures,
  idle,
  healthy,
];

const LEVELS: readonly Health['level'][] = ['broken', 'degraded', 'noteworthy', 'idle', 'healthy'];

export function healthOf(facts: HealthFacts): Health {
  for (const rule of ABOVE_ALL) {
    const health = rule(facts);
    if (health !== undefined) return health;
  }
  const fitting = RULES.flatMap((rule) => rule(facts) ?? []);
  for (const level of LEVELS) {
    const health = fitting.find((one) => one.level === level);
    if (health !== undefined) return health;
  }
  return { level: 'healthy', sentence: 'Nothing stands out.' };
}

const isNeeded = (shape: PipelineShape, name: string): boolean =>
  shape.apis.some((api) => api.name === name && api.isNeeded);

/** The number, where it is known. */
const whoWaits = ({ messages }: Waiting): string =>
  messages === undefined || messages === 0
    ? 'messages wait'
    : `${counted(messages, 'message')} ${messages === 1 ? 'waits' : 'wait'}`;

const because = (reason: string | undefined): string => (reason === undefined ? '.' : `: ${reason}.`);

const settledIn = ({ acked, retried: again, deadLettered, returned: back }: HealthFacts['minute']): number =>
  acked + again + deadLettered + back;

function newest(troubles: readonly Trouble[], settlement: Trouble['settlement']): string {
  const [latest] = troubles
    .filter((trouble) => trouble.settlement === settlement)
    .sort((one, other) => other.lastAt - one.lastAt);
  return latest === undefined ? 'no code' : `${latest.code}${latest.reason === '' ? '' : ` (${latest.reason})`}`;
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

const ms = (duration: number): string =>
  duration < 1_000 ? `${Math.round(duration)} ms` : `${(duration / 1_000).toFixed(1)} s`;
