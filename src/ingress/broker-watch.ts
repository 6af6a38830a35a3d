/** What the front door knows of its broker: whether messages can leave now, and when those that have left will not be confirmed soon. */
import { NEVER, type Observable, Subject, type Subscription, switchMap, timer } from 'rxjs';
import type { BrokerStatus } from '../broker/broker.ts';
import { comeAgain, type Refusal } from './problem.ts';

/** The confirms of what a broker took before an alarm come within milliseconds, those of a slow disk within this. */
const STALLED_AFTER_MS = 1_000;

export class BrokerWatch {
  readonly #status: Observable<BrokerStatus>;
  readonly #stalled = new Subject<unknown>();
  #latest: BrokerStatus = { state: 'connecting' };

  constructor(status: Observable<BrokerStatus>) {
    this.#status = status;
  }

  /** Emits when the broker does not read what it has not confirmed by now, and may yet do so; while it is watched. */
  get stalled(): Observable<unknown> {
    return this.#stalled;
  }

  /** Until it is unsubscribed. */
  watch(): Subscription {
    const watching = this.#status.subscribe((latest) => {
      this.#latest = latest;
    });
    watching.add(
      this.#status
        .pipe(switchMap(({ state }) => (state === 'blocked' ? timer(STALLED_AFTER_MS) : NEVER)))
        .subscribe(this.#stalled),
    );
    return watching;
  }

  /** Why no message can leave now. */
  fault(): Refusal | undefined {
    switch (this.#latest.state) {
      case 'connected':
        return undefined;
      case 'blocked':
        return comeAgain('broker-blocked', 'the broker takes no messages now: it is short of resources');
      default:
        return comeAgain('broker-away', 'there is no connection to the broker now');
    }
  }
}
