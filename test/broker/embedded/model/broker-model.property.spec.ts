/**
 * Random sequences of operations on the model keep its laws. Small by default; SLUICE_RUNS sets the number of sequences.
 * A failure prints its seed, and fast-check the shortest sequence that fails.
 */
import { expect } from 'chai';
import fc from 'fast-check';
import { BrokerModel } from '../../../../src/broker/embedded/model/broker-model.ts';
import type { Channel } from '../../../../src/broker/embedded/model/channel.ts';
import type { Got } from '../../../../src/broker/embedded/model/consume-commands.ts';
import type { Effect } from '../../../../src/broker/embedded/model/effect.ts';
import { AmqpFault } from '../../../../src/broker/embedded/model/fault.ts';
import { type Field, long, longstr } from '../../../../src/broker/embedded/model/field.ts';

const RUNS = Number(process.env.SLUICE_RUNS ?? 2_000);
const SEED = Number(process.env.SLUICE_SEED ?? 20_261_123);

const CHANNELS = 3;
const QUEUES = ['plain', 'ttl', 'short', 'full', 'quorum', 'dead'] as const;
const PREFETCHES = [0, 1, 3];

type Operation =
  | {
      readonly kind: 'publish';
      readonly channel: number;
      readonly queue: number;
      readonly expiration: number | undefined;
    }
  | {
      readonly kind: 'consume';
      readonly channel: number;
      readonly queue: number;
      readonly prefetch: number;
      readonly noAck: boolean;
    }
  | { readonly kind: 'cancel'; readonly channel: number; readonly pick: number }
  | { readonly kind: 'get'; readonly channel: number; readonly queue: number; readonly noAck: boolean }
  | {
      readonly kind: 'settle';
      readonly channel: number;
      readonly pick: number;
      readonly multiple: boolean;
      readonly verdict: 'ack' | 'reject' | 'requeue';
    }
  | { readonly kind: 'recover' | 'reopen'; readonly channel: number }
  | { readonly kind: 'purge' | 'recreate'; readonly queue: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'nack' | 'restart' };

const channel = fc.nat(CHANNELS - 1);
const queue = fc.nat(QUEUES.length - 1);
const often = <T>(weight: number, arbitrary: fc.Arbitrary<T>) => ({ weight, arbitrary });

const operation: fc.Arbitrary<Operation> = fc.oneof(
  often(
    12,
    fc.record({
      kind: fc.constant('publish' as const),
      channel,
      queue,
      expiration: fc.option(fc.nat(30), { nil: undefined }),
    }),
  ),
  often(
    4,
    fc.record({ kind: fc.constant('consume' as const), channel, queue, prefetch: fc.nat(2), noAck: fc.boolean() }),
  ),
  often(4, fc.record({ kind: fc.constant('cancel' as const), channel, pick: fc.nat(9) })),
  often(3, fc.record({ kind: fc.constant('get' as const), channel, queue, noAck: fc.boolean() })),
  often(
    10,
    fc.record({
      kind: fc.constant('settle' as const),
      channel,
      pick: fc.nat(9),
      multiple: fc.boolean(),
      verdict: fc.constantFrom('ack' as const, 'reject' as const, 'requeue' as const),
    }),
  ),
  often(1, fc.record({ kind: fc.constantFrom('recover' as const, 'reopen' as const), channel })),
  often(1, fc.record({ kind: fc.constantFrom('purge' as const, 'recreate' as const), queue })),
  often(3, fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(40) })),
  often(1, fc.record({ kind: fc.constantFrom('nack' as const, 'restart' as const) })),
);

const idOf = ({ body }: { readonly body: Uint8Array }): string => Buffer.from(body).toString();

/** As `expect`, for laws that are looked at a million times. */
function must(holds: boolean, law: string): void {
  if (!holds) throw new Error(law);
}

/** The model under test, with what its clients have seen. */
class World {
  now = 1_000_000;
  readonly model = new BrokerModel({ now: () => this.now, random: () => 0.5 });
  channels: Channel[] = [];
  readonly out = new Map<Channel, Map<number, string>>();
  readonly noAckTags = new Set<string>();
  /** Messages that were acked, or taken where no ack is asked for: they never come again. */
  readonly finished = new Set<string>();
  published = 0;
  confirms = 0;
  expectedConfirms = 0;
  #tags = 0;

  constructor() {
    this.openAll();
  }

  openAll(): void {
    this.channels = Array.from({ length: CHANNELS }, () => this.open());
    for (const name of QUEUES) this.declare(name);
  }

