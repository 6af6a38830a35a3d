/** Ports without I/O behind them, so that what is measured is sluice's own work: a broker that hands over and takes back, an API that answers. */
import { EMPTY, NEVER, Observable, of, type Subscriber } from 'rxjs';
import type { Broker } from '../../src/broker/broker.ts';
import type { Transport, TransportResponse } from '../../src/http/transport.ts';
import type { Delivery, SettleResult } from '../../src/message/delivery.ts';

const BODY = Buffer.from(
  JSON.stringify({ id: 'order-1', amount: 12.5, sentAtMicros: 1_700_000_000_000, note: 'x'.repeat(150) }),
);
const HEADERS = Object.create(null) as Delivery['headers'];

/** Work for the next turn of the event loop, all of it in one go, as sockets bring it. */
class NextTurn {
  #due: (() => void)[] = [];

  add(work: () => void): void {
    if (this.#due.push(work) === 1) setImmediate(() => this.#run());
  }

  #run(): void {
    const due = this.#due;
    this.#due = [];
    for (const work of due) work();
  }
}

/** Hands over `count` messages, at most `prefetch` unsettled. `settled` is told of each ack. */
export function inMemoryBroker(count: number, settled: () => void): Broker {
  const turn = new NextTurn();
  const deliver = (sink: Subscriber<Delivery>, deliveryTag: number, next: () => void): void => {
    let isSettled = false;
    const settle = (): SettleResult => {
      if (isSettled) return 'repeated';
      isSettled = true;
      settled();
      turn.add(next);
      return 'sent';
    };
    sink.next({
      queue: 'work',
      exchange: '',
      routingKey: 'work',
      deliveryTag,
      redelivered: false,
      body: BODY,
      properties: { messageId: `m${deliveryTag}`, contentType: 'application/json' },
      headers: HEADERS,
      lost: NEVER,
      ack: settle,
      requeue: settle,
    });
  };
  return {
    address: 'memory',
    status: of({ state: 'connected' }),
    establish: () => EMPTY,
    consume: (_queue, { prefetch, onConsuming }) =>
      new Observable((sink) => {
        onConsuming?.(true);
        let tag = 0;
        const next = (): void => {
          if (tag < count && !sink.closed) deliver(sink, ++tag, next);
        };
        for (let n = 0; n < Math.min(prefetch, count); n++) turn.add(next);
      }),
    depthOf: (queue) => of({ queue, messages: 0, consumers: 1 }),
    publish: () =>
      new Observable((sink) => {
        turn.add(() => sink.complete());
      }),
    close: () => EMPTY,
  };
}

const ANSWER: TransportResponse = {
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: Buffer.from(JSON.stringify({ ok: true, id: 'x'.repeat(20) })),
};

/** Answers in the next turn of the event loop, or when `soon` runs the work. */
export function inMemoryApi(soon?: (work: () => void) => void): Transport {
  const turn = new NextTurn();
  const later = soon ?? ((work) => turn.add(work));
  return () =>
    new Observable((sink) => {
      later(() => {
        if (sink.closed) return;
        sink.next(ANSWER);
        sink.complete();
      });
    });
}
