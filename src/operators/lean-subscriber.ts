/**
 * The Subscriber under those of ours that every message passes. One class for all of them, which hands on what it hears: a class that is extended
 * has as many shapes as there are classes that extend it, and V8 looks up each field of it anew, at four times the cost of a layer.
 *
 * What it has to tear down is one thing at a time, as a rule, and that has ended by itself before: so it is kept in a field. RxJS keeps a list for
 * it, takes each child out of the list of its parent, and walks through what is left.
 */
import { type Observer, Subscription, type TeardownLogic, type Unsubscribable } from 'rxjs';

/** Who hears. Nothing more after an error or the completion, and nothing once the subscriber is closed. */
export interface Listener<T> extends Unsubscribable {
  onNext(value: T): void;
  onError(cause: unknown): void;
  onComplete(): void;
  /** It is to end, and closes its subscriber. Not called again once that is closed. */
  unsubscribe(): void;
}

/** What may hold a subscriber: a Subscription of RxJS, or one of these. */
export type Holder = Pick<Subscription, 'add' | 'remove'>;

/**
 * RxJS takes it for a Subscriber, since it can all that one can, and puts none of its own around it. Not to be extended.
 *
 * Its fields are `private`, not `#`: an Observable of RxJS 6 calls the methods on an object that inherits from what it was given, which has no
 * `#` of it. What an end changes there, the listener changes here when it closes its subscriber.
 */
export class LeanSubscriber<T> implements Observer<T>, Unsubscribable {
  closed = false;
  private isStopped = false;
  private readonly listener: Listener<T>;
  private readonly holder: Holder | undefined;
  private only: Teardown | undefined;
  /** It had more than one at a time: from then on the list of RxJS keeps them. */
  private several: Subscription | undefined;

  /** @param holder Its end ends the listener. Must not be closed. */
  constructor(listener: Listener<T>, holder?: Holder) {
    this.listener = listener;
    this.holder = holder;
    holder?.add(this);
  }

  next(value: T): void {
    if (!this.isStopped) this.listener.onNext(value);
  }

  error(cause: unknown): void {
    if (this.isStopped) return;
    this.isStopped = true;
    this.listener.onError(cause);
  }

  complete(): void {
    if (this.isStopped) return;
    this.isStopped = true;
    this.listener.onComplete();
  }

  add(teardown: TeardownLogic): void {
    const only = this.only;
    // Authors' modules may be JavaScript, which gives back null and the like too: RxJS passes over what is falsy, and over the Subscriber itself.
    if (!teardown || teardown === this || teardown === only) return;
    if (this.closed) {
      Subscription.EMPTY.add(teardown);
    } else if (this.several !== undefined) {
      this.several.add(teardown);
    } else if (only === undefined || hasEnded(only)) {
      this.only = teardown;
    } else {
      // In the order they came, as ever.
      this.several = togetherOf(only, teardown);
      this.only = undefined;
    }
  }

  remove(teardown: Teardown): void {
    if (teardown === this.only) this.only = undefined;
    else this.several?.remove(teardown);
  }

  unsubscribe(): void {
    if (!this.closed) this.listener.unsubscribe();
  }

  /** For the listener alone: nothing is heard any more, and what there is is torn down. Throws as RxJS does where a teardown throws. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.isStopped = true;
    this.holder?.remove(this);
    const only = this.only;
    this.only = undefined;
    if (this.several !== undefined) this.several.unsubscribe();
    else if (only !== undefined && !hasEnded(only)) togetherOf(only).unsubscribe();
  }
}

type Teardown = Exclude<TeardownLogic, void>;

/** In the way of RxJS, and with what that does about a teardown that throws. */
function togetherOf(...teardowns: readonly Teardown[]): Subscription {
  const together = new Subscription();
  for (const teardown of teardowns) together.add(teardown);
  return together;
}

/** Whether there is nothing left to tear down. Of what is no teardown at all there is: RxJS says what is wrong with it. */
const hasEnded = (teardown: Teardown & { readonly closed?: unknown }): boolean => teardown.closed === true;
