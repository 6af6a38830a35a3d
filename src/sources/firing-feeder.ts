/**
 * Feeds a queue with the firings of a schedule: one message for each, however many workers there are. Whoever comes first holds the firing's entry in
 * the journal, publishes, and writes down that it did; the others find that.
 */
import {
  asyncScheduler,
  concat,
  concatMap,
  defer,
  filter,
  mergeMap,
  type Observable,
  of,
  repeat,
  retry,
  startWith,
  take,
  takeUntil,
  tap,
  throwError,
  timer,
} from 'rxjs';
import { JournalHeldError } from '../errors.ts';
import type { EntryKey, OpenJournal } from '../journal/journal.ts';
import { firingMessage } from './firing.ts';
import type { FiringTimes } from './firing-times.ts';
import type { Fed, Feeder, Feeding } from './source.ts';

export interface FiringFeederOptions {
  readonly title: string;
  readonly times: FiringTimes;
  /** Whether the last of the firings that were missed is made up for. */
  readonly catchUp: boolean;
}

const NOTHING: Fed = { messages: 0 };

/** The clock is looked at this often at least: it may have been set, or the machine have slept. */
const LOOK_EVERY_MS = 60_000;

/** Between two looks at an entry that another worker holds: at least so long, at most twice. */
const HELD_PAUSE_MS = 250;

/** How long a firing is remembered after its successor is due: workers' clocks differ, and one may have been stopped for long. */
const KEEP_MS = 24 * 60 * 60_000;

export const firingFeeder = ({ title, times, catchUp }: FiringFeederOptions): Feeder => ({
  title,
  // What waits when its successor is due is acked unhandled.
  keepsWithin: true,
  feed: (feeding) =>
    firstSeen(feeding, title, catchUp).pipe(
      mergeMap((since) => {
        const firings = dueTimes(times, since).pipe(
          takeUntil(feeding.drain),
          concatMap((at) => fire(feeding, times, at)),
        );
        // The journal can be asked: whoever waits to hear of that need not wait for the next firing.
        return firings.pipe(startWith(NOTHING));
      }),
    ),
});

/**
 * Since when this schedule is known: what was due before is nobody's loss. Kept for the schedule as it is written, so that a new pattern makes up
 * for nothing it would have fired in the past.
 */
function firstSeen(feeding: Feeding, title: string, catchUp: boolean): Observable<number> {
  const now = asyncScheduler.now();
  if (!catchUp) return of(now);
  return holding(feeding, `since ${title}`, (entry) => {
    const since = keptIn(entry);
    if (typeof since === 'number') return of(since);
    return concat(entry.append({ kind: 'kept', at: now, value: now }), of(now));
  });
}

/** Each moment at which the schedule fires, when it has come; of those that are over already the last alone. */
const dueTimes = (times: FiringTimes, since: number): Observable<number> =>
  defer(() => {
    let last = since;
    const look = defer(() => {
      const at = times.latest(asyncScheduler.now());
      return of(at);
    });
    const pause = (): Observable<unknown> => {
      const now = asyncScheduler.now();
      const next = times.next(now) ?? Number.POSITIVE_INFINITY;
      return timer(Math.min(next - now, LOOK_EVERY_MS));
    };
    return look.pipe(
      repeat({ delay: pause }),
      filter((at): at is number => at !== undefined && at > last),
      tap((at) => {
        last = at;
      }),
    );
  });

/** One firing, by this worker or by another; nobody's where its successor is due before it can be held. */
function fire(feeding: Feeding, times: FiringTimes, at: number): Observable<Fed> {
  const { pipeline, queue, publish } = feeding;
  const keepMs = (times.next(at) ?? at) - at + KEEP_MS;
  const isLate = (): boolean => times.latest(asyncScheduler.now()) !== at;
  return holding(
    feeding,
    new Date(at).toISOString(),
    (entry) => {
      if (keptIn(entry) !== undefined) return of(NOTHING);
      const kept = defer(() => entry.append({ kind: 'kept', at: asyncScheduler.now(), value: 'fired' }, { keepMs }));
      return concat(publish(firingMessage(pipeline, queue, at)), kept, of({ messages: 1 }));
    },
    () => (isLate() ? of(NOTHING) : undefined),
  );
}

/** Holds an entry of the schedule for as long as `use` takes; waits while another worker does, until the worker drains, unless there is something else to do
 * `instead`. */
function holding<T>(
  { journal, pipeline, random, drain }: Feeding,
  id: string,
  use: (entry: OpenJournal) => Observable<T>,
  instead: () => Observable<T> | undefined = () => undefined,
): Observable<T> {
  const key: EntryKey = { space: 'schedule', name: pipeline, id };
  const pauseOrFail = (error: unknown): Observable<unknown> =>
    error instanceof JournalHeldError
      ? timer(HELD_PAUSE_MS * (1 + random())).pipe(takeUntil(drain))
      : throwError(() => error);
  return defer(() => instead() ?? journal.open(key).pipe(mergeMap(use), take(1))).pipe(retry({ delay: pauseOrFail }));
}

const keptIn = ({ records }: OpenJournal): unknown => {
  const last = records.at(-1);
  return last?.kind === 'kept' ? last.value : undefined;
};
