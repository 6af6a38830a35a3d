/** Forgetting lot by lot: each is over soon, so that nobody waits for its locks, and what a failure leaves is less than there was. */
import { EMPTY, expand, type Observable, reduce } from 'rxjs';

/** Entries, each with all of its records. */
const LOT = 1_000;

/**
 * Cold. Asks for another lot until one is not full; emits once how many were forgotten in all.
 *
 * @param forget Cold. Forgets at most so many, and emits how many it found.
 */
export const forgetInLots = (forget: (max: number) => Observable<number>): Observable<number> =>
  forget(LOT).pipe(
    expand((gone) => (gone < LOT ? EMPTY : forget(LOT))),
    reduce((all, gone) => all + gone, 0),
  );
