/**
 * The kit of marble tests for streams: cold and hot diagrams in, what they become and how they are subscribed to out. Rests on the
 * TestScheduler of RxJS in run mode.
 */
import { type Observable, type ObservableNotification, Subscription } from 'rxjs';
import type { RunHelpers, TestScheduler } from 'rxjs/testing';
import type { Checks } from './marble-checks.ts';
import {
  type MarbleMessage,
  type MarbleSubscription,
  notificationDifference,
  subscriptionDifference,
} from './marble-expectation.ts';
import { endingInSpace, parseDiagram, parseSubscription } from './marble-parser.ts';

/** Of no values but its characters, a diagram is of texts whoever takes it: with one signature, what stands around it would say of what. */
type Cold = ((marbles: string) => ReturnType<typeof TestScheduler.prototype.createColdObservable<string>>) &
  RunHelpers['cold'];
type Hot = ((marbles: string) => ReturnType<typeof TestScheduler.prototype.createHotObservable<string>>) &
  RunHelpers['hot'];

export interface MarbleKit {
  /** A stream that begins anew for each subscriber. */
  readonly cold: Cold;
  /** A stream that runs whether or not anyone listens; `^` is the beginning of the test. */
  readonly hot: Hot;
  /** Milliseconds up to the `|` of a diagram. */
  readonly time: RunHelpers['time'];
  readonly scheduler: TestScheduler;
  /** Subscribes at `^` and unsubscribes at `!` of `subscription`; default: at the beginning, never. */
  expectObservable(observable: Observable<unknown>, subscription?: string): ObservableExpectation;
  /**
   * Subscribes at `^` and unsubscribes at `!` of `subscription`, and expects nothing of what comes: for laws that are checked otherwise.
   * Default: at the beginning, never.
   */
  subscribe(observable: Observable<unknown>, subscription?: string): void;
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

/** `askedBy`: the function the test called. */
export function expectSubscriptions(
  checks: Checks,
  askedBy: (...args: never[]) => unknown,
  actual: readonly MarbleSubscription[],
): SubscriptionExpectation {
  const finish = checks.begin(askedBy, 'expectSubscriptions(…) expects nothing yet: add .toBe(diagrams)');
  const toBe: SubscriptionExpectation['toBe'] = (diagrams) => {
    const list = typeof diagrams === 'string' ? [diagrams] : diagrams;
    const expected = list.map((diagram) => parseSubscription('expectSubscriptions', diagram));
    finish();
    checks.add(toBe, () => subscriptionDifference(actual, expected));
  };
  return { toBe };
}

interface Recording {
  readonly messages: MarbleMessage[];
  /** When the stream ended or was unsubscribed from; Infinity while it goes on. */
  endFrame: number;
}

export class StreamKit implements MarbleKit {
  readonly cold: Cold;
  readonly hot: Hot;
  readonly time: RunHelpers['time'];
  readonly scheduler: TestScheduler;
  readonly subscribe: MarbleKit['subscribe'];
  readonly expectObservable: MarbleKit['expectObservable'];
  readonly expectSubscriptions: MarbleKit['expectSubscriptions'];
  readonly expectNoTimersLeft: MarbleKit['expectNoTimersLeft'];
  readonly flush: () => void;
  readonly #checks: Checks;
  readonly #recordings: Recording[] = [];
  /** The last frame at which the test itself does something: a value of a hot stream, an unsubscription. */
  #lastPlannedFrame = 0;

  /** Fields with arrow functions, so that a test can take the kit apart. @param hints What a failure may be due to. */
  constructor(
    scheduler: TestScheduler,
    helpers: RunHelpers,
    checks: Checks,
    hints: () => readonly string[] = () => [],
  ) {
    this.#checks = checks;
    this.scheduler = scheduler;
    const cold: RunHelpers['cold'] = (diagram, values, error) => {
      parseDiagram('cold', diagram, values, error);
      return helpers.cold(endingInSpace(diagram), values, error);
    };
    this.cold = cold;
    this.time = helpers.time;

    const hot: RunHelpers['hot'] = (diagram, values, error) => {
      const frames = parseDiagram('hot', diagram, values, error, { marks: '|#^' }).map(({ frame }) => frame);
      this.#lastPlannedFrame = Math.max(this.#lastPlannedFrame, ...frames);
      return helpers.hot(endingInSpace(diagram), values, error);
    };
    this.hot = hot;

    this.subscribe = (observable, subscription) => {
      this.#record('subscribe', observable, subscription);
    };

    this.expectObservable = (observable, subscription) => {
      const { messages } = this.#record('expectObservable', observable, subscription);
      const finish = this.#checks.begin(
        this.expectObservable,
        'expectObservable(…) expects nothing yet: add .toBe(diagram) or .toEqual(stream)',
      );
      const toBe: ObservableExpectation['toBe'] = (diagram, values, error) => {
        const expected = parseDiagram('expectObservable', diagram, values, error);
        finish();
        this.#checks.add(toBe, () => notificationDifference(messages, expected, values));
      };
      const toEqual: ObservableExpectation['toEqual'] = (other) => {
        const expected = this.#record('toEqual', other, subscription);
        finish();
        this.#checks.add(toEqual, () => notificationDifference(messages, expected.messages, undefined));
      };
      return { toBe, toEqual };
    };

    this.expectSubscriptions = (actual) => expectSubscriptions(this.#checks, this.expectSubscriptions, actual);

    this.expectNoTimersLeft = () => this.#checks.add(this.expectNoTimersLeft, () => this.#timersLeft());

    this.flush = () => {
      helpers.flush();
      this.#checks.verify([], hints());
    };
  }

  #record(askedBy: string, observable: Observable<unknown>, subscriptionDiagram: string | undefined): Recording {
    const recording: Recording = { messages: [], endFrame: Number.POSITIVE_INFINITY };
    this.#recordings.push(recording);
    const record = (notification: ObservableNotification<unknown>): void => {
      if (notification.kind !== 'N') recording.endFrame = this.scheduler.frame;
      recording.messages.push({ frame: this.scheduler.frame, notification });
    };

    const lifetime = parseSubscription(askedBy, subscriptionDiagram ?? '^');
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

  /** When the last of the observed streams ended, or the test itself did something; Infinity while one goes on. */
  get lastFrame(): number {
    return Math.max(this.#lastPlannedFrame, ...this.#recordings.map(({ endFrame }) => endFrame));
  }

  /** Virtual time stops at the last thing that was due. */
  #timersLeft(): string | undefined {
    const { frame } = this.scheduler;
    if (frame <= this.lastFrame) return undefined;
    const lastEnd = Math.max(0, ...this.#recordings.map(({ endFrame }) => endFrame));
    return `a timer was left: the last stream ended at ${lastEnd} ms, but something was still due at ${frame} ms`;
  }
}
