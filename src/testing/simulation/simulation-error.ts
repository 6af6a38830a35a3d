/** A simulation in which a law was broken: everything needed to see it again, and to understand it. */
import { AssertionError } from 'node:assert';
import type { Setup } from './options.ts';
import type { Plan } from './plan.ts';
import { clock } from './timeline.ts';
import type { Violation } from './world.ts';

export interface SimulationFailure {
  readonly seed: number;
  /** Leads from the seed to the shrunk plan. */
  readonly path: string;
  /** The plan, as small as it was found. */
  readonly plan: Plan;
  readonly shrinks: number;
  readonly violation: Violation;
  readonly timeline: string;
}

export class SimulationError extends AssertionError implements SimulationFailure {
  readonly seed: number;
  readonly path: string;
  readonly plan: Plan;
  readonly shrinks: number;
  readonly violation: Violation;
  readonly timeline: string;

  constructor(failure: SimulationFailure, setup: Setup) {
    super({ message: describe(failure, setup) });
    this.name = 'SimulationError';
    // The stack, which runners print, was made under the name of an AssertionError.
    Error.captureStackTrace(this, SimulationError);
    this.seed = failure.seed;
    this.path = failure.path;
    this.plan = failure.plan;
    this.shrinks = failure.shrinks;
    this.violation = failure.violation;
    this.timeline = failure.timeline;
  }
}

function describe(failure: SimulationFailure, { pipelines, workers, safetyMs }: Setup): string {
  const { seed, path, plan, shrinks, violation, timeline } = failure;
  const { law, text, at, messageId } = violation;
  const bursts = plan.bursts.map(
    ({ at: begins, pipeline, count, everyMs, againAfterMs }) =>
      `  ${clock(begins)}  ${count} for ${pipelines[pipeline]?.name ?? ''}, every ${everyMs} ms${againAfterMs === undefined ? '' : `, each again after ${againAfterMs} ms`}`,
  );
  const faults = [...plan.faults]
    .sort((one, other) => one.at - other.at)
    .map(({ kind, at: strikes, ...details }) => `  ${clock(strikes)}  ${kind} ${JSON.stringify(details)}`);
  return [
    `broken law: ${law}`,
    `  ${text}`,
    '',
    `seed ${seed}, path ${JSON.stringify(path)}; at ${clock(at)} of virtual time; shrunk ${shrinks} times`,
    `workers ${workers}, safety phase ${clock(safetyMs)}, chance ${plan.chance}`,
    'messages:',
    ...bursts,
    `faults:${faults.length === 0 ? ' none' : ''}`,
    ...faults,
    '',
    `timeline${messageId === undefined ? '' : ` of ${messageId}`}:`,
    timeline,
  ].join('\n');
}
