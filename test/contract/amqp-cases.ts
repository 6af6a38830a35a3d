/**
 * What an AMQP 0-9-1 broker does, case by case, through amqplib: each case gives a plain outcome that two brokers can be compared by.
 * Names are unique to a run, and come out as `<1>`, `<2>` in the order in which the case asked for them.
 */
import type { ChannelModel } from 'amqplib';
import { deadLetterCases } from './amqp-cases-dead-letters.ts';
import { deliveryCases } from './amqp-cases-delivery.ts';
import { publishCases } from './amqp-cases-publish.ts';
import { refusalCases } from './amqp-cases-refusals.ts';
import { routingCases } from './amqp-cases-routing.ts';
import { streamCases } from './amqp-cases-streams.ts';
import type { Tools } from './amqp-tools.ts';

export interface AmqpCase {
  /** What happens, as a present-tense sentence. */
  readonly title: string;
  readonly run: (connection: ChannelModel, tools: Tools) => Promise<unknown>;
  readonly expected: unknown;
}

export const amqpCases: readonly (readonly [subject: string, cases: readonly AmqpCase[]])[] = [
  ['deliveries', deliveryCases],
  ['publishes', publishCases],
  ['routing', routingCases],
  ['dead letters and limits', deadLetterCases],
  ['refusals', refusalCases],
  ['streams', streamCases],
];
