/**
 * What an author gave for a stream, as an Observable. Of what is none RxJS says neither where it comes from nor what to do, and a text it takes for a list
 * of its characters.
 */
import { from, type Observable, type ObservableInput } from 'rxjs';

/**
 * @param subject what is given, with its verb: `the handle returned`.
 * @throws TypeError that begins with it, for anything but an Observable, a promise, or something else to go through that is no text.
 */
export function streamOf<T>(subject: string, given: ObservableInput<T>): Observable<T> {
  if (typeof given !== 'string') {
    try {
      return from(given);
    } catch {
      // Told below, in words of ours.
    }
  }
  const [what, advice = ''] = tellOf(given);
  throw new TypeError(`${subject} ${what}; expected an Observable, a promise or a list${advice}`);
}

function tellOf(given: unknown): readonly [what: string, advice?: string] {
  if (given === undefined) return ['undefined', ': is a "return" missing?'];
  if (given === null) return ['null'];
  if (typeof given === 'string') return ['a text', ': of(…) makes an Observable of it'];
  if (typeof given !== 'object') return [`a ${typeof given}`];
  if ('unsubscribe' in given && 'closed' in given)
    return ['a Subscription', ': return what you subscribe to, it is subscribed to for you'];
  return ['an object', ': of(…) makes an Observable of it'];
}
