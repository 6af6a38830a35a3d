/**
 * The Subscriber under those of ours that every message passes. What it has to tear down is one thing at a time, as a rule, and that has ended
 * by itself before: so it is kept in a field. RxJS keeps a list for it, takes each child out of the list of its parent, and walks through what is
 * left, which is most of what a layer costs that only passes on.
 */
import { Subscriber, type TeardownLogic, type Unsubscribable } from 'rxjs';

export class LeanSubscriber<T> extends Subscriber<T> {
  #only: Unsubscribable | (() => void) | undefined;
  /** It had more than one at a time: from then on the list of RxJS keeps them. */
  #hasSeveral = false;

  /** @param sink Its end ends this. */
  constructor(sink?: Subscriber<unknown>) {
    super(sink);
  }

  override add(teardown: TeardownLogic): void {
    const only = this.#only;
    // Authors' modules may be JavaScript, which gives back null and the like too: RxJS passes over what is falsy, and over the Subscriber itself.
    if (!teardown || teardown === this || teardown === only) return;
    if (this.closed || this.#hasSeveral) {
      super.add(teardown);
    } else if (only === undefined || hasEnded(only)) {
      this.#only = teardown;
    } else {
      // In the order they came, as ever.
      this.#hasSeveral = true;
      this.#only = undefined;
      super.add(only);
      super.add(teardown);
    }
  }

  override remove(teardown: Exclude<TeardownLogic, void>): void {
    if (teardown === this.#only) this.#only = undefined;
    else super.remove(teardown);
  }

  override unsubscribe(): void {
    if (this.closed) return;
    const only = this.#only;
    this.#only = undefined;
    // In the way of RxJS, and with what that does about a teardown that throws.
    if (only !== undefined && !hasEnded(only)) super.add(only);
    super.unsubscribe();
  }
}

/** Whether there is nothing left to tear down. Of what is no teardown at all there is: RxJS says what is wrong with it. */
const hasEnded = (teardown: (Unsubscribable | (() => void)) & { readonly closed?: unknown }): boolean =>
  teardown.closed === true;
