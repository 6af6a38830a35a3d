/** What pipelines that are each right by themselves cannot be together: in one worker, and on one broker. Pure. */
import { sourceTopology } from '../broker/source-topology.ts';
import type { TopologyMode } from '../broker/topology.ts';
import type { Problem } from '../errors.ts';
import type { CallTarget } from '../http/call-target.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';

/** Pipelines, and where each was found, to be named beside it. */
export type FoundPipelines = ReadonlyMap<Pipeline, { readonly module: string }>;

/** What they cannot be together whatever the settings of their worker; `exchangeClashes` is the rest. */
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
    if (sameQueue !== undefined)
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
 * An exchange has one type: whoever binds to it by another would wait for messages by rules it does not keep.
 * `topology`: of the worker that is to run them, for sources that say nothing of it.
 */
export function exchangeClashes(found: FoundPipelines, topology: TopologyMode): readonly Problem[] {
  const types = new Map<string, Map<string, string>>();
  for (const [pipeline, { module }] of found) {
    // Who only looks for an exchange says nothing of its type.
    if (pipeline.source === undefined || (pipeline.source.topology ?? topology) === 'check') continue;
    for (const { name, type } of sourceTopology(pipeline.source).exchanges) {
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

const placeOf = ({ name }: Pipeline, module: string): string => `pipeline "${name}" in ${module}`;
