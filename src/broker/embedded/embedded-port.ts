/**
 * The broker port over a broker in process: no sockets, all time through RxJS, so that whole pipelines run in virtual time.
 * Connections can be cut and come back, as over a network; what was out is lost then, and delivered again.
 */
import { asyncScheduler, concat, EMPTY, filter, Observable, ReplaySubject, type Subscription, take } from 'rxjs';
import { BrokerUnavailableError, messageOf, TopologyError } from '../../errors.ts';
import type { Delivery } from '../../message/delivery.ts';
import type { Broker, BrokerStatus, ConsumeOptions, QueueDepth } from '../broker.ts';
import type { Topology, TopologyMode } from '../topology.ts';
import type { Connection } from './model/channel.ts';
import type { InProcessBroker } from './port/in-process-broker.ts';
import { PortConsumer } from './port/port-consumer.ts';
import { PortPublisher } from './port/port-publisher.ts';
import { establishOn } from './port/port-topology.ts';
import { toPublish } from './port/properties.ts';

export interface EmbeddedPortOptions {
  /** Pause before a lost connection or consumer is tried again, in milliseconds. Default: 100. */
  readonly reconnectMs?: number;
  /** Publishes that may be unconfirmed at once. Default: 1000. */
  readonly maxUnconfirmed?: number;
  /** How long a confirm may take, in milliseconds, counted from the publish. Default: 30 000. */
  readonly confirmTimeoutMs?: number;
}

/** Connects at once; several ports may share one broker. Closing the port leaves the broker and its queues as they are. */
export function createEmbeddedPort(broker: InProcessBroker, options: EmbeddedPortOptions = {}): Broker {
  return new EmbeddedPort(broker, options);
}

const MAX_PREFETCH = 65_535;
const CLOSED = 'the broker is closed';

class EmbeddedPort implements Broker {
  readonly address = 'embedded://in-process/';
  readonly #broker: InProcessBroker;
  readonly #reconnectMs: number;
  readonly #statuses = new ReplaySubject<BrokerStatus>(1);
  readonly #publisher: PortPublisher;
  readonly #consumers = new Set<PortConsumer>();
  /** Asserted so far: asserted again after each reconnect. */
  readonly #standing: Topology[] = [];
  readonly #waitingForConnection = new Set<() => void>();
  readonly #watching: Subscription;
  #connection: Connection | undefined;
  #reconnect: Subscription | undefined;
  #closing: 'no' | 'draining' | 'done' = 'no';
  #onIdle: (() => void) | undefined;

  constructor(broker: InProcessBroker, options: EmbeddedPortOptions) {
    const { reconnectMs = 100, maxUnconfirmed = 1000, confirmTimeoutMs = 30_000 } = options;
    this.#broker = broker;
    this.#reconnectMs = reconnectMs;
    const onSettled = (): void => this.#checkIdle();
    this.#publisher = new PortPublisher(broker, { maxUnconfirmed, confirmTimeoutMs, onSettled });
    this.#statuses.next({ state: 'connecting' });
    this.#watching = broker.cuts.subscribe((reason) => this.#lose(reason));
    this.#watching.add(
      broker.blocked.subscribe((reason) => {
        if (this.#connection !== undefined) this.#tellConnected(reason);
      }),
    );
    this.#reconnect = asyncScheduler.schedule(() => this.#connect());
  }

  get status(): Observable<BrokerStatus> {
    return this.#statuses.asObservable();
  }

