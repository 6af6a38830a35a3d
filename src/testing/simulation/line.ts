/**
 * The broker as one worker of a simulated world sees it: the embedded broker's port, on a line that can stand still, break and end.
 * Whatever crosses it is told to the world.
 */
import { NEVER, Observable, type Subscriber } from 'rxjs';
import type { Broker, BrokerStatus, ConsumeOptions, QueueDepth } from '../../broker/broker.ts';
import type { Topology, TopologyMode } from '../../broker/topology.ts';
import { messageOf, PublishUnknownError } from '../../errors.ts';
import type { Delivery, SettleResult } from '../../message/delivery.ts';
import { messageIdOf } from '../../message/identity.ts';
import type { OutgoingMessage } from '../../message/outgoing.ts';
import { admit } from '../../pipeline/admit.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import { Held } from './held.ts';
import { addressOf, type MessageNames } from './message-names.ts';
import type { Step } from './plan.ts';
import type { Turn } from './turn.ts';
import type { LifeRef, WorldEventBody } from './world-event.ts';

/** What a part of a worker knows of the life it belongs to. */
export interface LifeParts {
  readonly ref: LifeRef;
  /** Whether the worker is gone: nothing it does has an effect any more. */
  readonly isDead: () => boolean;
  /** What comes to the worker comes in its turn. */
  readonly turn: Turn;
  /** Before a message leaves for the broker. */
  readonly prepare: (message: OutgoingMessage) => void;
  readonly emit: (event: WorldEventBody) => void;
  /** A number that was not given before in this world. */
  readonly number: () => number;
  /** The worker comes by a place where a crash may wait for it. Ask `isDead` afterwards. */
  readonly reach: (step: Step) => void;
}

interface Consumer {
  readonly pipeline: Pipeline;
  readonly subscriber: Subscriber<Delivery>;
  out: number;
}

export class Line implements Broker {
  readonly address: string;
  readonly #inner: Broker;
  readonly #life: LifeParts;
  readonly #names: MessageNames;
  readonly #up = new Held();
  readonly #down = new Held();
  readonly #inFlight = new Map<Pipeline, number>();
  /** Publishes whose end is open. */
  readonly #open = new Set<(why: string) => void>();

  constructor(inner: Broker, life: LifeParts, names: MessageNames) {
    this.address = inner.address;
    this.#inner = inner;
    this.#life = life;
    this.#names = names;
  }

  /** Nothing goes up to the broker, comes down from it, or both. */
  freeze(direction: 'up' | 'down' | 'both'): void {
    if (direction !== 'down') this.#up.freeze();
    if (direction !== 'up') this.#down.freeze();
  }

  thaw(): void {
    this.#up.thaw();
    this.#down.thaw();
  }

  /** The connection is gone: what was on the line never arrives. */
  broken(): void {
    this.#up.lose();
    this.#down.lose();
  }

  /** The worker is gone. Nothing is left open. */
  ended(): void {
    this.broken();
    for (const giveUp of [...this.#open]) giveUp('the worker crashed');
  }

  get status(): Observable<BrokerStatus> {
    return this.#inner.status;
  }

  establish(topology: Topology, mode: TopologyMode): Observable<never> {
    return this.#life.isDead() ? NEVER : this.#inner.establish(topology, mode);
  }

  consume(queue: string, options: ConsumeOptions): Observable<Delivery> {
    const pipeline = this.#names.pipelineOf(queue);
    if (pipeline === undefined) return this.#inner.consume(queue, options);
    return new Observable((subscriber) => {
      const consumer: Consumer = { pipeline, subscriber, out: 0 };
      const tell = (isConsuming: boolean, reason?: string): void => {
        if (!this.#life.isDead()) options.onConsuming?.(isConsuming, reason);
      };
      return this.#inner.consume(queue, { ...options, onConsuming: tell }).subscribe((delivery) => {
        this.#down.pass(
          () => this.#hand(delivery, consumer),
          () => {},
        );
      });
    });
  }

  depthOf(queue: string): Observable<QueueDepth> {
    return this.#life.isDead() ? NEVER : this.#inner.depthOf(queue);
  }

