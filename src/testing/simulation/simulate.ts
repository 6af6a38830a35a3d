/**
 * Deterministic simulation: the real engine through hours of messages and faults, in virtual time, on one thread and without a socket.
 * A seed gives a plan, a plan gives a world; when a law breaks in it, the plan is shrunk and told.
 */
import type { Pipeline } from '../../pipeline/pipeline.ts';
import { readPipelines } from '../pipelines/test-options.ts';
import type { SimulationOptions } from './options.ts';
import type { Plan } from './plan.ts';
import { planArbitrary } from './plan-arbitrary.ts';
import { setupOf } from './setup.ts';
import { SimulationError } from './simulation-error.ts';
import type { Totals } from './tally.ts';
import { timelineOf } from './timeline.ts';
import { runWorld, type Violation, type WorldReport } from './world.ts';
import type { WorldEvent } from './world-event.ts';

export interface SimulationReport {
  readonly seed: number;
  readonly totals: Totals;
  /** Answers that no request was for, `shop POST /orders`: of an operation that is misspelt, or that this world had no need of. */
  readonly unusedAnswers: readonly string[];
}

const DEFAULT_SHRINK_MS = 60_000;

/** A law that was broken, on its way through fast-check. */
class BrokenLaw extends Error {
  readonly violation: Violation;

  constructor(violation: Violation) {
    super(violation.text);
    this.violation = violation;
  }
}

/**
 * Runs pipelines through one seed's world: messages and faults in a safety phase, then nothing but work until all has drained and stopped.
 * The engine, its policies, the sagas and the settlement are those of production; broker, APIs and journal are models in memory. Handles and
 * steps of sagas must not wait for promises, which virtual time does not do.
 *
 * Takes a fraction of a second of CPU for a virtual hour; holds one world in memory. Runs synchronously once it has begun: one at a time.
 *
 * @throws SimulationError when a law is broken: its message holds seed, path, the shrunk plan and a timeline.
 * @throws PromiseInVirtualTimeError where a handle or a step waits for a promise.
 * @throws TypeError, RangeError for wrong options; Error when fast-check is not installed.
 */
export async function simulate(pipelines: readonly Pipeline[], options: SimulationOptions): Promise<SimulationReport> {
  const { seed = 1, path, shrinkMs = DEFAULT_SHRINK_MS } = options;
  const setup = setupOf(readPipelines(pipelines), options);
  const check = await loadFastCheck();
  let first: WorldReport | undefined;
  const property = check.property(planArbitrary(check, setup), (plan) => {
    const report = runWorld(setup, plan);
    first ??= report;
    if (report.violation !== undefined) throw new BrokenLaw(report.violation);
  });
  const { failed, counterexample, counterexamplePath, numShrinks, errorInstance } = check.check(property, {
    seed,
    numRuns: 1,
    unbiased: true,
    interruptAfterTimeLimit: shrinkMs,
    ...(path === undefined ? {} : { path, endOnFailure: true }),
  });
  const broken = errorInstance instanceof BrokenLaw ? errorInstance : undefined;
  if (failed && broken === undefined) throw errorInstance;
  if (first?.refusal !== undefined) throw first.refusal;
  if (first === undefined) throw new Error(`seed ${seed}: path ${JSON.stringify(path)} leads nowhere`);
  if (broken === undefined) return { seed, totals: first.totals, unusedAnswers: first.unusedAnswers };
  const [plan] = counterexample ?? [];
  if (plan === undefined) throw broken;
  const failure = { seed, path: counterexamplePath ?? path ?? '0', plan, shrinks: numShrinks };
  const { violation } = broken;
  throw new SimulationError({ ...failure, violation, timeline: retold(setup, plan, violation) }, setup);
}

/** Runs the plan again and notes what happens: a world that keeps the laws need not remember. */
function retold(setup: ReturnType<typeof setupOf>, plan: Plan, { messageId }: Violation): string {
  const events: WorldEvent[] = [];
  runWorld(setup, plan, (event) => events.push(event));
  return timelineOf(events, messageId);
}

async function loadFastCheck(): Promise<typeof import('fast-check').default> {
  try {
    return (await import('fast-check')).default;
  } catch (cause) {
    throw new Error('simulate() needs the package fast-check: npm install --save-dev fast-check', { cause });
  }
}
