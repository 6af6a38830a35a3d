/**
 * One run of virtual time: begins at 0, ends when nothing is due any more or when it is stopped. Rests on the TestScheduler of RxJS.
 * The clock that RxJS tells can be set; the time by which timers run and events are dated cannot.
 */
import { asyncScheduler, config, type SchedulerAction, type Subscription } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { Turn } from './turn.ts';

export interface VirtualTime {
  /** Milliseconds since the beginning. Not moved by `jump`. */
  readonly now: () => number;
  /** Calls back later in virtual time. Not among what `due` counts while it waits to be called. */
  readonly after: (ms: number, work: () => void) => void;
  /** Sets the clock that RxJS tells. Timers go on as they were. */
  readonly jump: (byMs: number) => void;
  /** Timers that are due some time and not the world's own. */
  readonly due: () => number;
  /** Ends the run: what is due is forgotten. */
  readonly stop: () => void;
}

const STOPPED = new Error('stopped');

/** What the clock tells at the beginning: a day in 2027, since no program runs before 1970. */
const BEGINNING_MS = 1_800_000_000_000;

/**
 * Runs `work`, then time until nothing is due.
 * @param onUnhandled Told of errors nobody caught: what RxJS would throw out of a timer.
 */
export function inVirtualTime(work: (time: VirtualTime) => void, onUnhandled: (error: unknown) => void): void {
  const scheduler = new ForwardScheduler(() => {});
  const clock = asyncScheduler.now;
  const { schedule } = asyncScheduler;
  const listener = config.onUnhandledError;
  let aheadMs = BEGINNING_MS;
  let own = 0;
  keepSorted(scheduler.actions);
  const time: VirtualTime = {
    now: () => scheduler.frame,
    after: (ms, later) => {
      own++;
      scheduler.schedule(() => {
        own--;
        later();
      }, ms);
    },
    jump: (byMs) => {
      aheadMs += byMs;
    },
    due: () => scheduler.actions.length - own,
    stop: () => {
      scheduler.schedule(() => {
        throw STOPPED;
      });
    },
  };
  asyncScheduler.now = () => scheduler.now() + aheadMs;
  asyncScheduler.schedule = scheduleInTurn(schedule.bind(asyncScheduler));
  config.onUnhandledError = onUnhandled;
  try {
    scheduler.run(({ flush }) => {
      work(time);
      flush();
    });
  } catch (error) {
    if (error !== STOPPED) throw error;
  } finally {
    asyncScheduler.now = clock;
    asyncScheduler.schedule = schedule;
    config.onUnhandledError = listener;
  }
}

type Schedule = typeof asyncScheduler.schedule;

/** What a process schedules is due when its time has come and it is awake. */
function scheduleInTurn(schedule: Schedule): Schedule {
  return (work, delay, state) => {
    const turn = Turn.current;
    if (turn === undefined) return schedule(work, delay, state);
    const inTurn: typeof work = function workInTurn(given) {
      turn.run(() => {
        if (!this.closed) work.call(this, given);
      });
    };
    return schedule(inTurn, delay, state);
  };
}

/** A timer of a past moment is due now, as every timer outside of virtual time: the scheduler of RxJS would go back to it. */
class ForwardScheduler extends TestScheduler {
  override schedule<T>(work: (this: SchedulerAction<T>, state?: T) => void, delay = 0, state?: T): Subscription {
    return super.schedule(work, Math.max(0, delay), state);
  }
}

type Queue = TestScheduler['actions'];

/**
 * The scheduler sorts its whole queue whenever something is added at the end. All but that one are in order, so putting it in its place
 * is enough.
 */
function keepSorted(queue: Queue): void {
  queue.sort = function insertLast(compare = () => 0) {
    const last = this.pop();
    if (last === undefined) return this;
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this[middle];
      if (other !== undefined && compare(other, last) <= 0) low = middle + 1;
      else high = middle;
    }
    this.splice(low, 0, last);
    return this;
  };
}
