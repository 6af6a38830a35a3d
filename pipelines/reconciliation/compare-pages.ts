/** Two lists of two services, held side by side page by page: whatever their length, two pages are in memory. */
import { defer, EMPTY, forkJoin, from, mergeMap, type Observable, of, repeat, throwError } from 'rxjs';

/** Part of a list that is sorted by key, and where the rest of it begins. */
export interface Page<T> {
  readonly items: readonly T[];
  /** What to ask the next page with; undefined at the end. */
  readonly next?: string | undefined;
}

export interface PagedList<T> {
  /** Cold. A page; the first without a cursor. */
  readonly page: (cursor: string | undefined) => Observable<Page<T>>;
  readonly keyOf: (item: T) => string;
}

export type Compared<L, R> =
  | { readonly kind: 'both'; readonly left: L; readonly right: R }
  | { readonly kind: 'left'; readonly left: L }
  | { readonly kind: 'right'; readonly right: R };

/** What is left of a list: items in hand, and how to get more. */
interface Rest<T> {
  readonly items: readonly T[];
  readonly cursor: string | undefined;
  readonly isComplete: boolean;
  /** The last key that was seen: repetitions of it say nothing new. */
  readonly lastKey: string | undefined;
}

interface State<L, R> {
  readonly left: Rest<L>;
  readonly right: Rest<R>;
  readonly found: readonly Compared<L, R>[];
}

const UNREAD = { items: [], cursor: undefined, isComplete: false, lastKey: undefined };

/**
 * Cold. Calls `each` for each key once, in the order of keys: it is in both lists, in the left alone, or in the right alone. Mirrors what that gives, at
 * most `concurrency` at once. Reads a page when it is needed, both lists at once where both are, and not before all of the last is worked off.
 * @throws RangeError when a list is not sorted: nothing that follows would be right.
 */
export function comparePages<L, R, T>(
  left: PagedList<L>,
  right: PagedList<R>,
  each: (compared: Compared<L, R>) => Observable<T>,
  concurrency: number,
): Observable<T> {
  return defer(() => {
    let state: State<L, R> = { left: UNREAD, right: UNREAD, found: [] };
    const turn = defer(() => forkJoin({ left: filled(state.left, left), right: filled(state.right, right) })).pipe(
      mergeMap((read) => {
        state = compare(read.left, read.right, left.keyOf, right.keyOf);
        return from(state.found).pipe(mergeMap((compared) => each(compared), concurrency));
      }),
    );
    // Again, and not one within the other: lists have any number of pages.
    return turn.pipe(repeat({ delay: () => (isOver(state) ? EMPTY : of(undefined)) }));
  });
}

const isOver = ({ left, right }: State<unknown, unknown>): boolean =>
  left.isComplete && right.isComplete && left.items.length === 0 && right.items.length === 0;

/** The rest of a list with at least one item, unless it is at its end. */
function filled<T>(rest: Rest<T>, list: PagedList<T>): Observable<Rest<T>> {
  if (rest.items.length > 0 || rest.isComplete) return of(rest);
  return list.page(rest.cursor).pipe(
    mergeMap(({ items, next }) => {
      const fresh = withoutRepeats(items, rest.lastKey, list.keyOf);
      if (fresh === undefined) return throwError(() => new RangeError('a list is not sorted by its keys'));
      const read = { ...rest, items: fresh, cursor: next, isComplete: next === undefined };
      return fresh.length === 0 && !read.isComplete ? filled(read, list) : of(read);
    }),
  );
}

/** Undefined where a key comes before one that was seen. */
function withoutRepeats<T>(
  items: readonly T[],
  lastKey: string | undefined,
  keyOf: (item: T) => string,
): readonly T[] | undefined {
  const fresh: T[] = [];
  let last = lastKey;
  for (const item of items) {
    const key = keyOf(item);
    if (last !== undefined && key < last) return undefined;
    if (key !== last) fresh.push(item);
    last = key;
  }
  return fresh;
}

/** Compares until one of the lists has to be read on. */
function compare<L, R>(
  left: Rest<L>,
  right: Rest<R>,
  leftKey: (item: L) => string,
  rightKey: (item: R) => string,
): State<L, R> {
  const found: Compared<L, R>[] = [];
  let l = 0;
  let r = 0;
  for (;;) {
    const one = left.items[l];
    const other = right.items[r];
    if (one !== undefined && other !== undefined) {
      const [a, b] = [leftKey(one), rightKey(other)];
      if (a === b) found.push({ kind: 'both', left: one, right: other });
      else found.push(a < b ? { kind: 'left', left: one } : { kind: 'right', right: other });
      if (a <= b) l++;
      if (b <= a) r++;
    } else if (one !== undefined && right.isComplete) {
      found.push({ kind: 'left', left: one });
      l++;
    } else if (other !== undefined && left.isComplete) {
      found.push({ kind: 'right', right: other });
      r++;
    } else {
      return { left: taken(left, l, leftKey), right: taken(right, r, rightKey), found };
    }
  }
}

function taken<T>(rest: Rest<T>, count: number, keyOf: (item: T) => string): Rest<T> {
  const last = rest.items[count - 1];
  return { ...rest, items: rest.items.slice(count), lastKey: last === undefined ? rest.lastKey : keyOf(last) };
}
