/** What the doctor says of queues that are fed, and of the streams they are fed from, on a broker where all of it is there. */
import { expect } from 'chai';
import { z } from 'zod';
import type { BrokerInspection, Difference } from '../../../src/broker/inspection.ts';
import { queue } from '../../../src/broker/queue.ts';
import { examine } from '../../../src/cli/doctor/examine.ts';
import { definePipeline } from '../../../src/pipeline/define-pipeline.ts';
import { every } from '../../../src/sources/every.ts';
import { outbox } from '../../../src/sources/outbox.ts';
import { type StreamOptions, stream } from '../../../src/sources/stream.ts';

const input = z.object({ id: z.string() });
const handle = () => [];
const reading = (options: StreamOptions) =>
  definePipeline({ name: 'audit', source: stream('events', options), input, handle });

const inspection = (differences: readonly Difference[] = []): BrokerInspection => ({
  address: 'amqp://a',
  product: 'RabbitMQ',
  version: '4.0.5',
  queue: () => Promise.resolve({ ready: 0, consumers: 1 } as never),
  hasExchange: () => Promise.resolve(true),
  hasExchangeType: () => Promise.resolve(true),
  queueDifferences: ({ name }) => Promise.resolve(name === 'events' ? differences : []),
  exchangeDifferences: () => Promise.resolve([]),
  mayConfigure: () => Promise.resolve(true),
  mayWrite: () => Promise.resolve(true),
  mayRead: () => Promise.resolve(true),
  close: () => Promise.resolve(),
});

describe('the doctor on streams and what is fed', () => {
  const found = async (pipelines: Parameters<typeof examine>[1]['pipelines'], differences?: readonly Difference[]) => {
    const findings = await examine(inspection(differences), {
      pipelines,
      topology: 'assert',
      consumerTimeoutMs: 1_800_000,
    });
    return findings.map(({ subject, finding, advice }) => `${subject}: ${finding}: ${advice}`);
  };

  it('says of a queue that others fill that it has no bound, and of none whose feeder keeps within one', async () => {
    const orders = definePipeline({ name: 'orders', source: queue('orders'), input, handle });
    const nightly = definePipeline({ name: 'nightly', source: every('1d'), handle });
    const told = await found([orders, nightly, reading({ maxAge: '7D' })]);
    expect(told.filter((line) => line.includes('no bound'))).to.have.length(1);
    expect(told.join('\n')).to.match(
      /^queue orders: no bound among the arguments: while no worker runs messages pile up/m,
    );
    const relayed = definePipeline({ name: 'relayed', source: outbox({ url: 'postgres://a/b' }), input, handle });
    expect((await found([relayed])).join('\n')).to.match(
      /^queue relayed\.outbox: no bound among the arguments: where more is fed than handled messages pile up/m,
    );
  });

  it('says of a stream without a bound that it keeps all, unless it is declared by others', async () => {
    const note = 'stream events: no bound among the arguments: it keeps all that was ever published';
    expect((await found([reading({})])).join('\n')).to.include(note);
    for (const options of [{ maxBytes: 1_000_000 }, { maxAge: '1h' }, { declare: false }])
      expect((await found([reading(options)])).join('\n')).to.not.include(note);
  });

  it('does not advise to delete a stream that was declared otherwise', async () => {
    const difference = { property: 'x-max-age', wanted: '7D', found: '8D' };
    expect(await found([reading({ maxAge: '7D' })], [difference])).to.include(
      'queue events: has x-max-age 8D, wanted is 7D: a worker is refused at its start: say the same here as it was declared with, or leave it to others by declare: false; deleted, it loses all it keeps',
    );
  });
});
