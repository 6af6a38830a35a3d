/**
 * What an author's function returned, as an Observable. Of what is no stream RxJS says neither who returned it nor what to do, and a text it takes for a
 * list of its characters.
 */
import { from, type Observable, type ObservableInput } from 'rxjs';

/** @throws TypeError that names `who` for anything but an Observable, a promise, or something else to go through that is no text. */
export function streamOf<T>(who: string, returned: ObservableInput<T>): Observable<T> {
  if (typeof returned !== 'string') {
    try {
      return from(returned);
    } catch {
      // Told below, in words of ours.
    }
  }
  const [what, advice = ''] = tellOf(returned);
  throw new TypeError(`${who} returned ${what}; expected an Observable, a promise or a list${advice}`);
}

function tellOf(returned: unknown): readonly [what: string, advice?: string] {
  if (returned === undefined) return ['undefined', ': is a "return" missing?'];
  if (returned === null) return ['null'];
  if (typeof returned === 'string') return ['a text', ': of(…) makes an Observable of it'];
  if (typeof returned !== 'object') return [`a ${typeof returned}`];
  if ('unsubscribe' in returned && 'closed' in returned)
    return ['a Subscription', ': return what you subscribe to, it is subscribed to for you'];
  return ['an object', ': of(…) makes an Observable of it'];
}
