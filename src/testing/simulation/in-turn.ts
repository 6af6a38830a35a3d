/** A stream as a process of a simulated world sees it: while it is paused nothing arrives, when it wakes everything does. */
import { Observable } from 'rxjs';
import type { Turn } from './turn.ts';

/** What happens at the source goes on meanwhile. */
export const inTurn = <T>(turn: Turn, source: Observable<T>): Observable<T> =>
  new Observable((sink) =>
    source.subscribe({
      next: (value) => turn.run(() => sink.next(value)),
      error: (error: unknown) => turn.run(() => sink.error(error)),
      complete: () => turn.run(() => sink.complete()),
    }),
  );