  open(): Channel {
    const connection = this.model.openConnection('guest');
    const opened: Channel = this.model.openChannel(connection, (effect) => this.#receive(opened, effect));
    this.model.confirmPublishes(opened);
    this.out.set(opened, new Map());
    return opened;
  }

  declare(name: (typeof QUEUES)[number]): void {
    const [first] = this.channels;
    if (first === undefined) return;
    const dead: [string, Field][] = [
      ['x-dead-letter-exchange', longstr('')],
      ['x-dead-letter-routing-key', longstr('dead')],
    ];
    const args: Record<(typeof QUEUES)[number], [string, Field][]> = {
      plain: [],
      ttl: [...dead, ['x-message-ttl', long(20)]],
      short: [...dead, ['x-max-length', long(3)]],
      full: [
        ['x-max-length', long(3)],
        ['x-overflow', longstr('reject-publish')],
      ],
      quorum: [...dead, ['x-queue-type', longstr('quorum')], ['x-delivery-limit', long(2)]],
      dead: [],
    };
    this.model.declareQueue(first, { queue: name, durable: true, arguments: new Map(args[name]) });
  }

  consume(on: Channel, queueName: string, prefetch: number, noAck: boolean): void {
    const consumerTag = `c${++this.#tags}`;
    if (noAck) this.noAckTags.add(consumerTag);
    this.model.setPrefetch(on, prefetch, false);
    this.model.consume(on, { queue: queueName, consumerTag, noAck });
  }

  got(message: Got | undefined, noAck: boolean): void {
    if (message === undefined) return;
    const id = idOf(message.message);
    must(!this.finished.has(id), `${id} was finished and came again`);
    if (noAck) this.finished.add(id);
  }

  #receive(on: Channel, effect: Effect): void {
    if (effect.kind === 'confirm') this.confirms++;
    if (effect.kind !== 'deliver') return;
    must(on.consumers.has(effect.consumerTag), 'only a consumer that is there is delivered to');
    const id = idOf(effect.message);
    must(!this.finished.has(id), `${id} was finished and came again`);
    if (this.noAckTags.has(effect.consumerTag)) this.finished.add(id);
    this.out.get(on)?.set(effect.deliveryTag, id);
  }
}

function apply(world: World, step: Operation): void {
  const { model } = world;
  const on = 'channel' in step ? world.channels[step.channel] : world.channels[0];
  const queueName = 'queue' in step ? (QUEUES[step.queue] ?? 'plain') : 'plain';
  if (on === undefined) return;
  switch (step.kind) {
    case 'publish':
      world.published++;
      world.expectedConfirms++;
      model.publish(on, {
        exchange: '',
        routingKey: queueName,
        properties: {
          deliveryMode: 2,
          ...(step.expiration === undefined ? {} : { expiration: String(step.expiration) }),
        },
        body: Buffer.from(`m${world.published}`),
      });
      break;
    case 'consume':
      world.consume(on, queueName, PREFETCHES[step.prefetch] ?? 0, step.noAck);
      break;
    case 'cancel': {
      const tags = [...on.consumers.keys()];
      const tag = tags[step.pick % Math.max(tags.length, 1)];
      if (tag !== undefined) model.cancel(on, tag);
      break;
    }
    case 'get':
      world.got(model.get(on, { queue: queueName, noAck: step.noAck }), step.noAck);
      break;
    case 'settle': {
      const tags = [...on.unacked.keys()];
      const tag = tags[step.pick % Math.max(tags.length, 1)];
      if (tag === undefined) {
        expect(() => model.settle(on, on.lastDeliveryTag + 1, false, 'ack')).to.throw(
          AmqpFault,
          'unknown delivery tag',
        );
        break;
      }
      const isMeant = (each: number): boolean => each === tag || (step.multiple && each < tag);
      for (const [each, { entry }] of on.unacked) {
        if (step.verdict === 'ack' && isMeant(each)) world.finished.add(idOf(entry.message));
      }
      model.settle(on, tag, step.multiple, step.verdict);
      for (const each of on.unacked.keys()) must(!isMeant(each), `tag ${each} is still out`);
      break;
    }
    case 'recover':
      model.recover(on);
      break;
    case 'reopen':
      model.flush();
      model.closeConnection(on.connection);
      world.channels[step.channel] = world.open();
      break;
    case 'purge':
      model.purgeQueue(on, queueName);
      break;
    case 'recreate':
      model.deleteQueue(on, { queue: queueName });
      world.declare(QUEUES[step.queue] ?? 'plain');
      break;
    case 'wait':
      world.now += step.ms;
      model.advance();
      break;
    case 'nack':
      model.nackNextConfirms(1);
      break;
    case 'restart':
      model.flush();
      model.restart({ keepDurable: true });
      world.openAll();
      break;
  }
}

