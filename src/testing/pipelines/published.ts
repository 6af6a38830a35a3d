/** Results as a test expects and sees them: at the moment their broker has confirmed them. */
import type { Destination } from '../../broker/exchange.ts';
import { deadLetterQueue, delayOf } from '../../broker/queue.ts';
import type { HeaderTable, MessageProperties } from '../../message/delivery.ts';
import type { OutgoingMessage } from '../../message/outgoing.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import { isSame } from '../marble-equal.ts';
import { textOf } from '../marble-text.ts';
import { checkNames, type Names, PROPERTIES } from './known-names.ts';
import { memberDifferences } from './member-differences.ts';
import type { RowRules } from './row.ts';
import { asReceived, callText, namedBy, readBody } from './text.ts';

/** What is named is compared, the rest is not looked at. */
export interface PublishedParts extends MessageProperties {
  /** Those named here. */
  readonly headers?: HeaderTable;
}

export interface ExpectedResult {
  readonly kind: 'published';
  readonly to: Destination;
  readonly body: unknown;
  readonly parts: PublishedParts;
}

/** A message the broker has confirmed. */
export interface SeenResult {
  readonly exchange: string;
  readonly routingKey: string;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly properties: MessageProperties;
}

/**
 * A result as `expectPublished` expects it: `published(exchange('orders', 'order.placed'), { … })`. An answer to a message's `reply-to` goes
 * to the default exchange: `published(exchange('', 'amq.gen-1'), { … })`.
 */
export const published = (to: Destination, body: unknown, parts: PublishedParts = {}): ExpectedResult => {
  checkNames('published(…)', parts, PARTS);
  return { kind: 'published', to, body, parts };
};

const PARTS = { headers: true, ...PROPERTIES } as const satisfies Names<PublishedParts>;

const isResult = (value: unknown): value is ExpectedResult =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'published';

/** @throws TypeError for a value that is no result. */
export function checkResults(values: Readonly<Record<string, unknown>>): void {
  for (const [symbol, value] of Object.entries(values))
    if (!isResult(value)) throw new TypeError(`expectPublished: ${symbol}: expected published(exchange(…), body)`);
}

/** Copies for a later try and dead letters are the engine's own, not results. */
export function isCopy({ exchange, routingKey }: OutgoingMessage, pipelines: readonly Pipeline[]): boolean {
  const isDeadLetter = ({ name }: Pipeline['source']): boolean =>
    exchange === '' && routingKey === deadLetterQueue(name);
  return pipelines.some(
    ({ source }) => isDeadLetter(source) || delayOf({ exchange, routingKey }, source) !== undefined,
  );
}

export const seenResult = ({ exchange, routingKey, body, headers, properties }: OutgoingMessage): SeenResult => ({
  exchange,
  routingKey,
  body: readBody(body, properties),
  headers,
  properties,
});

export const publishedRules: RowRules<SeenResult> = {
  subject: 'expectPublished',
  title: 'what was published differs from its diagram',
  isMeant: (expected, { exchange, routingKey, body, headers, properties }) => {
    if (!isResult(expected)) return false;
    const { headers: named = {}, ...rest } = expected.parts;
    return (
      expected.to.exchange === exchange &&
      expected.to.routingKey === routingKey &&
      isSame(body, asReceived(expected.body)) &&
      Object.entries(named).every(([name, value]) => isSame(headers[name], value)) &&
      Object.entries(rest).every(([name, value]) => Reflect.get(properties, name) === value)
    );
  },
  describe: (value, all) => {
    if (isResult(value)) return resultText(value.to.exchange, value.to.routingKey, value.body, value.parts);
    const { exchange, routingKey, body, headers, properties } = value as SeenResult;
    const parts = all.filter(isResult).map((expected) => expected.parts);
    const named = namedBy(
      headers,
      parts.map((part) => part.headers),
    );
    const shown = {
      ...(Object.keys(named).length === 0 ? {} : { headers: named }),
      ...namedBy(
        { ...properties },
        parts.map(({ headers: _headers, ...rest }) => rest),
      ),
    };
    return resultText(exchange, routingKey, body, shown);
  },
  differences: (expected, { exchange, routingKey, body }) =>
    isResult(expected) && expected.to.exchange === exchange && expected.to.routingKey === routingKey
      ? memberDifferences(asReceived(expected.body), body, 'body')
      : [],
};

function resultText(exchange: string, routingKey: string, body: unknown, parts: object): string {
  const rest = Object.keys(parts).length === 0 ? [] : [textOf(parts)];
  return `published(${[callText('exchange', exchange, routingKey), textOf(body), ...rest].join(', ')})`;
}
