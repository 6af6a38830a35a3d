/**
 * Marble tests: a stream in virtual time, written and checked as a diagram. Rests on the TestScheduler of RxJS in run mode.
 *
 * Three facts to know. `asyncScheduler.now()` is virtual inside a test, `Date.now()` is not. A promise settles only after the test is
 * over, so hand operators cold Observables. What is expected is checked when virtual time has run out, at the end of the test.
 */
import { AssertionError } from 'node:assert';
import { type Observable, type ObservableNotification, Subscription } from 'rxjs';
import { type RunHelpers, TestScheduler } from 'rxjs/testing';
import {
  type MarbleMessage,
  type MarbleSubscription,
  notificationDifference,
  subscriptionDifference,
} from './marble-expectation.ts';

export interface MarbleKit {
  /** A stream that begins anew for each subscriber. */
  readonly cold: RunHelpers['cold'];
  /** A stream that runs whether or not anyone listens; `^` is the beginning of the test. */
  readonly hot: RunHelpers['hot'];
  /** Milliseconds up to the `|` of a diagram. */
  readonly time: RunHelpers['time'];
  readonly scheduler: TestScheduler;
  /** Subscribes at `^` and unsubscribes at `!` of `subscription`; default: at the beginning, never. */
  expectObservable(observable: Observable<unknown>, subscription?: string): ObservableExpectation;
  /** Of a cold or hot stream: its `subscriptions`. */
  expectSubscriptions(actual: readonly MarbleSubscription[]): SubscriptionExpectation;
  /** Nothing is still due once the last of the observed streams has ended: a timer left behind would fire later. */
  expectNoTimersLeft(): void;
  /** Runs virtual time to its end and checks what is expected so far. The test does it by itself when it is over. */
  flush(): void;
}

export interface ObservableExpectation {
  /**
   * `values` says what the characters of the diagram stand for (default: themselves), `error` what `#` does (default: `'error'`).
   * Values are compared deeply; errors by name, code, message, own fields and cause.
   */
  toBe(diagram: string, values?: unknown, error?: unknown): void;
  /** Emits, fails and ends as another stream does. */
  toEqual(other: Observable<unknown>): void;
}

export interface SubscriptionExpectation {
  /** One diagram of `^` and `!` for each subscription, in the order they were made; `[]` for none. */
  toBe(diagrams: string | readonly string[]): void;
}

/**
 * A test body for mocha: `it('…', marbles(({ cold, expectObservable }) => { … }))`.
 * @throws AssertionError at its end when something is not as expected: the message holds both diagrams, the stack begins at the expectation.
 */
export function marbles(test: (kit: MarbleKit) => void): () => void {
  return function marbleTest() {
    const scheduler = new TestScheduler(() => {});
    scheduler.run((helpers) => {
      const kit = new Kit(scheduler, helpers);
      const returned: unknown = test(kit);
      if (returned instanceof Promise)
        throw new TypeError('a marble test must not be async: virtual time does not wait for promises');
      kit.flush();
    });
  };
}

/** Something that must hold when virtual time has run out. */
interface Check {
  /** Text of the difference, undefined when there is none. */
  readonly difference: () => string | undefined;
  /** Where in the test it was asked for. */
  readonly site: { stack?: string };
}

interface Recording {
  readonly messages: MarbleMessage[];
  /** When the stream ended or was unsubscribed from; Infinity while it goes on. */
  endFrame: number;
}

class Kit implements MarbleKit {
  readonly cold: RunHelpers['cold'];
  readonly hot: RunHelpers['hot'];
  readonly time: RunHelpers['time'];
  readonly scheduler: TestScheduler;
  readonly expectObservable: MarbleKit['expectObservable'];
  readonly expectSubscriptions: MarbleKit['expectSubscriptions'];
  readonly expectNoTimersLeft: MarbleKit['expectNoTimersLeft'];
  readonly flush: () => void;
  #checks: Check[] = [];
  readonly #recordings: Recording[] = [];
  /** The last frame at which the test itself does something: a value of a hot stream, an unsubscription. */
  #lastPlannedFrame = 0;

