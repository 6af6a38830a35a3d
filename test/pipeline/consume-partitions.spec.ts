/** What a worker takes for its own among partitions, where the broker counts workers otherwise than they are. */
import { expect } from 'chai';
import { asyncScheduler, defer, Observable, of, type Subscriber } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import type { Broker } from '../../src/broker/broker.ts';
import { partitioned } from '../../src/index.ts';
import type { Delivery } from '../../src/message/delivery.ts';
import { consumePartitions } from '../../src/pipeline/consume-partitions.ts';

const LOOK_EVERY_MS = 5_000;

/** One worker with four partitions, which looks once it has begun and then every five seconds. */
function play(counts: readonly number[], messages: Readonly<Record<number, readonly string[]>>): readonly string[] {
  const handedOver: string[] = [];
  new TestScheduler(() => {}).run(({ flush }) => {
    const consumers = new Map<string, Subscriber<Delivery>>();
    let look = 0;
    const broker: Pick<Broker, 'consume' | 'depthOf'> = {
      consume: (queue, { onConsuming }) =>
        new Observable((subscriber) => {
          consumers.set(queue, subscriber);
          onConsuming?.(true);
        }),
      depthOf: (queue) => defer(() => of({ queue, messages: 0, consumers: counts[look++] ?? 0 })),
    };
    const source = partitioned('postings', { by: 'account', partitions: 4 });
    const consuming = consumePartitions(broker, source, {
      prefetch: 4,
      random: () => 0.5,
      onHandedOver: (queue) => void handedOver.push(`${look}: ${queue}`),
    }).subscribe();
    for (const [after, queues] of Object.entries(messages))
      asyncScheduler.schedule(
        () => {
          for (const queue of queues) consumers.get(queue)?.next({} as Delivery);
        },
        (Number(after) - 1) * LOOK_EVERY_MS + 1,
      );
    asyncScheduler.schedule(() => consuming.unsubscribe(), (counts.length - 1) * LOOK_EVERY_MS + 2);
    flush();
  });
  return handedOver;
}

describe('consumePartitions', () => {
  it('leaves half of all to the second worker after it was alone', () => {
    expect(play([1, 2, 2, 2], {})).to.deep.equal(['2: postings.2', '2: postings.3']);
  });

  it('gives nothing away again and again for partitions it took for its own when another was not counted yet', () => {
    const ours = ['postings.2', 'postings.3'];
    // Those are its own, the first two are the other's all the while.
    const handedOver = play([1, 2, 2, 2, 2], { 1: ours, 2: ours, 3: ours, 4: ours });
    expect(handedOver).to.deep.equal(['2: postings.2', '2: postings.3']);
  });

  it('leaves no more of idle ones to a third worker, for they would all be the second one’s', () => {
    expect(play([1, 2, 4, 4], {})).to.deep.equal(['2: postings.2', '2: postings.3']);
  });
});
