/** What pipelines that are each right by themselves cannot be together: in one worker, and on one broker. Pure. */
import { sourceTopology } from '../broker/source-topology.ts';
import { isStream, type QueueSpec, type TopologyMode } from '../broker/topology.ts';
import type { Problem } from '../errors.ts';
import type { CallTarget } from '../http/call-target.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { saidOfPublished } from './needed-topology.ts';

/** Pipelines, and where each was found, to be named beside it. */
export type FoundPipelines = ReadonlyMap<Pipeline, { readonly module: string }>;

/** What they cannot be together whatever the settings of their worker; `declarationClashes` is the rest. */
export function clashes(found: FoundPipelines): readonly Problem[] {
  return [...pipelineClashes(found), ...apiClashes(found)];
}

/** Two pipelines must not share a name, which labels everything they do, nor a queue, whose messages they would take from each other. */
function pipelineClashes(found: FoundPipelines): readonly Problem[] {
  const problems: Problem[] = [];
  const byName = new Map<string, string>();
  const byQueue = new Map<string, string>();
  for (const [pipeline, { module }] of found) {
    const subject = `pipeline "${pipeline.name}"`;
    const sameName = byName.get(pipeline.name);
    if (sameName !== undefined)
      problems.push({
        subject,
        path: 'name',
        message: `is defined in ${sameName} and in ${module}; names must differ`,
      });
    byName.set(pipeline.name, module);
    const queueName = pipeline.source?.name;
    const sameQueue = byQueue.get(queueName);
    if (queueName !== undefined && sameQueue !== undefined)
      problems.push({
        subject,
        path: 'source',
        message: `queue "${queueName}" is consumed by pipeline "${sameQueue}" too; give each its queue, bound to the same exchange`,
      });
    byQueue.set(queueName, pipeline.name);
  }
  return problems;
}

/** Two APIs of one name would share a label and not their limits. */
function apiClashes(found: FoundPipelines): readonly Problem[] {
  const users = new Map<string, Map<CallTarget, string>>();
  for (const [pipeline, { module }] of found) {
    for (const [key, definition] of Object.entries(pipeline.apis)) {
      const ofName = users.get(definition.name) ?? new Map<CallTarget, string>();
      users.set(definition.name, ofName);
      if (!ofName.has(definition)) ofName.set(definition, `${key} of ${placeOf(pipeline, module)}`);
    }
  }
  return [...users]
    .filter(([, ofName]) => ofName.size > 1)
    .map(([name, ofName]) => ({
      subject: `api "${name}"`,
      path: 'name',
      message: `is defined more than once, as ${[...ofName.values()].join(' and as ')}; define it in one module and import it`,
    }));
}

/**
 * What the broker cannot have in two ways, though two sources want it so: whoever comes second would be refused at the start, or wait for messages by
 * rules that nobody keeps. `topology`: of the worker that is to run them, for sources that say nothing of it.
 */
export function declarationClashes(found: FoundPipelines, topology: TopologyMode): readonly Problem[] {
  const declaring = [...found].filter(
    // Who only looks for what is there says nothing of what it is like.
    ([{ source }]) => source !== undefined && (source.topology ?? topology) === 'assert',
  );
  return [...exchangeClashes(new Map(declaring)), ...queueClashes(new Map(declaring))];
}

/** An exchange has one type. */
function exchangeClashes(declaring: FoundPipelines): readonly Problem[] {
  const types = new Map<string, Map<string, string>>();
  for (const [pipeline, { module }] of declaring) {
    for (const { name, type } of [...sourceTopology(pipeline.source).exchanges, ...saidOfPublished(pipeline)]) {
      const ofName = types.get(name) ?? new Map<string, string>();
      types.set(name, ofName);
      if (!ofName.has(type)) ofName.set(type, placeOf(pipeline, module));
    }
  }
  return [...types]
    .filter(([, ofName]) => ofName.size > 1)
    .map(([name, ofName]) => ({
      subject: `exchange "${name}"`,
      path: 'type',
      message: `is ${[...ofName].map(([type, place]) => `${type} for ${place}`).join(' and ')}; an exchange has one type: give all the same`,
    }));
}

interface Wanted {
  readonly spec: QueueSpec;
  readonly place: string;
}

/** A queue is one thing. Of pipelines that consume from one, which are told of that, the first counts. */
function queueClashes(declaring: FoundPipelines): readonly Problem[] {
  const wanted = new Map<string, Wanted[]>();
  const consumed = new Set<string>();
  for (const [pipeline, { module }] of declaring) {
    if (consumed.has(pipeline.source.name)) continue;
    consumed.add(pipeline.source.name);
    for (const spec of sourceTopology(pipeline.source).queues)
      wanted.set(spec.name, [...(wanted.get(spec.name) ?? []), { spec, place: placeOf(pipeline, module) }]);
  }
  return [...wanted].flatMap(([name, [first, ...others]]) => {
    if (first === undefined) return [];
    const other = others.find(({ spec }) => differenceOf(first.spec, spec) !== undefined);
    const argument = other === undefined ? undefined : differenceOf(first.spec, other.spec);
    if (other === undefined || argument === undefined) return [];
    const asWanted = ({ spec, place }: Wanted) => `${spec.arguments[argument] ?? 'none'} for ${place}`;
    // Of pipelines that share no queue only what a stream keeps is for both to say; any other is of what is beside the queue of one.
    const advice =
      isStream(first.spec) && isStream(other.spec) ? 'say the same in both' : 'give one of them another name';
    const message = `is ${asWanted(first)} and ${asWanted(other)}; a queue is one thing: ${advice}`;
    return [{ subject: `queue "${name}"`, path: argument, message }];
  });
}

/** The first argument two declarations of a queue differ in; the type, where it is among them. */
const differenceOf = ({ arguments: one }: QueueSpec, { arguments: other }: QueueSpec): string | undefined =>
  ['x-queue-type', ...Object.keys(one), ...Object.keys(other)].find((argument) => one[argument] !== other[argument]);

const placeOf = ({ name }: Pipeline, module: string): string => `pipeline "${name}" in ${module}`;