  publish(message: OutgoingMessage): Observable<never> {
    return new Observable((subscriber) => this.#publish(message, subscriber));
  }

  close(options: { readonly withinMs: number }): Observable<never> {
    return this.#inner.close(options);
  }

  #hand(delivery: Delivery, consumer: Consumer): void {
    const { pipeline, subscriber } = consumer;
    if (this.#life.isDead()) return;
    if (subscriber.closed) {
      // It was on its way when the consumer stopped.
      delivery.requeue();
      return;
    }
    const about = {
      life: this.#life.ref,
      pipeline: pipeline.name,
      messageId: messageIdOf(delivery),
      delivery: this.#life.number(),
    };
    consumer.out++;
    const inFlight = this.#count(pipeline, 1);
    const orderKey = orderKeyOf(delivery, pipeline);
    this.#life.emit({ kind: 'delivered', ...about, out: consumer.out, inFlight, orderKey });
    this.#life.reach('delivered');
    if (this.#life.isDead()) return;

    let isSettled = false;
    const settle = (how: 'ack' | 'requeue'): SettleResult => {
      if (how === 'ack') this.#life.reach('beforeAck');
      if (this.#life.isDead()) return 'late';
      if (!isSettled) {
        consumer.out--;
        this.#count(pipeline, -1);
      }
      const lose = (): void => this.#life.emit({ kind: 'settlementLost', ...about });
      const result = isSettled ? 'repeated' : this.#settle(how, delivery, lose);
      isSettled = true;
      this.#life.emit({ kind: 'settled', ...about, how, result });
      if (how === 'ack') this.#life.reach('afterAck');
      return result;
    };
    subscriber.next({ ...delivery, ack: () => settle('ack'), requeue: () => settle('requeue') });
  }

  /** Onto the line it goes in any case, and whoever sent it knows no more. */
  #settle(how: 'ack' | 'requeue', delivery: Delivery, lose: () => void): SettleResult {
    if (!this.#up.isFrozen) return delivery[how]();
    this.#up.pass(() => {
      if (delivery[how]() === 'late') lose();
    }, lose);
    return 'sent';
  }

  #count(pipeline: Pipeline, change: 1 | -1): number {
    const inFlight = (this.#inFlight.get(pipeline) ?? 0) + change;
    this.#inFlight.set(pipeline, inFlight);
    return inFlight;
  }

  #publish(message: OutgoingMessage, subscriber: Subscriber<never>): () => void {
    const { ref, emit, reach, isDead, prepare } = this.#life;
    reach('beforePublish');
    if (isDead()) return () => {};
    const { messageId = '', correlationId } = message.properties;
    const address = addressOf(messageId, message.exchange, message.routingKey);
    const about = { life: ref, ...this.#names.outgoing(message), messageId, correlationId, address };
    emit({ kind: 'sent', ...about });
    prepare(message);

    const end = (
      how: { readonly kind: 'confirmed' } | { readonly kind: 'unconfirmed'; readonly why: string },
    ): boolean => {
      if (!this.#open.delete(giveUp)) return false;
      emit({ ...how, ...about });
      return true;
    };
    const giveUp = (why: string): void => {
      end({ kind: 'unconfirmed', why });
    };
    this.#open.add(giveUp);
    const succeed = (): void => {
      if (!end({ kind: 'confirmed' })) return;
      reach('afterConfirm');
      if (!isDead()) subscriber.complete();
    };
    const fail = (error: unknown): void => {
      if (end({ kind: 'unconfirmed', why: messageOf(error) })) subscriber.error(error);
    };
    const unknown = (): void => {
      if (!isDead()) fail(new PublishUnknownError('no confirm came: the line broke'));
    };

    let leaving: { unsubscribe(): void } | undefined;
    const takeBack = this.#up.pass(() => {
      leaving = this.#inner.publish(message).subscribe({
        complete: () => this.#down.pass(succeed, unknown),
        error: (error: unknown) => this.#down.pass(() => fail(error), unknown),
      });
      reach('afterPublish');
    }, unknown);
    return () => {
      takeBack();
      leaving?.unsubscribe();
      giveUp('nobody waits for it any more');
    };
  }
}

/** The key as the engine will read it. */
function orderKeyOf(delivery: Delivery, pipeline: Pipeline): string | undefined {
  if (pipeline.order === 'none') return undefined;
  const admission = admit(delivery, pipeline);
  return admission.ok ? admission.key : undefined;
}
