/**
 * Tests of pipelines whose handles wait for promises: the same kit as `marbles`, by a clock that the test moves. Promises are real, time is not.
 */

import { requireDurationMs } from '../operators/require-duration.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import type { Duration } from '../policies/duration.ts';
import { EndlessTimeError } from './pipelines/bounded-scheduler.ts';
import { FakeClock } from './pipelines/fake-clock.ts';
import type { PipelineKit } from './pipelines/pipeline-kit.ts';
import { PipelineTest } from './pipelines/pipeline-test.ts';
import {
  type PipelineTestOptions,
  type ReadOptions,
  type Rehearsed,
  readOptions,
  readPipelines,
} from './pipelines/test-options.ts';

/** What `advancing(pipeline, …)` hands to a test. */
export interface AdvancingKit<Names extends string = string> extends PipelineKit<Names> {
  /** Moves time on: what is due happens, in order, and promises settle in between. */
  advance(duration: Duration): Promise<void>;
}

/**
 * A test body for mocha, vitest or node:test: `it('…', advancing(orders, async ({ deliver, advance }) => { …; await advance('1s'); … }))`.
 *
 * `setTimeout`, `setInterval`, `Date` and `setTimeout` of `node:timers/promises` go by the test's clock, which begins at 0, in the whole process: such tests
 * run one after the other. When the test is over, time goes on until nothing is due; then what is expected is checked, as by `marbles`.
 * A promise that rests on the real world, on a file or a socket, may come too late: time does not wait for it.
 *
 * @throws as `marbles` does, by rejecting.
 */
export function advancing<Names extends string>(
  pipelines: Rehearsed<Names>,
  test: (kit: AdvancingKit<Names>) => Promise<void>,
): () => Promise<void>;
export function advancing<Names extends string>(
  pipelines: Rehearsed<Names>,
  options: PipelineTestOptions,
  test: (kit: AdvancingKit<Names>) => Promise<void>,
): () => Promise<void>;
export function advancing(
  first: Rehearsed<string>,
  second: PipelineTestOptions | ((kit: AdvancingKit) => Promise<void>),
  third?: (kit: AdvancingKit) => Promise<void>,
): () => Promise<void> {
  const [options, test] = typeof second === 'function' ? [{}, second] : [second, third];
  if (typeof test !== 'function')
    throw new TypeError('advancing: expected a test, async (m) => { … }, as the last argument');
  return async function advancingTest() {
    const clock = new FakeClock();
    const handBack = clock.install();
    try {
      await byClock(clock, readPipelines(first), readOptions(options), test);
    } finally {
      handBack();
    }
  };
}

async function byClock(
  clock: FakeClock,
  pipelines: readonly Pipeline[],
  { random, withinMs }: ReadOptions,
  body: (kit: AdvancingKit) => Promise<void>,
): Promise<void> {
  const test = new PipelineTest<string>({ pipelines, random, promises: 'settle' });
  const runToEnd = async (): Promise<void> => {
    const until = clock.now + withinMs;
    await clock.runUntil(clock.now);
    for (let { next } = clock; next !== undefined; { next } = clock) {
      if (next.at > until)
        throw new EndlessTimeError(
          `time went past ${until} ms, and something is still due at ${next.at} ms, by a timer set ${next.setAt}; the option within moves the bound`,
        );
      await clock.runUntil(next.at);
    }
  };
  let advancedTo = 0;
  const advance = async (duration: Duration): Promise<void> => {
    advancedTo = clock.now + requireDurationMs('advance', duration);
    await clock.runUntil(advancedTo);
  };
  try {
    await body({ ...test.kit, advance });
    test.comeToRest();
    await runToEnd();
    test.rest(clock.now, advancedTo);
    test.stop();
    await runToEnd();
    test.end();
    test.verify();
  } finally {
    test.checks.close();
  }
}
