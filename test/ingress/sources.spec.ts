/** Entrances of sources that are more than a queue: partitions are entered under the right key, what feeds itself is refused when it is defined. */
import { expect } from 'chai';
import { of } from 'rxjs';
import { z } from 'zod';
import { partitioned } from '../../src/broker/partitioned.ts';
import { queue } from '../../src/broker/queue.ts';
import { DefinitionError } from '../../src/errors.ts';
import { definePipeline } from '../../src/pipeline/define-pipeline.ts';
import { every } from '../../src/sources/every.ts';
import { outbox } from '../../src/sources/outbox.ts';
import { schedule } from '../../src/sources/schedule.ts';
import type { Source } from '../../src/sources/source.ts';
import { stream } from '../../src/sources/stream.ts';
import { openDoor } from '../support/front-door.ts';
import { describeWithRabbitMq } from '../support/rabbitmq.ts';

const Entry = z.object({ account: z.union([z.string(), z.int()]), n: z.number() });

/** The input lifts old messages: the key is that of the message as it is handled. */
const Lifted = z
  .object({ account: z.string().trim(), n: z.number() })
  .transform(({ account, n }) => ({ account: account.toLowerCase(), n }));

const byKey = (name: string) =>
  definePipeline({
    name,
    source: partitioned(name, { by: 'account', partitions: 4, retry: false }),
    input: Entry,
    handle: ({ account, n }) => of({ account, n }),
    ingress: { path: '/entries', wait: '20s' },
  });
const byHeader = (name: string) =>
  definePipeline({
    name,
    source: partitioned(name, { by: 'account', partitions: 2, header: 'x-account', retry: false }),
    input: Lifted,
    handle: ({ account }, { headers }) => of({ account, header: headers['x-account'] }),
    ingress: { path: '/lifted', wait: '20s' },
  });

async function entersPartitions(name: string, amqpUrl?: string): Promise<void> {
  const subject = await openDoor([byKey(name), byHeader(`${name}-header`)], amqpUrl === undefined ? {} : { amqpUrl });
  try {
    const post = async (path: string, body: unknown) => {
      const { status, body: told } = await subject.ask(path, { body });
      return { status, told };
    };
    const accounts = ['a', 'b', 'c', 'ä'.repeat(127), 'eine Katze', 17, 2 ** 52];
    for (const account of accounts)
      for (const n of [1, 2, 3])
        expect(await post('/entries', { account, n })).to.deep.equal({ status: 200, told: { account, n } });
    // What the exchange is given is the key: otherwise the worker refuses the message.
    const lifted = { status: 200, told: { account: 'ada', header: 'ada' } };
    expect(await post('/lifted', { account: ' Ada', n: 1 })).to.deep.equal(lifted);

    const keyless = async (path: string, account: unknown) => {
      const { status, told } = await post(path, { account, n: 1 });
      return [status, told.errors];
    };
    const noKey = [{ path: 'account', message: 'expected a text that is not empty, or a number' }];
    expect(await keyless('/entries', '')).to.deep.equal([422, noKey]);
    expect(await keyless('/lifted', '  ')).to.deep.equal([422, noKey]);
    expect(await keyless('/entries', 'ä'.repeat(128))).to.deep.equal([
      422,
      [{ path: 'account', message: 'expected at most 255 bytes' }],
    ]);
    const long = 'x'.repeat(300);
    expect((await post('/lifted', { account: long, n: 1 })).told).to.deep.equal({ account: long, header: long });
  } finally {
    await subject.stop();
  }
}

describe('the front door before partitions', () => {
  it('publishes to the exchange under the key of the message as it is handled, and refuses what has none', () =>
    entersPartitions('entries'));
});

describeWithRabbitMq('the front door before partitions of RabbitMQ', (broker) => {
  it('publishes under the key that its consistent hash goes by', async () => {
    await entersPartitions(`entries-${process.pid}`, broker().url);
  });
});

describe('the front door before a source that feeds itself', () => {
  it('is refused when the pipeline is defined, by saying what to use', () => {
    const entered = (source: Source) => () =>
      definePipeline({ name: 'p', source, input: z.unknown(), handle: () => of(1), ingress: { path: '/a' } });
    expect(entered(queue('orders'))).to.not.throw();
    for (const source of [
      stream('events'),
      every('1m'),
      schedule('0 2 * * *'),
      outbox({ url: 'postgres://localhost/shop' }),
    ])
      expect(entered(source))
        .to.throw(DefinitionError)
        .with.property('message')
        .that.includes(
          'pipeline "p": ingress: expected a source made by queue() or partitioned(): this one feeds itself',
        );
  });
});
