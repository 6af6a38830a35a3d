import { type Holder, LeanSubscriber, type Listener } from '../../src/operators/lean-subscriber.ts';

/** A subscriber of ours whose listener does nothing but end. */
export function unheard(holder?: Holder): LeanSubscriber<unknown> {
  const close = (): void => subscriber.close();
  const listener: Listener<unknown> = { onNext: () => {}, onError: close, onComplete: close, unsubscribe: close };
  const subscriber = new LeanSubscriber(listener, holder);
  return subscriber;
}
