/**
 * Marble tests: streams and whole pipelines in virtual time, written and checked as diagrams. Rests on the TestScheduler of RxJS in run mode.
 *
 * Three facts to know. `asyncScheduler.now()` is virtual inside a test, `Date.now()` is not. A promise settles only after the test is
 * over, so hand operators cold Observables. What is expected is checked when virtual time has run out, at the end of the test.
 */
import { TestScheduler } from 'rxjs/testing';
import { isPromise } from './is-promise.ts';
import { Checks } from './marble-checks.ts';
import { inVirtualTime, type VirtualPipelineKit } from './pipelines/in-virtual-time.ts';
import { type PipelineTestOptions, type Rehearsed, readOptions, readPipelines } from './pipelines/test-options.ts';
import { type MarbleKit, StreamKit } from './stream-kit.ts';
import { type Then, withThen } from './with-then.ts';

export type { MarbleKit, ObservableExpectation, SubscriptionExpectation } from './stream-kit.ts';

/**
 * A test body for mocha, vitest or node:test. Of streams: `it('…', marbles(({ cold, expectObservable }) => { … }))`.
 * Of pipelines: `it('…', marbles(orders, ({ deliver, api, expectSettled }) => { … }))`.
 *
 * Pipelines run as in production: the real worker, engine, policies, sagas, retry ladder and settlement, over the embedded broker and APIs that
 * answer as the test says. Limits, breakers and journal are new for each test. What is not asked for is not compared; but at the end no call may
 * be unanswered, no message in flight, no timer left, and the books must balance.
 *
 * @throws AssertionError at its end when something is not as expected: the message holds both diagrams, the stack begins at the expectation.
 * @throws MarbleSyntaxError for a diagram that cannot be read, with the place. EndlessTimeError where virtual time has no end.
 *   PromiseInVirtualTimeError where a pipeline waits for a promise.
 */
export function marbles(test: (kit: MarbleKit) => void): () => void;
export function marbles<Names extends string>(
  pipelines: Rehearsed<Names>,
  test: (kit: VirtualPipelineKit<Names>) => void,
): () => void;
export function marbles<Names extends string>(
  pipelines: Rehearsed<Names>,
  options: PipelineTestOptions,
  test: (kit: VirtualPipelineKit<Names>) => void,
): () => void;
export function marbles(
  first: ((kit: MarbleKit) => void) | Rehearsed<string>,
  second?: PipelineTestOptions | ((kit: VirtualPipelineKit) => void),
  third?: (kit: VirtualPipelineKit) => void,
): () => void {
  if (typeof first === 'function') return streamTest(first);
  const [options, test] = typeof second === 'function' ? [{}, second] : [second ?? {}, third];
  if (typeof test !== 'function') throw new TypeError('marbles: expected a test, (m) => { … }, as the last argument');
  return function marbleTest() {
    inVirtualTime(readPipelines(first), readOptions(options), test);
  };
}

function streamTest(test: (kit: MarbleKit) => void): () => void {
  return function marbleTest() {
    const scheduler = new TestScheduler(() => {});
    let hasPromise = false;
    const noting = (then: Then): Then =>
      function notedThen(...handlers) {
        hasPromise = true;
        return Reflect.apply(then, this, handlers);
      };
    withThen(noting, () =>
      scheduler.run((helpers) => {
        const checks = new Checks();
        const kit = new StreamKit(scheduler, helpers, checks, () => (hasPromise ? [ABOUT_PROMISES] : []));
        try {
          const returned: unknown = test(kit);
          if (isPromise(returned))
            throw new TypeError('a marble test must not be async: virtual time does not wait for promises');
          kit.flush();
        } finally {
          checks.close();
        }
      }),
    );
  };
}

const ABOUT_PROMISES =
  "hint: something waits for a promise, and virtual time does not: it settles once the test is over. In its place give an Observable, of(x) or cold('-x|')";
