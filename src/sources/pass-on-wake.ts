/** Work that is done in passes, each of which finds all there is: however often it is woken, one pass runs at a time and one waits. */
import { Observable, type OperatorFunction } from 'rxjs';

/**
 * Subscribes to `pass` when the source emits; for whatever that emits while a pass runs, to one more after it. RxJS' `exhaustMap` would lose the
 * last, `concatMap` would make a pass for each. Mirrors the passes; completes when the source has and no pass runs or waits. A failure of
 * either is the failure of the result. Holds nothing. Unsubscribing ends the pass under way.
 */
export const passOnWake =
  <T>(pass: Observable<T>): OperatorFunction<unknown, T> =>
  (wakes) =>
    new Observable((sink) => {
      let isPassing = false;
      let isDue = false;
      let isLast = false;

      const begin = (): void => {
        isDue = false;
        isPassing = true;
        let isSynchronous = true;
        const passing = pass.subscribe({
          next: (value) => sink.next(value),
          error: (error: unknown) => sink.error(error),
          complete: () => {
            isPassing = false;
            if (!isSynchronous) goOn();
          },
        });
        isSynchronous = false;
        // Leaves the sink by itself when it is over.
        sink.add(passing);
      };
      const goOn = (): void => {
        while (isDue && !isPassing && !sink.closed) begin();
        if (isLast && !isPassing) sink.complete();
      };

      sink.add(
        wakes.subscribe({
          next: () => {
            isDue = true;
            if (!isPassing) goOn();
          },
          error: (error: unknown) => sink.error(error),
          complete: () => {
            isLast = true;
            goOn();
          },
        }),
      );
    });
