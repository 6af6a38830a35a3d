/**
 * The broker port under a test's hand, in virtual time: deliveries are given, publishes answered as told, and every settlement is kept
 * with its frame. For specs of what stands above the port; the port itself is proven by the contract suites.
 */
import {
  asyncScheduler,
  concat,
  defer,
  EMPTY,
  finalize,
  ignoreElements,
  type Observable,
  of,
  ReplaySubject,
  Subject,
  throwError,
  timer,
} from 'rxjs';
import type { Broker, BrokerStatus, QueueDepth } from '../../src/broker/broker.ts';
import type { Topology } from '../../src/broker/topology.ts';
import type { Delivery, Headers, MessageProperties, SettleResult } from '../../src/message/delivery.ts';
import type { OutgoingMessage } from '../../src/message/outgoing.ts';

export interface ScriptedMessage {
  readonly body?: unknown;
  readonly bytes?: Uint8Array;
  readonly properties?: MessageProperties;
  readonly headers?: Record<string, Headers[string]>;
}

export interface SettlementEntry {
  readonly frame: number;
  readonly messageId: string | undefined;
  readonly how: 'ack' | 'requeue';
}

export class ScriptedBroker implements Broker {
  readonly address = 'scripted';
  status: Observable<BrokerStatus> = of({ state: 'connected' });
  readonly settlements: SettlementEntry[] = [];
  readonly established: Topology[] = [];
  readonly published: { frame: number; message: OutgoingMessage }[] = [];
  /** Frames until a publish is confirmed. */
  confirmAfterMs = 1;
  /** The error of a publish, if any. */
  refuse: (message: OutgoingMessage) => Error | undefined = () => undefined;
  readonly #deliveries = new Subject<Delivery>();
  readonly #lost = new ReplaySubject<string>(1);
  #tag = 0;
  #isLost = false;
  isConsumed = false;

  deliver({ body, bytes, properties = {}, headers = {} }: ScriptedMessage): void {
    const deliveryTag = ++this.#tag;
    let isSettled = false;
    const settle = (how: SettlementEntry['how']): SettleResult => {
      if (isSettled) return 'repeated';
      isSettled = true;
      if (this.#isLost) return 'late';
      this.settlements.push({ frame: asyncScheduler.now(), messageId: properties.messageId, how });
      return 'sent';
    };
    this.#deliveries.next({
      queue: 'work',
      exchange: 'orders',
      routingKey: 'order.placed',
      deliveryTag,
      redelivered: false,
      body: bytes ?? Buffer.from(JSON.stringify(body)),
      properties,
      headers: Object.assign(Object.create(null), headers),
      lost: this.#lost,
      ack: () => settle('ack'),
      requeue: () => settle('requeue'),
    });
  }

  /** First every delivery is inert, then they are told: what is done in answer to the news is late already. */
  loseConnection(reason: string): void {
    this.#isLost = true;
    this.#lost.next(reason);
    this.#lost.complete();
  }

  establish(topology: Topology): Observable<never> {
    return defer(() => {
      this.established.push(topology);
      return EMPTY;
    });
  }

  consume(): Observable<Delivery> {
    return defer(() => {
      this.isConsumed = true;
      return this.#deliveries.pipe(finalize(() => (this.isConsumed = false)));
    });
  }

  depthOf(queue: string): Observable<QueueDepth> {
    return of({ queue, messages: 0, consumers: 1 });
  }

  publish(message: OutgoingMessage): Observable<never> {
    return defer(() => {
      this.published.push({ frame: asyncScheduler.now(), message });
      const refusal = this.refuse(message);
      const answer = refusal === undefined ? EMPTY : throwError(() => refusal);
      const wait = this.confirmAfterMs === 0 ? EMPTY : timer(this.confirmAfterMs).pipe(ignoreElements());
      return concat(wait, answer);
    });
  }

  close(): Observable<never> {
    return EMPTY;
  }
}

/** JSON of a published body. */
export const bodyOf = ({ body }: OutgoingMessage): unknown => JSON.parse(Buffer.from(body).toString());
