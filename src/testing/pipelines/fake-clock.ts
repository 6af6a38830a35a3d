/**
 * A clock in place of the machine's, for code that waits by promises: timers and dates of the whole process go by it, promises settle for real
 * in between. One at a time. What is due at once is due in the same millisecond, as in virtual time.
 */
import { syncBuiltinESMExports } from 'node:module';
// eslint-disable-next-line no-restricted-imports -- replaced by the fake, not used
import timerPromises from 'node:timers/promises';
import { promisify } from 'node:util';
import { EndlessTimeError, wholeMs } from './bounded-scheduler.ts';

type Callback = (...args: unknown[]) => void;

const OWN_FRAME = /fake-clock\.[jt]s/;
const LIBRARY_FRAME = /node:|[\\/]node_modules[\\/]/;

/** What `setTimeout` gives back. */
class FakeTimer {
  readonly callback: () => void;
  /** Undefined for one that fires once. */
  readonly everyMs: number | undefined;
  readonly #clear: (timer: FakeTimer) => void;
  readonly #site: { readonly stack?: string } = {};
  at: number;

  constructor(at: number, everyMs: number | undefined, callback: () => void, clear: (timer: FakeTimer) => void) {
    this.at = at;
    this.everyMs = everyMs;
    this.callback = callback;
    this.#clear = clear;
    Error.captureStackTrace(this.#site, FakeTimer);
  }

  /** Where in the author's own code it was set, or else who in a library set it: `at …`. */
  get setAt(): string {
    const frames = (this.#site.stack ?? '')
      .split('\n')
      .slice(1)
      .filter((frame) => !OWN_FRAME.test(frame));
    return (frames.find((frame) => !LIBRARY_FRAME.test(frame)) ?? frames[0] ?? 'at an unknown place').trim();
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return true;
  }

  close(): void {
    this.#clear(this);
  }
}

/** More than that in one millisecond is a loop. */
const MAX_TIMERS_A_MOMENT = 100_000;

const replaced = ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'] as const;

let isInstalled = false;

export class FakeClock {
  #now = 0;
  /** In the order they were set. */
  readonly #timers = new Set<FakeTimer>();
  // eslint-disable-next-line no-restricted-globals -- real turns of the event loop are what promises settle in
  readonly #turn = promisify(setImmediate);

  get now(): number {
    return this.#now;
  }

  /** The timer that fires next, and where it was set; undefined when there is none. */
  get next(): { readonly at: number; readonly setAt: string } | undefined {
    return this.#earliest();
  }

  /** Takes the clocks of the process over. Gives back what hands them back. */
  install(): () => void {
    if (isInstalled)
      throw new Error(
        'another test has the clock: tests by advancing() run one after the other; one whose time ran out has it still, ' +
          'as where its body awaits a timer: only advance(…) moves time',
      );
    // Sinon and vitest mark what they put there: by a clock that stands still, no promise of this one would be waited for.
    // eslint-disable-next-line no-restricted-properties -- looked at, not used
    if ('clock' in globalThis.setTimeout)
      throw new Error(
        'the timers are faked already: restore those of sinon or vitest, a test by advancing() has a clock of its own',
      );
    isInstalled = true;
    const originals = replaced.map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const);
    const originalSleep = Object.getOwnPropertyDescriptor(timerPromises, 'setTimeout');
    const fakes = this.#fakes();
    for (const [name, original] of originals)
      Object.defineProperty(globalThis, name, { ...original, value: fakes[name] });
    Object.defineProperty(timerPromises, 'setTimeout', { ...originalSleep, value: this.#sleep });
    syncBuiltinESMExports();
    return () => {
      for (const [name, original] of originals)
        if (original !== undefined) Object.defineProperty(globalThis, name, original);
      if (originalSleep !== undefined) Object.defineProperty(timerPromises, 'setTimeout', originalSleep);
      syncBuiltinESMExports();
      isInstalled = false;
    };
  }

  /** Lets promises settle, then fires what is due up to a moment, one by one, promises settling in between. */
  async runUntil(until: number): Promise<void> {
    let moment = this.#now;
    let fired = 0;
    await this.#settle();
    for (let timer = this.#earliest(); timer !== undefined && timer.at <= until; timer = this.#earliest()) {
      fired = timer.at === moment ? fired + 1 : 0;
      if (fired > MAX_TIMERS_A_MOMENT)
        throw new EndlessTimeError(`time stands still at ${moment} ms: something schedules itself again and again`);
      moment = timer.at;
      this.#now = Math.max(this.#now, moment);
      this.#fire(timer);
      await this.#settle();
    }
    this.#now = Math.max(this.#now, until);
  }

  #earliest(): FakeTimer | undefined {
    let next: FakeTimer | undefined;
    for (const timer of this.#timers) if (next === undefined || timer.at < next.at) next = timer;
    return next;
  }

  #fire(timer: FakeTimer): void {
    this.#timers.delete(timer);
    if (timer.everyMs !== undefined) {
      // Again at the end of the line, unless its callback clears it.
      timer.at += Math.max(timer.everyMs, 1);
      this.#timers.add(timer);
    }
    timer.callback();
  }

  /** All promises that can settle by themselves, and those that wait for a turn of the event loop or two. */
  async #settle(): Promise<void> {
    await this.#turn();
    await this.#turn();
  }

  readonly #sleep = (delayMs = 0, value?: unknown): Promise<unknown> =>
    new Promise((resolve) => this.#set(() => resolve(value), delayMs, false));

  #set(callback: () => void, delayMs: unknown, isRepeated: boolean): FakeTimer {
    const ms = Number(delayMs ?? 0);
    const everyMs = Number.isFinite(ms) && ms > 0 ? wholeMs(ms) : 0;
    const clear = (timer: FakeTimer): boolean => this.#timers.delete(timer);
    const timer = new FakeTimer(this.#now + everyMs, isRepeated ? everyMs : undefined, callback, clear);
    this.#timers.add(timer);
    return timer;
  }

  #fakes(): Readonly<Record<(typeof replaced)[number], unknown>> {
    const realClear = clearTimeout;
    const clear = (timer: unknown): void => {
      if (timer instanceof FakeTimer) this.#timers.delete(timer);
      else realClear(timer as Parameters<typeof clearTimeout>[0]);
    };
    const setTimeout = (callback: Callback, delayMs?: unknown, ...args: unknown[]): FakeTimer =>
      this.#set(() => callback(...args), delayMs, false);
    return {
      setTimeout: Object.assign(setTimeout, { [promisify.custom]: this.#sleep }),
      clearTimeout: clear,
      setInterval: (callback: Callback, delayMs?: unknown, ...args: unknown[]) =>
        this.#set(() => callback(...args), delayMs, true),
      clearInterval: clear,
      Date: this.#dateClass(),
    };
  }

  #dateClass(): DateConstructor {
    const now = (): number => this.#now;
    return new Proxy(Date, {
      construct: (target, args, newTarget) =>
        Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget) as object,
      get: (target, key, receiver) => (key === 'now' ? now : (Reflect.get(target, key, receiver) as unknown)),
    });
  }
}
