/** One worker's way to the broker that all of them share: it can be cut by itself, and goes down with the broker. */
import { Subscription } from 'rxjs';
import type { BrokerModel } from '../../broker/embedded/model/broker-model.ts';
import { InProcessBroker } from '../../broker/embedded/port/in-process-broker.ts';

export class ProcessLink extends InProcessBroker {
  override readonly model: BrokerModel;
  override readonly blocked: InProcessBroker['blocked'];
  readonly #shared: InProcessBroker;
  readonly #following = new Subscription();

  /** @param onCut Told before a worker is, whoever cut it. */
  constructor(shared: InProcessBroker, onCut: () => void) {
    super({ random: () => 0 });
    this.model = shared.model;
    this.blocked = shared.blocked;
    this.#shared = shared;
    this.isReachable.next(shared.isReachable.value);
    this.#following.add(this.cuts.subscribe(onCut));
    this.#following.add(shared.cuts.subscribe((reason) => this.cuts.next(reason)));
    this.#following.add(shared.isReachable.subscribe((isReachable) => this.isReachable.next(isReachable)));
  }

  override run<T>(command: (model: BrokerModel) => T): T {
    return this.#shared.run(command);
  }

  /** Ends the connection for good: the worker is gone. */
  end(reason: string): void {
    this.#following.unsubscribe();
    this.setReachable(false);
    this.cutConnections(reason);
  }

  /** Leaves the broker to the others. */
  leave(): void {
    this.#following.unsubscribe();
  }
}
