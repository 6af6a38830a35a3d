/**
 * What a replay did otherwise than its recording, message by message, as diagrams one over the other. A moment counts as the same within a
 * tolerance: a recording was made by a clock that others shared.
 */
import { isDeepStrictEqual } from 'node:util';
import type { RecordedCall, RecordedResult, RecordedSettlement } from '../../recording/recording.ts';
import { type MarbleMessage, notificationDifference } from '../marble-expectation.ts';
import { isAsRecorded } from './same.ts';
import type { Story } from './story.ts';
import { callTextOf, resultTextOf, settlementTextOf } from './values.ts';

interface Dated {
  readonly at: number;
}

/** How the events of a row are compared and told. */
interface RowOf<T extends Dated> {
  readonly title: string;
  readonly isAlike: (replayed: T, recorded: T) => boolean;
  readonly describe: (event: T) => string;
}

export interface Comparison {
  readonly toleranceMs: number;
  /** The name a handle knows an API by. */
  readonly nameOf: (api: string) => string;
}

/** The differences of one message; none where the replay did the same. */
export function differencesOf(
  recorded: Story,
  replayed: Story | undefined,
  { toleranceMs, nameOf }: Comparison,
): readonly string[] {
  const calls: RowOf<RecordedCall> = {
    title: 'its calls differ from the recording',
    isAlike: (a, b) =>
      a.api === b.api &&
      a.operation === b.operation &&
      isAsRecorded(a.body, b.body) &&
      isAsRecorded(a.path, b.path) &&
      isAsRecorded(a.query, b.query),
    describe: (event) => callTextOf(event, nameOf),
  };
  const results: RowOf<RecordedResult> = {
    title: 'its results differ from the recording',
    isAlike: (a, b) => a.exchange === b.exchange && a.routingKey === b.routingKey && isAsRecorded(a.body, b.body),
    describe: resultTextOf,
  };
  const settlements: RowOf<RecordedSettlement> = {
    title: 'what became of it differs from the recording',
    isAlike: (a, b) => isDeepStrictEqual([a.settlement, a.delayMs, a.code], [b.settlement, b.delayMs, b.code]),
    describe: (event) => settlementTextOf(event, recorded.messageId),
  };
  const [began, begins] = [recorded.deliveries[0]?.at ?? 0, replayed?.deliveries[0]?.at ?? 0];
  const compare = <T extends Dated>(row: RowOf<T>, before: readonly T[], after: readonly T[]): string[] => {
    const text = rowDifference(row, since(began, before), since(begins, after), toleranceMs);
    return text === undefined ? [] : [text];
  };
  return [
    ...compare(
      calls,
      recorded.calls.map(({ call }) => call),
      replayed?.calls.map(({ call }) => call) ?? [],
    ),
    ...compare(results, recorded.results, replayed?.results ?? []),
    ...compare(settlements, recorded.settlements, replayed?.settlements ?? []),
  ];
}

interface Placed<T> {
  readonly frame: number;
  readonly event: T;
}

const since = <T extends Dated>(beginning: number, events: readonly T[]): readonly Placed<T>[] =>
  events.map((event) => ({ frame: Math.max(0, Math.round(event.at - beginning)), event }));

function rowDifference<T extends Dated>(
  { title, isAlike, describe }: RowOf<T>,
  recorded: readonly Placed<T>[],
  replayed: readonly Placed<T>[],
  toleranceMs: number,
): string | undefined {
  const partners = partnersOf(recorded, replayed, isAlike);
  const expected = recorded.map(({ frame, event }) => messageAt(frame, describe(event)));
  const actual = replayed.map(({ frame, event }, at) => {
    const partner = partners[at];
    if (partner === undefined) return messageAt(frame, describe(event));
    // Near enough is the same moment, so that what is drawn apart is what differs.
    const isNear = Math.abs(frame - partner.frame) <= toleranceMs;
    return messageAt(isNear ? partner.frame : frame, describe(partner.event));
  });
  return notificationDifference(actual, expected, undefined, {
    title,
    labels: ['recorded', 'replayed'],
    describe: String,
  });
}

const messageAt = (frame: number, value: unknown): MarbleMessage => ({ frame, notification: { kind: 'N', value } });

/** For each replayed event the recorded one that it repeats: as many as can be without changing the order of either. */
function partnersOf<T>(
  recorded: readonly Placed<T>[],
  replayed: readonly Placed<T>[],
  isAlike: (replayed: T, recorded: T) => boolean,
): readonly (Placed<T> | undefined)[] {
  /** Longest common part of what follows, by how much of each row is over. */
  const lengths = Array.from({ length: replayed.length + 1 }, () => new Array<number>(recorded.length + 1).fill(0));
  const lengthAt = (at: number, of: number): number => lengths[at]?.[of] ?? 0;
  const alike = (at: number, of: number): boolean => {
    const [one, other] = [replayed[at], recorded[of]];
    return one !== undefined && other !== undefined && isAlike(one.event, other.event);
  };
  for (let at = replayed.length - 1; at >= 0; at--)
    for (let of = recorded.length - 1; of >= 0; of--) {
      const row = lengths[at];
      if (row !== undefined)
        row[of] = alike(at, of) ? lengthAt(at + 1, of + 1) + 1 : Math.max(lengthAt(at + 1, of), lengthAt(at, of + 1));
    }

  const partners: (Placed<T> | undefined)[] = [];
  for (let at = 0, of = 0; at < replayed.length; ) {
    if (alike(at, of)) partners[at++] = recorded[of++];
    else if (of < recorded.length && lengthAt(at, of + 1) >= lengthAt(at + 1, of)) of++;
    else partners[at++] = undefined;
  }
  return partners;
}
