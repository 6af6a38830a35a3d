/** What pipelines that are each right by themselves cannot be together: in one worker, and on one broker. Pure. */
import { sourceTopology } from '../broker/source-topology.ts';
import type { TopologyMode } from '../broker/topology.ts';
import type { Problem } from '../errors.ts';
import type { CallTarget } from '../http/call-target.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';

/** `files`: where each pipeline was found, to be named beside it. `topology`: of the worker. */
export function clashes(files: ReadonlyMap<Pipeline, string>, topology: TopologyMode): readonly Problem[] {
  return [...pipelineClashes(files), ...apiClashes(files), ...exchangeClashes(files, topology)];
}

/** Two pipelines must not share a name, which labels everything they do, nor a queue, whose messages they would take from each other. */
function pipelineClashes(files: ReadonlyMap<Pipeline, string>): readonly Problem[] {
  const problems: Problem[] = [];
  const byName = new Map<string, string>();
  const byQueue = new Map<string, string>();
  for (const [pipeline, file] of files) {
    const subject = `pipeline "${pipeline.name}"`;
    const sameName = byName.get(pipeline.name);
    if (sameName !== undefined)
      problems.push({ subject, path: 'name', message: `is defined in ${sameName} and in ${file}; names must differ` });
    byName.set(pipeline.name, file);
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
function apiClashes(files: ReadonlyMap<Pipeline, string>): readonly Problem[] {
  const users = new Map<string, Map<CallTarget, string>>();
  for (const [pipeline, file] of files) {
    for (const [key, definition] of Object.entries(pipeline.apis)) {
      const ofName = users.get(definition.name) ?? new Map<CallTarget, string>();
      users.set(definition.name, ofName);
      if (!ofName.has(definition)) ofName.set(definition, `${key} of ${placeOf(pipeline, file)}`);
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

/** An exchange has one type: whoever binds to it by another would wait for messages by rules it does not keep. */
function exchangeClashes(files: ReadonlyMap<Pipeline, string>, topology: TopologyMode): readonly Problem[] {
  const types = new Map<string, Map<string, string>>();
  for (const [pipeline, file] of files) {
    // Who only looks for an exchange says nothing of its type.
    if (pipeline.source === undefined || (pipeline.source.topology ?? topology) === 'check') continue;
    for (const { name, type } of sourceTopology(pipeline.source).exchanges) {
      const ofName = types.get(name) ?? new Map<string, string>();
      types.set(name, ofName);
      if (!ofName.has(type)) ofName.set(type, placeOf(pipeline, file));
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

const placeOf = ({ name }: Pipeline, file: string): string => `pipeline "${name}" in ${file}`;
