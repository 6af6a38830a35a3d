/** A test of pipelines from beginning to end in virtual time: one synchronous stretch. */
import type { RunHelpers } from 'rxjs/testing';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import { isPromise } from '../is-promise.ts';
import { type MarbleKit, StreamKit } from '../stream-kit.ts';
import { BoundedScheduler } from './bounded-scheduler.ts';
import type { PipelineKit } from './pipeline-kit.ts';
import { PipelineTest } from './pipeline-test.ts';
import { PromiseWatch } from './promise-watch.ts';
import type { ReadOptions } from './test-options.ts';

/** What `marbles(pipeline, …)` hands to a test: the kit of pipelines, and that of streams for what stands beside them. */
export interface VirtualPipelineKit<Names extends string = string>
  extends PipelineKit<Names>,
    Pick<MarbleKit, 'cold' | 'hot' | 'time' | 'scheduler' | 'expectObservable' | 'flush'> {}

/** @throws AssertionError, MarbleSyntaxError, EndlessTimeError, PromiseInVirtualTimeError, and whatever the test throws. */
export function inVirtualTime<Names extends string>(
  pipelines: readonly Pipeline[],
  { random, withinMs }: ReadOptions,
  body: (kit: VirtualPipelineKit<Names>) => unknown,
): void {
  const scheduler = new BoundedScheduler(withinMs);
  const watch = new PromiseWatch((error) => scheduler.stopWith(error));

  const play = (helpers: RunHelpers): void => {
    const test = new PipelineTest<Names>({
      pipelines: pipelines.map((pipeline) => watch.watchHandle(pipeline)),
      watchJournal: (journal) => watch.watchJournal(journal),
      random,
      promises: 'never settle',
    });
    const streams = new StreamKit(scheduler, helpers, test.checks);
    const rest = (): void => {
      test.comeToRest();
      scheduler.runToEnd();
      test.rest(scheduler.frame, streams.lastFrame);
    };
    const flush = (): void => {
      rest();
      test.verify();
    };
    const { cold, hot, time, expectObservable } = streams;
    try {
      const returned = body({ ...test.kit, cold, hot, time, expectObservable, scheduler, flush });
      if (isPromise(returned))
        throw new TypeError(
          'virtual time does not wait for promises: an async test is for advancing(pipeline, async (m) => …)',
        );
      rest();
      test.stop();
      scheduler.runToEnd();
      test.end();
      test.verify();
    } finally {
      test.checks.close();
    }
  };
  watch.during(() => scheduler.run(play));
}
