/** What became of messages, as a test expects and sees it. */
import type { Settled, SettlementKind } from '../../events.ts';
import { type Duration, durationMs, formatDuration } from '../../policies/duration.ts';
import { textOf } from '../marble-text.ts';
import type { Acquaintances } from './messages.ts';
import type { RowRules } from './row.ts';

export interface ExpectedSettlement {
  readonly kind: 'settlement';
  readonly settlement: SettlementKind;
  /** The value as it was given to `deliver`, or its body. */
  readonly message: unknown;
  readonly delay?: Duration;
  readonly code?: string;
}

const settled = (
  settlement: SettlementKind,
  message: unknown,
  more: Pick<ExpectedSettlement, 'delay' | 'code'> = {},
): ExpectedSettlement => ({ kind: 'settlement', settlement, message, ...more });

/** The message is done, and the broker forgets it. */
export const ack = (message: unknown): ExpectedSettlement => settled('ack', message);

/** The message is tried again, after this pause, because of an error with this code; what is left out is not looked at. */
export const retry = (message: unknown, delay?: Duration, code?: string): ExpectedSettlement =>
  settled('retry', message, { ...(delay === undefined ? {} : { delay }), ...(code === undefined ? {} : { code }) });

/** The message lies in the dead-letter queue, because of an error with this code. */
export const deadLetter = (message: unknown, code?: string): ExpectedSettlement =>
  settled('deadLetter', message, code === undefined ? {} : { code });

/** The message went back to its queue: the worker stopped, or the connection went. */
export const returned = (message: unknown): ExpectedSettlement => settled('returned', message);

const isSettlement = (value: unknown): value is ExpectedSettlement =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'settlement';

/** @throws TypeError for a value that is no settlement. */
export function checkSettlements(values: Readonly<Record<string, unknown>>): void {
  for (const [symbol, value] of Object.entries(values))
    if (!isSettlement(value))
      throw new TypeError(`expectSettled: ${symbol}: expected ack(…), retry(…), deadLetter(…) or returned(…)`);
}

export function settlementRules(acquaintances: Acquaintances): RowRules<Settled> {
  const nameOf = (message: unknown): string => acquaintances.symbolOf(message) ?? textOf(message);
  return {
    subject: 'expectSettled',
    title: 'the settlements differ from their diagram',
    isMeant: (expected, actual) =>
      isSettlement(expected) &&
      expected.settlement === actual.settlement &&
      acquaintances.isValueOf(expected.message, actual.messageId) &&
      (expected.delay === undefined || durationMs(expected.delay) === actual.delayMs) &&
      (expected.code === undefined || expected.code === actual.code),
    describe: (value) => {
      if (isSettlement(value)) return settlementText(value.settlement, nameOf(value.message), value.delay, value.code);
      const { settlement, messageId, delayMs, code, reason } = value as Settled;
      const delay = delayMs === undefined ? undefined : formatDuration(delayMs);
      const because = reason === undefined ? '' : `: ${reason}`;
      return settlementText(settlement, messageId, delay, code) + because;
    },
  };
}

/** `retry(a, '5s', 'ERR_NETWORK')`. */
function settlementText(
  name: string,
  message: string,
  delay: string | number | undefined,
  code: string | undefined,
): string {
  const rest = [delay, code].filter((part) => part !== undefined).map((part) => textOf(part));
  return `${name}(${[message, ...rest].join(', ')})`;
}