  establish(topology: Topology, mode: TopologyMode): Observable<never> {
    return new Observable((subscriber) => {
      if (this.#closing !== 'no') {
        subscriber.error(new BrokerUnavailableError(CLOSED));
        return;
      }
      const establish = (): void => {
        this.#waitingForConnection.delete(establish);
        if (this.#connection === undefined) {
          subscriber.error(new BrokerUnavailableError(CLOSED));
          return;
        }
        try {
          this.#establish(this.#connection, topology, mode);
          if (mode === 'assert') this.#standing.push(topology);
          subscriber.complete();
        } catch (error) {
          subscriber.error(error);
        }
      };
      const soon = asyncScheduler.schedule(() => {
        if (this.#connection === undefined) this.#waitingForConnection.add(establish);
        else establish();
      });
      return () => {
        soon.unsubscribe();
        this.#waitingForConnection.delete(establish);
      };
    });
  }

  consume(queue: string, options: ConsumeOptions): Observable<Delivery> {
    const { prefetch } = options;
    if (!(Number.isInteger(prefetch) && prefetch >= 1 && prefetch <= MAX_PREFETCH)) {
      throw new RangeError(`prefetch: expected an integer from 1 to ${MAX_PREFETCH}, got ${String(prefetch)}`);
    }
    return new Observable((subscriber) => {
      if (this.#closing !== 'no') return;
      const consumer = new PortConsumer(this.#broker, queue, options, this.#reconnectMs, subscriber);
      for (const other of this.#consumers) if (other.isDone) this.#consumers.delete(other);
      this.#consumers.add(consumer);
      const start = asyncScheduler.schedule(() => {
        if (this.#connection !== undefined) consumer.connected(this.#connection);
      });
      return () => {
        start.unsubscribe();
        consumer.stop();
      };
    });
  }

  depthOf(queue: string): Observable<QueueDepth> {
    return new Observable((subscriber) => {
      const count = (): void => {
        this.#waitingForConnection.delete(count);
        if (this.#connection === undefined) {
          subscriber.error(new BrokerUnavailableError(CLOSED));
          return;
        }
        try {
          subscriber.next(this.#depthOf(this.#connection, queue));
          subscriber.complete();
        } catch (error) {
          subscriber.error(new TopologyError(`queue "${queue}": ${messageOf(error)}`, { cause: error }));
        }
      };
      if (this.#closing === 'done' || this.#connection !== undefined) count();
      else this.#waitingForConnection.add(count);
      return () => this.#waitingForConnection.delete(count);
    });
  }

  publish(message: Parameters<Broker['publish']>[0]): Observable<never> {
    return new Observable((subscriber) => {
      if (this.#closing === 'no') return this.#publisher.publish(toPublish(message), subscriber);
      subscriber.error(new BrokerUnavailableError(CLOSED));
      return undefined;
    });
  }

  close({ withinMs }: { readonly withinMs: number }): Observable<never> {
    const drained = new Observable<never>((subscriber) => {
      this.#closing = this.#closing === 'no' ? 'draining' : this.#closing;
      this.#onIdle = () => subscriber.complete();
      const deadline = asyncScheduler.schedule(() => subscriber.complete(), withinMs);
      const look = asyncScheduler.schedule(() => this.#checkIdle());
      return () => {
        deadline.unsubscribe();
        look.unsubscribe();
      };
    });
    const ended = new Observable<never>((subscriber) => {
      this.#end();
      subscriber.complete();
    });
    return new Observable((subscriber) =>
      (this.#closing === 'done' ? EMPTY : concat(drained, ended)).subscribe(subscriber),
    );
  }

  #checkIdle(): void {
    if (this.#publisher.isIdle) this.#onIdle?.();
  }

  #end(): void {
    if (this.#closing === 'done') return;
    this.#closing = 'done';
    this.#watching.unsubscribe();
    this.#reconnect?.unsubscribe();
    this.#publisher.close();
    this.#drop(CLOSED);
    for (const waiting of this.#waitingForConnection) waiting();
    this.#statuses.next({ state: 'closed' });
    this.#statuses.complete();
  }

  #connect(): void {
    if (!this.#broker.dial()) {
      this.#retrySoon('the broker is not reachable');
      return;
    }
    const connection = this.#broker.openConnection();
    this.#connection = connection;
    for (const topology of this.#standing) {
      // What is refused now is refused to its consumers too, who tell it.
      try {
        this.#establish(connection, topology, 'assert');
      } catch {}
    }
    this.#tellConnected(this.#broker.blocked.value);
    for (const waiting of this.#waitingForConnection) waiting();
    for (const consumer of this.#consumers) consumer.connected(connection);
    this.#publisher.connected(connection);
  }

  #tellConnected(blockedBecause: string | undefined): void {
    this.#statuses.next(
      blockedBecause === undefined ? { state: 'connected' } : { state: 'blocked', reason: blockedBecause },
    );
    this.#publisher.pump();
  }

  #lose(reason: string): void {
    if (this.#connection === undefined) return;
    this.#statuses.next({ state: 'lost', reason });
    this.#drop(reason);
    this.#retrySoon(reason);
  }

  /** The broker's side ends first: nothing that is told of the loss can still reach it. */
  #drop(reason: string): void {
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection !== undefined) this.#broker.run((model) => model.closeConnection(connection));
    this.#publisher.disconnected(reason);
    for (const consumer of this.#consumers) consumer.disconnected(reason);
  }

  #retrySoon(reason: string): void {
    if (this.#broker.isResting) {
      this.#reconnect = this.#broker.isReachable
        .pipe(filter(Boolean), take(1))
        .subscribe(() => this.#retrySoon(reason));
      return;
    }
    this.#reconnect = asyncScheduler.schedule(() => {
      this.#statuses.next({ state: 'connecting', reason });
      this.#connect();
    }, this.#reconnectMs);
  }

  #depthOf(connection: Connection, queue: string): QueueDepth {
    const channel = this.#broker.openChannel(connection, () => {});
    try {
      const { messageCount, consumerCount } = this.#broker.model.declareQueue(channel, { queue, passive: true });
      return { queue, messages: messageCount, consumers: consumerCount };
    } finally {
      this.#broker.run((model) => model.closeChannel(channel));
    }
  }

  #establish(connection: Connection, topology: Topology, mode: TopologyMode): void {
    const channel = this.#broker.openChannel(connection, () => {});
    try {
      this.#broker.run((model) => establishOn(model, channel, topology, mode));
    } finally {
      this.#broker.run((model) => model.closeChannel(channel));
    }
  }
}
