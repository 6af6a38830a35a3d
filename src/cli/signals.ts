/** SIGTERM and SIGINT as two words: stop, and then stop now. */

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
