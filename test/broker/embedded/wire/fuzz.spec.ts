/** Ten thousand malformed frames, seeded: connections end, the server and everybody else's messages stay. */
import amqp from 'amqplib';
import { expect } from 'chai';
import fc from 'fast-check';
import { createEmbeddedBroker, type EmbeddedBroker } from '../../../../src/broker/embedded/embedded-broker.ts';
import { eventually } from '../../../support/eventually.ts';
import { channelOpen, frame, HANDSHAKE, method, PROTOCOL, RawClient, short, shortString } from '../raw-client.ts';

const FRAMES = 10_000;
const PER_CONNECTION = 5;
const SEED = Number(process.env.SLUICE_SEED ?? 20_261_123);

const bytes = fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array));
const known = [
  method(1, 50, 10, short(0), shortString('fuzz'), Buffer.from([0]), Buffer.alloc(4)),
  method(1, 60, 40, short(0), shortString(''), shortString('fuzz'), Buffer.from([1])),
  method(1, 60, 20, short(0), shortString('fuzz'), shortString(''), Buffer.from([0]), Buffer.alloc(4)),
  method(1, 60, 80, Buffer.alloc(8), Buffer.from([1])),
  method(1, 40, 10, short(0), shortString('fuzz'), shortString('topic'), Buffer.from([0]), Buffer.alloc(4)),
  frame(2, 1, Buffer.concat([short(60), Buffer.alloc(12), short(0xfffc)])),
  channelOpen(1),
];

/** A frame that is nearly right: one byte of a good one changed. */
const mutated = fc.tuple(fc.constantFrom(...known), fc.nat(), fc.nat(255)).map(([good, at, value]) => {
  const bad = Buffer.from(good);
  bad[at % bad.length] = value;
  return bad;
});

const malformed = fc.oneof(
  mutated,
  fc
    .tuple(fc.constantFrom(1, 2, 3, 8, 9, 255), fc.nat(3), bytes, fc.constantFrom(0xce, 0))
    .map(([type, channel, payload, end]) => frame(type, channel, payload, end)),
  fc.tuple(fc.nat(70_000), bytes).map(([id, payload]) => method(1, id >> 8, id & 0xff, payload)),
  fc
    .tuple(fc.constantFrom(10, 20, 40, 50, 60, 85, 90), fc.nat(130), bytes)
    .map(([classId, methodId, payload]) => method(1, classId, methodId, payload)),
  bytes,
);

/** How far the client gets before it goes wrong. */
const prefix = fc.constantFrom([], [PROTOCOL], HANDSHAKE.slice(0, 2), HANDSHAKE.slice(0, 3), HANDSHAKE, [
  ...HANDSHAKE,
  channelOpen(1),
]);

describe('the wire server, fuzzed', () => {
  let broker: EmbeddedBroker;
  let port: number;
  let url: string;

  before(async () => {
    broker = createEmbeddedBroker();
    ({ port, url } = await broker.start());
  });
  after(() => broker.stop());

  it(`survives ${FRAMES} malformed frames, and leaves a bystander its messages`, async () => {
    const faults: unknown[] = [];
    const onFault = (error: unknown): void => void faults.push(error);
    process.on('uncaughtExceptionMonitor', onFault);
    const connection = await amqp.connect(url);
    const bystander = await connection.createConfirmChannel();
    const { queue } = await bystander.assertQueue('', { exclusive: true });
    const attack = fc.tuple(prefix, fc.array(malformed, { minLength: PER_CONNECTION, maxLength: PER_CONNECTION }));
    const attacks = fc.sample(attack, { numRuns: FRAMES / PER_CONNECTION, seed: SEED });

    let refused = 0;
    for (let from = 0; from < attacks.length; from += 50) {
      const clients = attacks.slice(from, from + 50).map(([before, frames]) => {
        const client = new RawClient(port);
        client.write(...before, ...frames);
        return client;
      });
      bystander.sendToQueue(queue, Buffer.from('still here'));
      await bystander.waitForConfirms();
      for (const client of clients) client.end();
      await eventually('all are gone', () => clients.every((client) => client.isClosed));
      refused += clients.filter(({ methods }) => methods.some((each) => each.startsWith('0:10.50'))).length;
    }

    await eventually('only the bystander is left', () => broker.stats().connections === 1);
    expect((await bystander.checkQueue(queue)).messageCount).to.equal(attacks.length / 50);
    expect(faults).to.deep.equal([]);
    // The attacks did reach it: a third of them got as far as being told what was wrong.
    expect(refused).to.be.at.least(attacks.length / 3);
    process.off('uncaughtExceptionMonitor', onFault);
    await connection.close();
  });
});