  // Fields with arrow functions, so that a test can take the kit apart.
  constructor(scheduler: TestScheduler, helpers: RunHelpers) {
    this.scheduler = scheduler;
    this.cold = helpers.cold;
    this.time = helpers.time;

    this.hot = (diagram, values, error) => {
      const frames = TestScheduler.parseMarbles(diagram, values, error, false, true).map(({ frame }) => frame);
      this.#lastPlannedFrame = Math.max(this.#lastPlannedFrame, ...frames);
      return helpers.hot(diagram, values, error);
    };

    this.expectObservable = (observable, subscription) => {
      const { messages } = this.#record(observable, subscription);
      const toBe: ObservableExpectation['toBe'] = (diagram, values, error) => {
        const expected = TestScheduler.parseMarbles(diagram, values, error, false, true);
        this.#check(toBe, () => notificationDifference(messages, expected, values));
      };
      const toEqual: ObservableExpectation['toEqual'] = (other) => {
        const expected = this.#record(other, subscription);
        this.#check(toEqual, () => notificationDifference(messages, expected.messages, undefined));
      };
      return { toBe, toEqual };
    };

    this.expectSubscriptions = (actual) => {
      const toBe: SubscriptionExpectation['toBe'] = (diagrams) => {
        const list = typeof diagrams === 'string' ? [diagrams] : diagrams;
        const expected = list.map((diagram) => TestScheduler.parseMarblesAsSubscriptions(diagram, true));
        this.#check(toBe, () => subscriptionDifference(actual, expected));
      };
      return { toBe };
    };

    this.expectNoTimersLeft = () => this.#check(this.expectNoTimersLeft, () => this.#timersLeft());

    this.flush = () => {
      helpers.flush();
      const checks = this.#checks;
      this.#checks = [];
      throwDifferences(checks);
    };
  }

  #check(askedBy: (...args: never[]) => unknown, difference: () => string | undefined): void {
    const site = {};
    Error.captureStackTrace(site, askedBy);
    this.#checks.push({ difference, site });
  }

  #record(observable: Observable<unknown>, subscriptionDiagram: string | undefined): Recording {
    const recording: Recording = { messages: [], endFrame: Number.POSITIVE_INFINITY };
    this.#recordings.push(recording);
    const record = (notification: ObservableNotification<unknown>): void => {
      if (notification.kind !== 'N') recording.endFrame = this.scheduler.frame;
      recording.messages.push({ frame: this.scheduler.frame, notification });
    };

    const lifetime = TestScheduler.parseMarblesAsSubscriptions(subscriptionDiagram ?? '^', true);
    const subscription = new Subscription();
    this.scheduler.schedule(() => {
      subscription.add(
        observable.subscribe({
          next: (value) => record({ kind: 'N', value }),
          error: (error: unknown) => record({ kind: 'E', error }),
          complete: () => record({ kind: 'C' }),
        }),
      );
    }, lifetime.subscribedFrame);
    if (lifetime.unsubscribedFrame !== Number.POSITIVE_INFINITY) {
      this.#lastPlannedFrame = Math.max(this.#lastPlannedFrame, lifetime.unsubscribedFrame);
      this.scheduler.schedule(() => {
        recording.endFrame = Math.min(recording.endFrame, this.scheduler.frame);
        subscription.unsubscribe();
      }, lifetime.unsubscribedFrame);
    }
    return recording;
  }

  /** Virtual time stops at the last thing that was due. */
  #timersLeft(): string | undefined {
    const lastEnd = Math.max(0, ...this.#recordings.map(({ endFrame }) => endFrame));
    const { frame } = this.scheduler;
    if (frame <= Math.max(lastEnd, this.#lastPlannedFrame)) return undefined;
    return `a timer was left: the last stream ended at ${lastEnd} ms, but something was still due at ${frame} ms`;
  }
}

/** All differences in one error, whose stack begins where the first was asked for. */
function throwDifferences(checks: readonly Check[]): void {
  const failed = checks.flatMap(({ difference, site }) => {
    const text = difference();
    return text === undefined ? [] : [{ text, site }];
  });
  const [first] = failed;
  if (first === undefined) return;
  const error = new AssertionError({ message: failed.map(({ text }) => text).join('\n\n') });
  const [, ...frames] = (first.site.stack ?? '').split('\n');
  error.stack = [`${error.name}: ${error.message}`, ...frames].join('\n');
  throw error;
}
