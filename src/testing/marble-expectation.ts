/**
 * What a marble test expects, kept until virtual time has run, then compared with what was recorded.
 * A difference reads as the two diagrams, one above the other, with what their characters stand for.
 */
import type { ObservableNotification } from 'rxjs';
import { draw, type Mark } from './marble-diagram.ts';
import { isSame } from './marble-equal.ts';
import { Legend } from './marble-legend.ts';
import { textOf } from './marble-text.ts';

/** A notification at a moment of virtual time. */
export interface MarbleMessage {
  readonly frame: number;
  readonly notification: ObservableNotification<unknown>;
}

/** From when to when something was subscribed to; Infinity for never. */
export interface MarbleSubscription {
  readonly subscribedFrame: number;
  readonly unsubscribedFrame: number;
}

/** How a row of something other than a stream's notifications is told. */
export interface RowSpeech {
  /** First line of the difference. */
  readonly title?: string;
  /** What the two diagrams are called. Default: expected and actual. */
  readonly labels?: readonly [expected: string, actual: string];
  /** A value as one line of the legend. */
  readonly describe?: (value: unknown) => string;
}

/** Text of the difference between notifications, undefined when there is none. `values` are those of the expected diagram. */
export function notificationDifference(
  actual: readonly MarbleMessage[],
  expected: readonly MarbleMessage[],
  values: unknown,
  { title = 'the stream differs from its diagram', labels = ['expected', 'actual'], describe = textOf }: RowSpeech = {},
): string | undefined {
  const differing = firstDifference(actual, expected);
  if (differing === undefined) return undefined;

  const legend = new Legend(values, describe);
  const expectedMarks = expected.map((message) => markOf(message, legend));
  const { rows, columnOf } = draw([expectedMarks, actual.map((message) => markOf(message, legend))]);
  const [expectedRow = '', actualRow = ''] = rows;
  const width = Math.max(...labels.map(({ length }) => length)) + 1;
  const [expectedLabel, actualLabel] = labels.map((label) => `${label}:`.padEnd(width));
  return [
    title,
    `  ${expectedLabel} ${expectedRow}`,
    `  ${actualLabel} ${actualRow}`,
    `  ${' '.repeat(width + 1 + columnOf(differing))}^ first difference, at ${differing} ms`,
    ...[...legend.lines(), ...errorLines(actual, expected)].map((line) => `  ${line}`),
  ].join('\n');
}

/** Text of the difference between subscriptions, undefined when there is none. */
export function subscriptionDifference(
  actual: readonly MarbleSubscription[],
  expected: readonly MarbleSubscription[],
): string | undefined {
  const count = Math.max(actual.length, expected.length);
  const isEqual = (index: number): boolean =>
    actual[index]?.subscribedFrame === expected[index]?.subscribedFrame &&
    actual[index]?.unsubscribedFrame === expected[index]?.unsubscribedFrame;
  const indexes = Array.from({ length: count }, (_, index) => index);
  if (indexes.every(isEqual)) return undefined;

  const { rows } = draw([
    ...indexes.map((index) => lifetimeOf(expected[index])),
    ...indexes.map((index) => lifetimeOf(actual[index])),
  ]);
  const rowOf = (subscription: MarbleSubscription | undefined, index: number): string =>
    subscription === undefined ? '(none)' : (rows[index] ?? '');
  return [
    'the subscriptions differ from their diagrams',
    ...indexes.flatMap((index) => [
      `  ${isEqual(index) ? ' ' : '>'} expected: ${rowOf(expected[index], index)}`,
      `  ${isEqual(index) ? ' ' : '>'} actual:   ${rowOf(actual[index], count + index)}`,
    ]),
  ].join('\n');
}

/** Frame of the first message that is not what was expected. */
function firstDifference(actual: readonly MarbleMessage[], expected: readonly MarbleMessage[]): number | undefined {
  const count = Math.max(actual.length, expected.length);
  for (let index = 0; index < count; index++) {
    const [one, other] = [actual[index], expected[index]];
    if (one === undefined || other === undefined || !isSameMessage(one, other)) {
      return Math.min(one?.frame ?? Number.POSITIVE_INFINITY, other?.frame ?? Number.POSITIVE_INFINITY);
    }
  }
  return undefined;
}

function isSameMessage(one: MarbleMessage, other: MarbleMessage): boolean {
  const [a, b] = [one.notification, other.notification];
  if (one.frame !== other.frame || a.kind !== b.kind) return false;
  if (a.kind === 'N' && b.kind === 'N') return isSame(a.value, b.value);
  return a.kind !== 'E' || b.kind !== 'E' || isSame(a.error, b.error);
}

function markOf({ frame, notification }: MarbleMessage, legend: Legend): Mark {
  if (notification.kind === 'N') return { frame, symbol: legend.symbolOf(notification.value) };
  return { frame, symbol: notification.kind === 'E' ? '#' : '|' };
}

/** An error is always `#`, so the legend has to say whose. */
function errorLines(actual: readonly MarbleMessage[], expected: readonly MarbleMessage[]): string[] {
  const errorsOf = (messages: readonly MarbleMessage[]): string[] =>
    messages.flatMap(({ notification }) => (notification.kind === 'E' ? [textOf(notification.error)] : []));
  return [
    ...errorsOf(expected).map((text) => `# expected = ${text}`),
    ...errorsOf(actual).map((text) => `# actual   = ${text}`),
  ];
}

function lifetimeOf(subscription: MarbleSubscription | undefined): Mark[] {
  if (subscription === undefined) return [];
  const { subscribedFrame, unsubscribedFrame } = subscription;
  const begin = { frame: subscribedFrame, symbol: '^' };
  return unsubscribedFrame === Number.POSITIVE_INFINITY ? [begin] : [begin, { frame: unsubscribedFrame, symbol: '!' }];
}
