/** A pipeline's definition, checked when it is made. Plain data and functions; `run-pipeline.ts` brings it to life. */
import type { z } from 'zod';
import { keyIn } from '../broker/partitions.ts';
import { problemsOf, reportProblems, sound } from '../definition.ts';
import { DefinitionError } from '../errors.ts';
import type { CallTargets } from '../http/call-target.ts';
import { type IngressOptions, ingressOf } from '../ingress/ingress.ts';
import { durationMs, parseDuration } from '../policies/duration.ts';
import { ownMessageOf, type PipelineSource, type Source } from '../sources/source.ts';
import type { DedupeRule, LastWord, Pipeline } from './pipeline.ts';
import type {
  DedupeOptions,
  EmitsValues,
  MessageOf,
  Order,
  PipelineOptions,
  SourceAndInput,
} from './pipeline-options.ts';
import {
  bodyProblems,
  boundProblems,
  formProblems,
  ingressProblems,
  keyProblems,
  needProblems,
  publishProblems,
  subjectOf,
  timeProblems,
} from './pipeline-problems.ts';
import { DEFAULTS, pipelineSchema } from './pipeline-schema.ts';

/** One message after the other: with the default timeout, five wait no longer than they may stay unsettled by default. */
const ARRIVAL_PREFETCH = 5;

/**
 * Checks a pipeline and fills in its defaults.
 * @throws DefinitionError naming the pipeline, each wrong option and what is allowed.
 */
export function definePipeline<
  const From extends Source,
  Schema extends z.ZodType = MessageOf<From>,
  const Definitions extends CallTargets = Record<never, never>,
  Output = unknown,
>(
  options: PipelineOptions<Schema, Definitions, Output> & SourceAndInput<From, Schema> & EmitsValues<Output>,
): Pipeline {
  if (typeof options !== 'object' || options === null) {
    throw new DefinitionError([{ subject: 'pipeline', path: '', message: `expected options, got ${String(options)}` }]);
  }
  const input = (options.input ?? ownMessageOf(options.source)) as z.ZodType;
  const problems = problemsOf(subjectOf(options), pipelineSchema, { ...options, input });
  const right = { ...sound(options, problems), name: String(options.name) };
  const { name, apis = {}, publishes = [], replyTo = DEFAULTS.replyTo, handle, output } = right;
  const {
    concurrency = DEFAULTS.concurrency,
    timeout = DEFAULTS.timeout,
    maxMessageBytes = DEFAULTS.maxMessageBytes,
  } = right;
  const source = sourceFor(right);
  const order = source?.oneAtATime === true ? 'arrival' : (right.order ?? ownOrderOf(source));
  // Of an option that is wrong nobody knows what it was to be: its default is not what the others are held against.
  const stands = (option: keyof typeof options): boolean => right[option] === options[option];
  reportProblems([
    ...problems,
    ...(stands('concurrency') && stands('order') ? boundProblems(right, source) : []),
    ...(stands('timeout') ? timeProblems(right, source) : []),
    ...(stands('apis') ? needProblems(right) : []),
    ...keyProblems(right, source, input),
    ...publishProblems(right),
    ...formProblems(right),
    ...ingressProblems(right, source),
    ...(stands('maxMessageBytes') ? bodyProblems(right) : []),
  ]);
  return {
    kind: 'pipeline',
    name,
    source: source as PipelineSource,
    input,
    apis,
    needs: right.needs ?? Object.keys(apis),
    concurrency,
    prefetch: source?.prefetch ?? defaultPrefetch(source, order, concurrency),
    order: order as Pipeline['order'],
    timeoutMs: parseDuration(timeout) === undefined ? 0 : durationMs(timeout),
    tenant: right.tenant as Pipeline['tenant'],
    dedupe: dedupeRule(right.dedupe ?? source?.dedupe),
    maxMessageBytes,
    reads: right.reads,
    writes: right.writes as Pipeline['writes'],
    publishes: publishes.map((one) => (typeof one === 'string' ? one : one.exchange)),
    exchangeTypes: new Map(publishes.flatMap((one) => (typeof one === 'string' ? [] : [[one.exchange, one.type]]))),
    replyTo,
    ingress:
      right.ingress === undefined ? undefined : ingressOf(right.ingress as IngressOptions<never>, maxMessageBytes),
    handle: handle as Pipeline['handle'],
    lastWord: lastWordOf(handle),
    output: output as Pipeline['output'],
  };
}

function dedupeRule(options: DedupeOptions<never> | undefined): DedupeRule | undefined {
  if (options === undefined) return undefined;
  const { key, ttl, repeatResults = false, otherBody = 'dead-letter' } = options;
  return { key: key as DedupeRule['key'], ttlMs: parseDuration(ttl) ?? 0, repeatsResults: repeatResults, otherBody };
}

/** Where messages lie in partitions by their key, they are handled in order by it. */
function ownOrderOf(source: PipelineSource | undefined): Order<never> {
  const by = source?.partitions?.by;
  return by === undefined ? 'none' : { by: (message: unknown) => keyIn(message, by) };
}

/** Two partitions fill the slots of their worker: with more workers than that each has work for all of its slots. */
function defaultPrefetch(source: PipelineSource | undefined, order: unknown, concurrency: number): number {
  if (source?.partitions !== undefined)
    return source.partitions.count * (order === 'arrival' ? 1 : Math.ceil(concurrency / 2));
  return order === 'arrival' ? ARRIVAL_PREFETCH : Math.min(2 * concurrency, 65_535);
}

/** The source as the engine runs it; undefined where what is given is none, which the schema reports. */
function sourceFor({
  source,
  name,
}: {
  readonly source?: Source | undefined;
  readonly name: string;
}): PipelineSource | undefined {
  return source?.kind === 'fed' ? source.resolve(name) : source;
}

/** Handles are functions; those that have more to say carry it as a property. */
function lastWordOf(handle: unknown): LastWord | undefined {
  if (typeof handle !== 'function' || !('lastWord' in handle)) return undefined;
  const { lastWord } = handle;
  return typeof lastWord === 'function' ? (lastWord as LastWord) : undefined;
}
