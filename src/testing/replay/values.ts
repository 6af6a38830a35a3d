/** Recorded events as the values of marble tests: calls, results, settlements, and the text that would make them. */

import { formatDuration } from '../../policies/duration.ts';
import type { RecordedCall, RecordedResult, RecordedSettlement } from '../../recording/recording.ts';
import { textOf } from '../marble-text.ts';
import { callText } from '../pipelines/text.ts';

/** What `call(…)` is given beside API and operation. */
export function callParts({ path, query, body }: RecordedCall): object {
  return {
    ...(body === undefined ? {} : { body }),
    ...(query === undefined ? {} : { query: asQuery(query) }),
    ...(path === undefined ? {} : { params: asTexts(path) }),
  };
}

/** `nameOf`: the name a handle knows an API by. */
export const callTextOf = (call: RecordedCall, nameOf: (api: string) => string): string =>
  callText('call', nameOf(call.api), call.operation, callParts(call));

export const resultTextOf = ({ exchange, routingKey, body }: RecordedResult): string =>
  `published(${callText('exchange', exchange, routingKey)}, ${textOf(body)})`;

/** `messageText`: the message, as the test names it. */
export function settlementTextOf({ settlement, delayMs, code }: RecordedSettlement, messageText: string): string {
  const name = settlement === 'returned' ? 'returned' : settlement;
  const rest = [delayMs === undefined ? undefined : formatDuration(delayMs), code].filter((part) => part !== undefined);
  return `${name}(${[messageText, ...rest.map((part) => textOf(part))].join(', ')})`;
}

const entriesOf = (value: unknown): [string, unknown][] =>
  typeof value === 'object' && value !== null ? Object.entries(value) : [];

const asTexts = (values: unknown): object =>
  Object.fromEntries(entriesOf(values).map(([name, value]) => [name, String(value)]));

/** A query as it arrives: texts, lists where a parameter is repeated, nothing where it is left out. */
const asQuery = (values: unknown): object =>
  Object.fromEntries(
    entriesOf(values).flatMap(([name, value]) => {
      if (value === undefined || value === null) return [];
      const texts = [value].flat().map((one) => `${one as string | number | boolean}`);
      return texts.length === 0 ? [] : [[name, texts.length === 1 ? texts[0] : texts]];
    }),
  );
