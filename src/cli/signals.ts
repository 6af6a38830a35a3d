/**
 * What ends a process from outside its own plan: SIGTERM and SIGINT as two words, stop and then stop now; the end of the npm that
 * started it; and failures nobody caught.
 */
import { filter, interval, type Subscription, take } from 'rxjs';
import { isStartedByNpm } from '../config.ts';

export interface SignalHandlers {
  onFirst(signal: string): void;
  onSecond(signal: string): void;
}

/** Listens until the returned function is called. */
export function onSignals({ onFirst, onSecond }: SignalHandlers): () => void {
  let isAsked = false;
  const ask = (signal: string): void => {
    isAsked = true;
    onFirst(signal);
  };
  const onSignal = (signal: string): void => (isAsked ? onSecond(signal) : ask(signal));
  // A signal to all of a terminal's processes ends npm too: that is no second word.
  const orphaned = whenOrphaned(() => isAsked || ask('the end of npm'));
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  return () => {
    orphaned?.unsubscribe();
    process.off('SIGTERM', onSignal).off('SIGINT', onSignal);
  };
}

const PARENT_CHECK_MS = 250;

/**
 * npm and npx pass SIGTERM to their shell alone and end, and the shell tells nobody: without this the process would run on, and no
 * supervisor would know of it.
 */
function whenOrphaned(listener: () => void): Subscription | undefined {
  if (!isStartedByNpm()) return undefined;
  const { ppid: parent } = process;
  return interval(PARENT_CHECK_MS)
    .pipe(
      filter(() => process.ppid !== parent),
      take(1),
    )
    .subscribe(listener);
}

/** Failures nobody caught, thrown or rejected: heard until the returned function is called. Node would end the process at once. */
export function onUncaught(listener: (error: unknown) => void): () => void {
  process.on('uncaughtException', listener).on('unhandledRejection', listener);
  return () => process.off('uncaughtException', listener).off('unhandledRejection', listener);
}
