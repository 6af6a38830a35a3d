/** What ends a process from outside its own plan: SIGTERM and SIGINT as two words, stop and then stop now; and failures nobody caught. */

export interface SignalHandlers {
  onFirst(signal: string): void;
  onSecond(signal: string): void;
}

/** Listens until the returned function is called. */
export function onSignals({ onFirst, onSecond }: SignalHandlers): () => void {
  let isAsked = false;
  const onSignal = (signal: string): void => {
    if (isAsked) {
      onSecond(signal);
    } else {
      isAsked = true;
      onFirst(signal);
    }
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  return () => process.off('SIGTERM', onSignal).off('SIGINT', onSignal);
}

/** Failures nobody caught, thrown or rejected: heard until the returned function is called. Node would end the process at once. */
export function onUncaught(listener: (error: unknown) => void): () => void {
  process.on('uncaughtException', listener).on('unhandledRejection', listener);
  return () => process.off('uncaughtException', listener).off('unhandledRejection', listener);
}
