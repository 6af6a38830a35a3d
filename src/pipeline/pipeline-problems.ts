/** What no option of a pipeline shows by itself: options that do not go together. */
import { z } from 'zod';
import type { ExchangeType } from '../broker/topology.ts';
import type { Problem } from '../errors.ts';
import type { CallTargets } from '../http/call-target.ts';
import { type Duration, formatDuration, parseDuration } from '../policies/duration.ts';
import { ownMessageOf, type PipelineSource, type Source } from '../sources/source.ts';
import type { ReadOptions } from './message-format.ts';
import type { PublishedExchange } from './pipeline-options.ts';
import { DEFAULTS } from './pipeline-schema.ts';
import { isAllowed } from './reply-to.ts';

export const subjectOf = ({ name }: { readonly name: unknown }): string =>
  `pipeline ${typeof name === 'string' ? JSON.stringify(name) : String(name)}`;

/** What no single option shows: slots that no delivery could ever fill. */
export function boundProblems(
  options: { readonly name: string; readonly concurrency?: number | undefined; readonly order?: unknown },
  source: PipelineSource | undefined,
): readonly Problem[] {
  const { concurrency = DEFAULTS.concurrency, order } = options;
  const prefetch = source?.prefetch;
  if (prefetch === undefined || prefetch >= concurrency || order === 'arrival' || source?.oneAtATime === true)
    return [];
  return [
    {
      subject: subjectOf(options),
      path: 'source.prefetch',
      message: `expected at least the concurrency, ${concurrency}, or slots stay empty; got ${prefetch}`,
    },
  ];
}

/** An exchange that is listed with two types: it has one. */
export function publishProblems(options: {
  readonly name: string;
  readonly publishes?: readonly (string | PublishedExchange)[] | undefined;
}): readonly Problem[] {
  const types = new Map<string, ExchangeType>();
  return (options.publishes ?? []).flatMap((one, index) => {
    if (typeof one === 'string') return [];
    const { exchange, type } = one;
    const before = types.get(exchange) ?? type;
    types.set(exchange, before);
    if (type === before) return [];
    const message = `is ${type}, and ${before} before it: exchange "${exchange}" has one type`;
    return [{ subject: subjectOf(options), path: `publishes.${index}.type`, message }];
  });
}

/** A handle that may take longer than its message may stay unsettled. */
export function timeProblems(
  options: { readonly name: string; readonly timeout?: Duration | undefined },
  source: PipelineSource | undefined,
): readonly Problem[] {
  const { timeout = DEFAULTS.timeout } = options;
  const [timeoutMs, settleWithinMs] = [parseDuration(timeout), source?.settleWithinMs];
  if (timeoutMs === undefined || !(settleWithinMs !== undefined && settleWithinMs <= timeoutMs)) return [];
  return [
    {
      subject: subjectOf(options),
      path: 'source.settleWithin',
      message: `expected more than the timeout, ${formatDuration(timeoutMs)}, or messages are taken from handles that still have time; got ${formatDuration(settleWithinMs)}`,
    },
  ];
}

/** Messages that we make ourselves are no CloudEvents: all of them would be dead-lettered. */
export function formProblems(options: {
  readonly name: string;
  readonly source?: Source | undefined;
  readonly reads?: ReadOptions | undefined;
}): readonly Problem[] {
  if (options.reads?.cloudEvents === undefined || ownMessageOf(options.source) === undefined) return [];
  return [
    {
      subject: subjectOf(options),
      path: 'reads.cloudEvents',
      message: 'the messages of its source are plain JSON and no CloudEvents',
    },
  ];
}

/** A key that no message has; an empty one was wrong by itself. */
export function keyProblems(
  options: { readonly name: string },
  source: PipelineSource | undefined,
  input: unknown,
): readonly Problem[] {
  const by = source?.partitions?.by;
  if (by === undefined || by === '' || !(input instanceof z.ZodObject) || Object.hasOwn(input.shape, by)) return [];
  return [
    {
      subject: subjectOf(options),
      path: 'source.by',
      message: `expected a field of the input: ${Object.keys(input.shape).join(', ')}; got ${JSON.stringify(by)}`,
    },
  ];
}

/** What keeps requests from becoming messages of the pipeline. */
export function ingressProblems(
  options: {
    readonly name: string;
    readonly ingress?: object | undefined;
    readonly replyTo?: readonly string[] | undefined;
  },
  source: PipelineSource | undefined,
): readonly Problem[] {
  const { ingress, replyTo = DEFAULTS.replyTo } = options;
  if (ingress === undefined) return [];
  const problem = (path: string, message: string): Problem => ({ subject: subjectOf(options), path, message });
  const problems: Problem[] = [];
  if (source?.feeder !== undefined)
    problems.push(problem('ingress', 'expected a source made by queue() or partitioned(): this one feeds itself'));
  if (Array.isArray(replyTo) && !isAllowed('amq.rabbitmq.reply-to.', replyTo))
    problems.push(problem('replyTo', "expected 'amq.*' among the patterns: the front door is answered there"));
  return problems;
}

/** Bodies of requests that no message may be as large as. */
export function bodyProblems(options: {
  readonly name: string;
  readonly ingress?: { readonly maxBodyBytes?: number } | undefined;
  readonly maxMessageBytes?: number | undefined;
}): readonly Problem[] {
  const { ingress, maxMessageBytes = DEFAULTS.maxMessageBytes } = options;
  const maxBodyBytes = ingress?.maxBodyBytes ?? 0;
  if (maxBodyBytes <= maxMessageBytes) return [];
  return [
    {
      subject: subjectOf(options),
      path: 'ingress.maxBodyBytes',
      message: `expected at most maxMessageBytes, ${maxMessageBytes}, got ${maxBodyBytes}`,
    },
  ];
}

/** A need that is no API of the pipeline. */
export function needProblems(options: {
  readonly name: string;
  readonly apis?: CallTargets | undefined;
  readonly needs?: readonly string[] | undefined;
}): readonly Problem[] {
  const { apis = {}, needs = [] } = options;
  const unknown = needs.filter((need) => !Object.hasOwn(apis, need));
  const known = Object.keys(apis).join(', ') || 'none';
  return unknown.map((need) => ({
    subject: subjectOf(options),
    path: 'needs',
    message: `"${need}" is none of the pipeline's apis: ${known}`,
  }));
}
