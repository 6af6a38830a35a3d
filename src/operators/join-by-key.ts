/**
 * Join: the values of two streams in pairs by a key they share, as a request and its answer, with a limit on how long and how many
 * wait for their partner. RxJS's `zip` pairs by position, so one value missing shifts all that follow.
 */
import { Observable, Subscriber, Subscription } from 'rxjs';
import type { Duration } from '../policies/duration.ts';
import { requireKnown } from '../policies/require-known.ts';
import type { Known } from '../policies/unknown-option.ts';
import { requireCount } from './require-count.ts';
import { requireDurationMs } from './require-duration.ts';
import { tearDown } from './tear-down.ts';
import { WaitingLine, WaitingValue } from './waiting-line.ts';
import { type Guest, type UnmatchedReason, WaitingRoom } from './waiting-room.ts';

export type { UnmatchedReason };

/** A value that found no partner, and why. */
export type Unmatched<L, R> =
  | { readonly side: 'left'; readonly value: L; readonly reason: UnmatchedReason }
  | { readonly side: 'right'; readonly value: R; readonly reason: UnmatchedReason };

export interface JoinByKeyOptions<L, R, K> {
  /** Key of a left value. Keys are compared as a `Map` does. */
  readonly leftKey: (value: L) => K;
  /** Key of a right value. */
  readonly rightKey: (value: R) => K;
  /** How long a value waits for its partner, counted from its arrival. Above 0. */
  readonly within: Duration;
  /** Values that wait at once, of both sides together. Integer, at least 1. Default: 1000. */
  readonly maxWaiting?: number | undefined;
  /** Called with each value that found no partner. Required: a value nobody hears of is lost. */
  readonly onUnmatched: (unmatched: Unmatched<L, R>) => void;
}

const OPTIONS: Known<JoinByKeyOptions<never, never, never>> = {
  leftKey: true,
  rightKey: true,
  within: true,
  maxWaiting: true,
  onUnmatched: true,
};

/**
 * Emits a pair whenever a value of one stream meets a waiting value of the other with the same key; of several, the one that has waited
 * longest. Pairs come out as they are made. Completes when both streams have.
 *
 * Each value is in one pair, or is handed to `onUnmatched`, once: after `within`, when it waits longest of more than `maxWaiting`, or as
 * soon as the other stream has completed, for then no partner can come. Left is subscribed to before right.
 * A failure of either stream, of a key or of `onUnmatched` is the failure of the result. It and unsubscribing end both streams and forget
 * what waits, without a word to `onUnmatched`. Holds what waits, at most `maxWaiting` values with a timer each.
 *
 * @throws RangeError at once when an option is out of its range, or for one it does not have.
 */
export function joinByKey<L, R, K>(
  left: Observable<L>,
  right: Observable<R>,
  options: JoinByKeyOptions<L, R, K>,
): Observable<readonly [L, R]> {
  requireKnown('joinByKey', options, OPTIONS);
  const { leftKey, rightKey, within, maxWaiting = 1_000, onUnmatched } = options;
  const withinMs = requireDurationMs('within', within, 1);
  requireCount('maxWaiting', maxWaiting, 1);

  return new Observable((sink) => {
    const room = new WaitingRoom(sink, withinMs, maxWaiting);
    const lefts = new Side<L, R, K>(room, leftKey, {
      pair: (value, partner) => sink.next([value, partner]),
      unmatched: (value, reason) => onUnmatched({ side: 'left', value, reason }),
    });
    const rights = new Side<R, L, K>(room, rightKey, {
      pair: (value, partner) => sink.next([partner, value]),
      unmatched: (value, reason) => onUnmatched({ side: 'right', value, reason }),
    });
    sink.add(() => room.close());
    left.subscribe(new SideSubscriber(sink, lefts, rights));
    right.subscribe(new SideSubscriber(sink, rights, lefts));
  });
}

/** What becomes of the values of one side. */
interface Outcomes<V, P> {
  pair(value: V, partner: P): void;
  unmatched(value: V, reason: UnmatchedReason): void;
}

/** One of the two streams: what of it waits, by key. `V` are its values, `P` their partners. */
class Side<V, P, K> {
  readonly outcomes: Outcomes<V, P>;
  readonly #room: WaitingRoom;
  readonly #keyOf: (value: V) => K;
  /** A key has a line while something of it waits. */
  readonly #byKey = new Map<K, WaitingLine<WaitingValue<KeyedGuest<V, P, K>>>>();
  #hasEnded = false;

  constructor(room: WaitingRoom, keyOf: (value: V) => K, outcomes: Outcomes<V, P>) {
    this.#room = room;
    this.#keyOf = keyOf;
    this.outcomes = outcomes;
  }

  arrive(value: V, other: Side<P, V, K>): void {
    const key = this.#keyOf(value);
    const partner = other.takeFirst(key);
    if (partner !== undefined) {
      other.#room.leave(partner);
      this.outcomes.pair(value, partner.value);
    } else if (other.#hasEnded) {
      this.outcomes.unmatched(value, 'ended');
    } else {
      const guest = new KeyedGuest(this, key, value);
      this.#lineOf(key).join(new WaitingValue(guest));
      this.#room.enter(guest);
    }
  }

  /** No more of this side comes: what waits on the other has no partner. Whether both have ended. */
  end(other: Side<P, V, K>): boolean {
    this.#hasEnded = true;
    this.#room.sendAway(other);
    return other.#hasEnded;
  }

  /** Out of its line, not out of the room. */
  takeFirst(key: K): KeyedGuest<V, P, K> | undefined {
    const line = this.#byKey.get(key);
    const first = line?.takeHead()?.value;
    if (line?.length === 0) this.#byKey.delete(key);
    return first;
  }

  #lineOf(key: K): WaitingLine<WaitingValue<KeyedGuest<V, P, K>>> {
    const line = this.#byKey.get(key) ?? new WaitingLine();
    this.#byKey.set(key, line);
    return line;
  }
}

class KeyedGuest<V, P, K> implements Guest {
  before: Guest | undefined = undefined;
  behind: Guest | undefined = undefined;
  timer = Subscription.EMPTY;
  readonly value: V;
  readonly #side: Side<V, P, K>;
  readonly #key: K;

  constructor(side: Side<V, P, K>, key: K, value: V) {
    this.#side = side;
    this.#key = key;
    this.value = value;
  }

  isOf(side: object): boolean {
    return side === this.#side;
  }

  leaveKey(): void {
    this.#side.takeFirst(this.#key);
  }

  report(reason: UnmatchedReason): void {
    this.#side.outcomes.unmatched(this.value, reason);
  }
}

class SideSubscriber<V, P, K> extends Subscriber<V> {
  readonly #sink: Subscriber<unknown>;
  readonly #side: Side<V, P, K>;
  readonly #other: Side<P, V, K>;

  constructor(sink: Subscriber<unknown>, side: Side<V, P, K>, other: Side<P, V, K>) {
    super(sink);
    this.#sink = sink;
    this.#side = side;
    this.#other = other;
  }

  protected override _next(value: V): void {
    try {
      this.#side.arrive(value, this.#other);
    } catch (thrown) {
      this.#sink.error(thrown);
    }
  }

  protected override _complete(): void {
    const failure = tearDown(this);
    if (failure !== undefined) {
      this.#sink.error(failure);
      return;
    }
    try {
      if (this.#side.end(this.#other)) this.#sink.complete();
    } catch (thrown) {
      this.#sink.error(thrown);
    }
  }
}
