/** The controls of the embedded broker, as amqplib sees them. */
import amqp, { type ChannelModel } from 'amqplib';
import { expect } from 'chai';
import { createEmbeddedBroker, type EmbeddedBroker } from '../../../src/broker/embedded/embedded-broker.ts';
import { eventually } from '../../support/eventually.ts';
import {
  channelOpen,
  HANDSHAKE,
  long,
  method,
  open,
  PROTOCOL,
  RawClient,
  short,
  shortString,
  startOk,
  tuneOk,
} from './raw-client.ts';

describe('createEmbeddedBroker', () => {
  let broker: EmbeddedBroker;
  let url: string;
  let port: number;
  let now = 0;
  const connections: ChannelModel[] = [];

  const connect = async (): Promise<ChannelModel> => {
    const connection = await amqp.connect(url);
    connection.on('error', () => {});
    connections.push(connection);
    return connection;
  };

  beforeEach(async () => {
    now = 1_700_000_000_000;
    broker = createEmbeddedBroker({ now: () => now + performance.now(), vhosts: ['/', 'other'] });
    ({ url, port } = await broker.start());
  });
  afterEach(async () => {
    for (const connection of connections.splice(0)) await connection.close().catch(() => {});
    await broker.stop();
  });

  const closing = (connection: ChannelModel): Promise<string> =>
    new Promise((resolve) => {
      let reason = '';
      connection.on('error', ({ message }: Error) => {
        reason = message;
      });
      connection.on('close', (error?: Error) => resolve(reason || (error?.message ?? '')));
    });

  it('cuts connections without a word; what was out comes again', async () => {
    const connection = await connect();
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue('q');
    channel.sendToQueue('q', Buffer.from('a'));
    await channel.waitForConfirms();
    await channel.get('q');
    const closed = closing(connection);
    broker.cutConnections();
    expect(await closed).to.match(/ECONNRESET|Unexpected close/);
    const again = await (await connect()).createChannel();
    const got = await again.get('q');
    expect(got !== false && got.fields.redelivered).to.equal(true);
  });

  it('keeps a frozen connection silent, and lets what was held through when it thaws', async () => {
    const channel = await (await connect()).createConfirmChannel();
    await channel.assertQueue('q');
    broker.freezeConnections('down');
    let confirmed = false;
    channel.sendToQueue('q', Buffer.from('a'), {}, () => {
      confirmed = true;
    });
    await eventually('it arrived', () => broker.stats().queues.get('q')?.ready === 1);
    expect(confirmed).to.equal(false);
    broker.thaw();
    await eventually('the confirm', () => confirmed);

    broker.freezeConnections('up');
    const late = new Promise<void>((resolve) => channel.sendToQueue('q', Buffer.from('b'), {}, () => resolve()));
    await (await connect()).createChannel();
    expect(broker.stats().queues.get('q')?.ready).to.equal(1);
    broker.thaw();
    await late;
    expect(broker.stats().queues.get('q')?.ready).to.equal(2);
  });

  it('nacks the next confirms and stores nothing for them', async () => {
    const channel = await (await connect()).createConfirmChannel();
    await channel.assertQueue('q');
    broker.nackNextConfirms(2);
    const heard: string[] = [];
    for (const name of ['a', 'b', 'c'])
      channel.sendToQueue('q', Buffer.from(name), {}, (error: unknown) =>
        heard.push(`${error ? 'nack' : 'ack'} ${name}`),
      );
    await channel.waitForConfirms().catch(() => {});
    await eventually('all answered', () => heard.length === 3);
    expect(heard).to.deep.equal(['nack a', 'nack b', 'ack c']);
    expect(broker.stats().queues.get('q')?.ready).to.equal(1);
  });

  it('blocks a connection at its publish, with everything it sends after, until it is unblocked', async () => {
    const connection = await connect();
    const consuming = await connect();
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue('q');
    const told: string[] = [];
    connection.on('blocked', (reason) => told.push(`blocked: ${reason}`));
    connection.on('unblocked', () => told.push('unblocked'));
    broker.block('low on memory');
    let confirmed = false;
    channel.sendToQueue('q', Buffer.from('a'), {}, () => {
      confirmed = true;
    });
    await eventually('told', () => told.length === 1);
    // A connection that does not publish is served.
    expect((await (await consuming.createChannel()).checkQueue('q')).messageCount).to.equal(0);
    expect(confirmed).to.equal(false);
    broker.unblock();
    await eventually('confirmed', () => confirmed);
    expect(told).to.deep.equal(['blocked: low on memory', 'unblocked']);
  });

  it('holds confirms back, and acks, until told to let go', async () => {
    const channel = await (await connect()).createConfirmChannel();
    await channel.assertQueue('q');
    broker.holdConfirms(true);
    let confirmed = 0;
    for (const body of ['a', 'b']) channel.sendToQueue('q', Buffer.from(body), {}, () => confirmed++);
    await eventually('stored', () => broker.stats().queues.get('q')?.ready === 2);
    await channel.checkQueue('q');
    expect(confirmed).to.equal(0);
    broker.holdConfirms(false);
    await eventually('confirmed', () => confirmed === 2);

    broker.holdAcks(true);
    const got = await channel.get('q');
    if (got !== false) channel.ack(got);
    await channel.checkQueue('q');
    expect(broker.stats().queues.get('q')).to.deep.equal({ ready: 1, unacked: 1, consumers: 0 });
    broker.holdAcks(false);
    expect(broker.stats().queues.get('q')).to.deep.equal({ ready: 1, unacked: 0, consumers: 0 });
  });

  it('cancels the consumers of a queue', async () => {
    const channel = await (await connect()).createChannel();
    await channel.assertQueue('q');
    const cancelled = new Promise<void>((resolve) => {
      void channel.consume('q', (message) => {
        if (message === null) resolve();
      });
    });
    await eventually('consuming', () => broker.stats().queues.get('q')?.consumers === 1);
    broker.cancelConsumers('q');
    await cancelled;
    expect(broker.stats().queues.get('q')?.consumers).to.equal(0);
  });

  it('restarts with what is durable and persistent, on the same port', async () => {
    const connection = await connect();
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue('durable');
    await channel.assertQueue('transient', { durable: false });
    await channel.assertExchange('kept', 'direct');
    await channel.assertExchange('gone', 'direct', { durable: false });
    await channel.bindQueue('durable', 'kept', 'k');
    channel.sendToQueue('durable', Buffer.from('persistent'), { persistent: true });
    channel.sendToQueue('durable', Buffer.from('not'), { persistent: false });
    await channel.waitForConfirms();
    const closed = closing(connection);
    broker.restart({ keepDurable: true });
    expect(await closed).to.contain(`CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'`);

    const again = await connect();
    const next = await again.createConfirmChannel();
    expect([...broker.stats().queues.keys()]).to.deep.equal(['durable']);
    next.publish('kept', 'k', Buffer.from('routed'));
    await next.waitForConfirms();
    const bodies = [await next.get('durable'), await next.get('durable'), await next.get('durable')];
    expect(bodies.map((got) => got !== false && got.content.toString())).to.deep.equal(['persistent', 'routed', false]);

    const crashed = closing(again);
    broker.restart({ keepDurable: false, crash: true });
    expect(await crashed).to.match(/ECONNRESET|Unexpected close/);
    expect(broker.stats().queues.size).to.equal(0);
  });

  it('delivers again, after a crash, what a durable classic queue had acked too late to write down', async () => {
    broker.rememberUnsyncedAcks(2);
    const connection = await connect();
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue('classic');
    await channel.assertQueue('quorum', { arguments: { 'x-queue-type': 'quorum' } });
    for (const queue of ['classic', 'quorum']) {
      for (const body of ['a', 'b', 'c']) channel.sendToQueue(queue, Buffer.from(body), { persistent: true });
      await channel.waitForConfirms();
      for (let count = 0; count < 3; count++) {
        const got = await channel.get(queue);
        if (got !== false) channel.ack(got);
      }
      await channel.checkQueue(queue);
    }
    const crashed = closing(connection);
    broker.restart({ keepDurable: true, dropUnsyncedAcks: true, crash: true });
    await crashed;
    expect(broker.stats().queues.get('classic')?.ready).to.equal(2);
    expect(broker.stats().queues.get('quorum')?.ready).to.equal(0);
  });

  it('keeps virtual hosts apart', async () => {
    const here = await (await connect()).createChannel();
    await here.assertQueue('q');
    const there = await amqp.connect(`${url}/other`);
    connections.push(there);
    await (await there.createChannel()).assertQueue('p');
    expect([...broker.stats('/').queues.keys()]).to.deep.equal(['q']);
    expect([...broker.stats('other').queues.keys()]).to.deep.equal(['p']);
    expect(() => broker.stats('none')).to.throw(RangeError, `no virtual host 'none'`);
  });

  it('sends heartbeats, and gives up on a client that sends none', async () => {
    const client = new RawClient(port);
    client.write(PROTOCOL, startOk(), tuneOk(2047, 131_072, 1), open());
    await client.answers('frame 8');
    await client.closes();
  });

  it('sends a heartbeat where no answer is due, so that no client waits for a delayed acknowledgement of TCP', async () => {
    const client = new RawClient(port);
    client.write(PROTOCOL, startOk(), tuneOk(2047, 131_072, 600), open(), channelOpen(1));
    await client.answers('1:20.11');
    expect(client.methods).to.not.include('frame 8');
    client.write(method(1, 60, 40, short(0), shortString(''), shortString('nowhere'), Buffer.from([0])));
    // The next one by the clock would come after minutes.
    await client.answers('frame 8');
    client.destroy();
  });

  it('pauses deliveries to a client that does not read, and goes on when it does', async () => {
    const channel = await (await connect()).createConfirmChannel();
    await channel.assertQueue('q');
    const client = new RawClient(port);
    const noAck = Buffer.from([2]);
    const consume = method(1, 60, 20, short(0), shortString('q'), shortString('t'), noAck, long(0));
    client.write(...HANDSHAKE, channelOpen(1), consume);
    await client.answers('1:60.21');
    client.setReading(false);
    const body = Buffer.alloc(100_000);
    for (let count = 0; count < 300; count++) channel.sendToQueue('q', body);
    await channel.waitForConfirms();
    expect(broker.stats().queues.get('q')?.ready).to.be.greaterThan(0);
    client.setReading(true);
    await eventually('all received', () => client.byteLength > 300 * body.length);
    expect(broker.stats().queues.get('q')?.ready).to.equal(0);
    client.destroy();
  });

  it('holds a hundred thousand messages, and hands them out in order', async () => {
    const channel = await (await connect()).createConfirmChannel();
    await channel.assertQueue('q');
    for (let count = 0; count < 100_000; count++) channel.sendToQueue('q', Buffer.from(String(count)));
    await channel.waitForConfirms();
    expect(broker.stats().queues.get('q')?.ready).to.equal(100_000);
    await channel.prefetch(500);
    let next = 0;
    let isInOrder = true;
    await channel.consume('q', (message) => {
      if (message === null) return;
      isInOrder &&= message.content.toString() === String(next++);
      channel.ack(message);
    });
    await eventually('all', () => next === 100_000, 100_000);
    expect(isInOrder).to.equal(true);
  });

  it('refuses a second start on a port that is taken, and stops twice without harm', async () => {
    const second = createEmbeddedBroker({ port });
    const refusal = await second.start().then(
      () => 'started',
      ({ message }: Error) => message,
    );
    expect(refusal).to.contain('EADDRINUSE');
    await second.stop();
    await second.stop();
  });

  it('tells clients when it stops', async () => {
    const connection = await connect();
    const closed = closing(connection);
    const client = new RawClient(port);
    client.write(...HANDSHAKE, channelOpen(1), method(1, 85, 10, Buffer.from([0])));
    await client.answers('1:85.11');
    const stopped = broker.stop();
    expect(await closed).to.contain('CONNECTION_FORCED');
    client.destroy();
    await stopped;
  });
});