/** The laws, after every step. */
function check(world: World): void {
  const { model } = world;
  const { ledger } = model;
  let ready = 0;
  let unacked = 0;
  for (const depth of model.queueDepths().values()) {
    ready += depth.ready;
    unacked += depth.unacked;
  }
  const { acked, rejected, expired, overflowed, limitReached, purged, deleted, lostAtRestart } = ledger;
  const left = acked + rejected + expired + overflowed + limitReached + purged + deleted + lostAtRestart;
  must(ledger.enqueued === ready + unacked + left, 'every copy that entered is there, or has left once');
  must(ledger.published === world.published, 'every publish was taken');
  must(ledger.confirmed + ledger.nacked === world.expectedConfirms, 'every publish is answered');
  for (const count of Object.values(ledger)) must(count >= 0, 'no count is negative');

  const out = new Set<string>();
  for (const { consumers, unacked: unsettled } of world.channels) {
    const counts = new Map<string, number>();
    for (const { entry, consumer } of unsettled.values()) {
      const id = idOf(entry.message);
      must(!out.has(id), `${id} is out twice`);
      out.add(id);
      if (consumer !== undefined) counts.set(consumer.tag, (counts.get(consumer.tag) ?? 0) + 1);
    }
    for (const [tag, { prefetch, unacked: counted }] of consumers) {
      must(counted === (counts.get(tag) ?? 0), 'a consumer counts what it has out');
      must(prefetch === 0 || counted <= prefetch, 'no consumer has more out than its prefetch');
    }
  }
}

/** Nothing waits beside a consumer that could take it. */
function checkProgress(world: World): void {
  for (const [name, { ready }] of world.model.queueDepths()) {
    if (ready === 0) continue;
    for (const channelOf of world.channels) {
      for (const { queue: of, noAck, prefetch, unacked } of channelOf.consumers.values()) {
        const hasRoom = noAck || prefetch === 0 || unacked < prefetch;
        must(!(of.name === name && hasRoom), `${name} has ready messages and a consumer with room`);
      }
    }
  }
}

describe('BrokerModel, whatever is done to it', () => {
  it(`neither loses nor doubles a message, answers each publish, and keeps to prefetch (${RUNS} sequences)`, function random() {
    this.timeout(0);
    fc.assert(
      fc.property(fc.array(operation, { minLength: 1, maxLength: 60 }), (steps) => {
        const world = new World();
        for (const step of steps) {
          apply(world, step);
          world.model.flush();
          check(world);
          checkProgress(world);
        }
        expect(world.confirms, 'confirms that reached the publisher').to.equal(world.expectedConfirms);
      }),
      { numRuns: RUNS, seed: SEED },
    );
  });

  it(`delivers in order to a single consumer that gives nothing back (${RUNS} sequences)`, function ordered() {
    this.timeout(0);
    const step = fc.oneof(
      fc.constant('publish' as const),
      fc.constant('ack' as const),
      fc.constant('ack all' as const),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 5 }), (steps, prefetch) => {
        const world = new World();
        const [on] = world.channels;
        if (on === undefined) return;
        world.consume(on, 'plain', prefetch, false);
        const seen: string[] = [];
        for (const each of steps) {
          if (each === 'publish') apply(world, { kind: 'publish', channel: 1, queue: 0, expiration: undefined });
          else
            apply(world, {
              kind: 'settle',
              channel: 0,
              pick: each === 'ack' ? 0 : 9,
              multiple: each !== 'ack',
              verdict: 'ack',
            });
          world.model.flush();
        }
        for (const id of world.out.get(on)?.values() ?? []) seen.push(id);
        expect(seen).to.deep.equal(seen.map((_, index) => `m${index + 1}`));
      }),
      { numRuns: RUNS, seed: SEED },
    );
  });

  it('is the same whenever it is run again', () => {
    const run = (steps: readonly Operation[]): unknown => {
      const world = new World();
      for (const step of steps) {
        apply(world, step);
        world.model.flush();
      }
      return [world.model.ledger, [...world.model.queueDepths()]];
    };
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 40 }), (steps) => {
        expect(run(steps)).to.deep.equal(run(steps));
      }),
      { numRuns: 200, seed: SEED },
    );
  });
});
