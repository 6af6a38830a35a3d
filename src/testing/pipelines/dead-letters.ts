/** Dead letters as a test expects and sees them: the message with what its headers tell. */
import type { HeaderTable } from '../../message/delivery.ts';
import type { OutgoingMessage } from '../../message/outgoing.ts';
import { HEADER } from '../../pipeline/message-headers.ts';
import { isSame } from '../marble-equal.ts';
import { textOf } from '../marble-text.ts';
import type { RowRules } from './row.ts';
import { asReceived, readBody } from './text.ts';

/** A dead letter, in the words of its headers. */
export interface DeadLetter {
  readonly queue: string;
  readonly messageId: string | undefined;
  readonly correlationId: string | undefined;
  readonly body: unknown;
  readonly pipeline: string;
  readonly stage: string;
  readonly code: string;
  /** Code of the cause, where the error wraps another. */
  readonly causeCode: string | undefined;
  readonly reason: string;
  readonly attempts: number;
  readonly firstFailedAt: number;
  readonly lastFailedAt: number;
  readonly headers: HeaderTable;
}

export function seenDeadLetter({ routingKey, body, properties, headers }: OutgoingMessage): DeadLetter {
  const text = (name: string): string => {
    const value = headers[name];
    return typeof value === 'string' ? value : '';
  };
  return {
    queue: routingKey,
    messageId: properties.messageId,
    correlationId: properties.correlationId,
    body: readBody(body, properties),
    pipeline: text(HEADER.pipeline),
    stage: text(HEADER.stage),
    code: text(HEADER.errorCode),
    causeCode: headers[HEADER.errorCause] === undefined ? undefined : text(HEADER.errorCause),
    reason: text(HEADER.errorMessage),
    attempts: Number(headers[HEADER.attempts]),
    firstFailedAt: Number(headers[HEADER.firstFailedAt]),
    lastFailedAt: Number(headers[HEADER.lastFailedAt]),
    headers,
  };
}

export const deadLetterRules: RowRules<DeadLetter> = {
  subject: 'expectDeadLetters',
  title: 'the dead letters differ from their diagram',
  isMeant: (expected, actual) =>
    typeof expected === 'object' &&
    expected !== null &&
    Object.entries(expected).every(([name, value]) => {
      const seen: unknown = Reflect.get(actual, name);
      if (name === 'body') return isSame(seen, asReceived(value));
      return name === 'headers' ? isPart(actual.headers, value) : isSame(seen, value);
    }),
  describe: (value, all) => (all.includes(value) ? textOf(value) : textOf(withoutHeaders(value as DeadLetter))),
};

const isPart = (table: HeaderTable, part: unknown): boolean =>
  typeof part === 'object' &&
  part !== null &&
  Object.entries(part).every(([name, value]) => isSame(table[name], value));

const withoutHeaders = ({ headers: _headers, ...rest }: DeadLetter): object =>
  Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
