/** basic.ack, nack, reject and recover. */
import type { Channel, ConsumedQueue, Unacked } from './channel.ts';
import { refill } from './consume-commands.ts';
import { AmqpFault, preconditionFailed } from './fault.ts';
import { emit, type State } from './state.ts';
import type { Verdict } from './verdict.ts';

/**
 * Settles one delivery, or with `multiple` every one up to the tag; tag 0 with `multiple` is all.
 * @throws AmqpFault 406 for a tag that is not out on this channel: settled before, or never delivered.
 */
export function settle(state: State, channel: Channel, deliveryTag: number, multiple: boolean, verdict: Verdict): void {
  if (state.faults.holdsAcks) {
    state.faults.heldSettlements.push({ channel, deliveryTag, multiple, verdict });
    return;
  }
  if (!multiple) {
    const unacked = channel.unacked.get(deliveryTag);
    if (unacked === undefined) throw unknownTag(deliveryTag);
    channel.unacked.delete(deliveryTag);
    apply(channel, [unacked], verdict);
    return;
  }
  if (deliveryTag !== 0 && !channel.unacked.has(deliveryTag)) throw unknownTag(deliveryTag);
  const taken: Unacked[] = [];
  for (const [tag, unacked] of channel.unacked) {
    if (deliveryTag !== 0 && tag > deliveryTag) break;
    channel.unacked.delete(tag);
    taken.push(unacked);
  }
  apply(channel, taken, verdict);
}

const unknownTag = (deliveryTag: number): Error => preconditionFailed(`unknown delivery tag ${deliveryTag}`);

/** Requeues everything that is out on the channel. */
export function recover(state: State, channel: Channel): void {
  settle(state, channel, 0, true, 'requeue');
}

function apply(channel: Channel, taken: readonly Unacked[], verdict: Verdict): void {
  const first = taken[0];
  if (first === undefined) return;
  if (taken.length === 1) {
    settleOne(channel, first, verdict);
    makeRoom(channel, first);
    first.queue.drain();
    return;
  }
  const queues = new Set<ConsumedQueue>();
  for (const unacked of taken) {
    settleOne(channel, unacked, verdict);
    queues.add(unacked.queue);
  }
  for (const unacked of taken) makeRoom(channel, unacked);
  for (const queue of queues) queue.drain();
}

function settleOne(channel: Channel, { entry, queue, consumer }: Unacked, verdict: Verdict): void {
  if (consumer !== undefined) {
    consumer.unacked--;
    channel.unackedByConsumers--;
  }
  if (verdict === 'requeue') queue.requeue(entry, 'client');
  else queue.settled(entry, verdict === 'ack' ? 'acked' : 'rejected');
}

function makeRoom(channel: Channel, { consumer }: Unacked): void {
  if (channel.channelPrefetch > 0) refill(channel);
  else consumer?.queue.consumers.unblock(consumer);
}

/** Lets the settlements act that a test held back; those of channels that have gone are void. */
export function releaseAcks(state: State): void {
  state.faults.holdsAcks = false;
  for (const { channel, deliveryTag, multiple, verdict } of state.faults.heldSettlements.splice(0)) {
    if (!channel.isOpen) continue;
    try {
      settle(state, channel, deliveryTag, multiple, verdict);
    } catch (error) {
      if (!(error instanceof AmqpFault)) throw error;
      emit(state, { kind: 'close', channel, fault: error });
    }
  }
}

/** Gives back what a channel that ends had out, in order of delivery. */
export function returnAll(channel: Channel): void {
  const queues = new Set<ConsumedQueue>();
  for (const { entry, queue, consumer } of channel.unacked.values()) {
    if (consumer !== undefined) consumer.unacked--;
    queue.requeue(entry, 'channel');
    queues.add(queue);
  }
  channel.unacked.clear();
  channel.unackedByConsumers = 0;
  for (const queue of queues) queue.drain();
}
