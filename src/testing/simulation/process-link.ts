/**
 * One worker's way to the broker that all of them share: it can be cut by itself, and goes down with the broker. What the broker finds out about a
 * paused worker it does at once; the worker hears of it when it wakes.
 */
import { BehaviorSubject, Subscription } from 'rxjs';
import type { BrokerModel } from '../../broker/embedded/model/broker-model.ts';
import type { Channel, Connection } from '../../broker/embedded/model/channel.ts';
import type { Effect } from '../../broker/embedded/model/effect.ts';
import { InProcessBroker } from '../../broker/embedded/port/in-process-broker.ts';
import { Turn } from './turn.ts';

export class ProcessLink extends InProcessBroker {
  override readonly model: BrokerModel;
  override readonly blocked: InProcessBroker['blocked'];
  readonly #shared: InProcessBroker;
  readonly #turn: Turn;
  readonly #following = new Subscription();
  #connection: Connection | undefined;

  /** @param onCut Told before a worker is, whoever cut it. */
  constructor(shared: InProcessBroker, turn: Turn, onCut: () => void) {
    super({ random: () => 0 });
    this.model = shared.model;
    this.blocked = new BehaviorSubject(shared.blocked.value);
    this.#shared = shared;
    this.#turn = turn;
    this.isReachable.next(shared.isReachable.value);
    this.#following.add(this.cuts.subscribe(onCut));
    this.#following.add(shared.cuts.subscribe((reason) => this.cutConnections(reason)));
    this.#following.add(
      shared.isReachable.subscribe((isReachable) => turn.run(() => this.isReachable.next(isReachable))),
    );
    this.#following.add(shared.blocked.subscribe((reason) => turn.run(() => this.blocked.next(reason))));
  }

  override run<T>(command: (model: BrokerModel) => T): T {
    return Turn.outside(() => this.#shared.run(command));
  }

  override openConnection(): Connection {
    this.#connection = super.openConnection();
    return this.#connection;
  }

  /** What the broker tells lies on the line while nobody reads it. */
  override openChannel(connection: Connection, receive: (effect: Effect) => void): Channel {
    return super.openChannel(connection, (effect) => {
      this.#turn.run(() => receive(effect));
    });
  }

  override cutConnections(reason?: string): void {
    this.#sever();
    this.#turn.run(() => super.cutConnections(reason));
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

  /** The broker's side of it: what was out is delivered to others from now on. */
  #sever(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection !== undefined && this.#turn.isPaused) this.run((model) => model.closeConnection(connection));
  }
}
