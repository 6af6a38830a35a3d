/** Channels that come and go under a publisher, without a broker: what it told, and did not, is said by the test. In virtual time. */
import { EventEmitter } from 'node:events';
import { expect } from 'chai';
import { NEVER, Subject } from 'rxjs';
import sinon from 'sinon';
import type { Link } from '../../../src/broker/amqp/link.ts';
import { createPauses } from '../../../src/broker/amqp/pauses.ts';
import { Publisher, type PublisherOptions } from '../../../src/broker/amqp/publisher.ts';
import { answeredAttempt, Requester } from '../../../src/broker/amqp/requester.ts';
import { silentLogger } from '../../../src/log.ts';
import { message } from '../../contract/broker-port.ts';

type Confirmed = (error: unknown) => void;

/** What is needed of amqplib's channel. */
class FakeChannel extends EventEmitter {
  readonly ch = 1;
  readonly connection = { frameMax: 131_072, sendBytes: (): void => {} };
  readonly out: Confirmed[] = [];
  onReply: ((message: object) => void) | undefined;
  isClosed = false;

  sendMessage(): void {}
  pushConfirmCallback(confirmed: Confirmed): void {
    this.out.push(confirmed);
  }
  consume(_: string, onReply: (message: object) => void): Promise<object> {
    this.onReply = onReply;
    return Promise.resolve({});
  }
  close(): Promise<void> {
    this.isClosed = true;
    this.emit('close');
    return Promise.resolve();
  }
  nack(): void {
    this.out.shift()?.(new Error('message nacked'));
  }
  confirm(): void {
    this.out.shift()?.(null);
  }
  answer(correlationId: string): void {
    this.onReply?.({ content: Buffer.from('{}'), fields: {}, properties: { correlationId, headers: {} } });
  }
}

describe('a publisher whose channel is refused', () => {
  let clock: sinon.SinonFakeTimers;
  let channels: FakeChannel[];
  let links: Subject<Link | undefined>;
  let told: Record<string, string>;

  beforeEach(() => {
    clock = sinon.useFakeTimers();
    channels = [];
    links = new Subject();
    told = {};
  });
  afterEach(() => clock.restore());

  const options = (): PublisherOptions => ({
    links,
    maxUnconfirmed: 10,
    maxUnconfirmedBytes: 1e6,
    confirmTimeoutMs: 30_000,
    pauses: createPauses({}, () => 0.5),
    log: silentLogger,
    onDefect: (error) => {
      throw error;
    },
  });

  const connect = async (): Promise<void> => {
    const createConfirmChannel = (): Promise<FakeChannel> => {
      const channel = new FakeChannel();
      channels.push(channel);
      return Promise.resolve(channel);
    };
    const link = { model: { createConfirmChannel }, isOpen: true, lost: NEVER, ask: (answer: unknown) => answer };
    links.next(link as unknown as Link);
    await clock.tickAsync(0);
  };

  const at = (index: number): FakeChannel => {
    const channel = channels[index];
    if (channel === undefined) throw new Error(`there are ${channels.length} channels`);
    return channel;
  };

  const publisherOf = async (): Promise<{ publisher: Publisher; send: (name: string) => void }> => {
    const publisher = new Publisher(options());
    await connect();
    const send = (name: string): void => {
      publisher.publish(message('queue', name)).subscribe({
        complete: () => (told[name] = 'confirmed'),
        error: ({ code }: { readonly code: string }) => (told[name] = code),
      });
    };
    return { publisher, send };
  };

  it('waits for what is out on the old one, which is not published again, and closes it then', async () => {
    const { publisher, send } = await publisherOf();
    await clock.tickAsync(6_000);
    for (const name of ['refused', 'slow', 'lost']) send(name);
    at(0).nack();
    send('next');
    await clock.tickAsync(0);
    expect(told).to.deep.equal({ refused: 'ERR_PUBLISH_NACKED' });
    expect([channels.length, at(0).isClosed, at(1).out.length, publisher.unconfirmed]).to.deep.equal([2, false, 1, 3]);

    at(1).confirm();
    at(0).confirm();
    expect(told).to.include({ next: 'confirmed', slow: 'confirmed' });
    expect(at(0).isClosed).to.equal(false);
    await clock.tickAsync(30_000);
    expect(told).to.include({ lost: 'ERR_PUBLISH_UNKNOWN' });
    expect([at(0).isClosed, at(1).isClosed, publisher.unconfirmed]).to.deep.equal([true, false, 0]);
  });

  it('loses with the old one what is out on it, and nothing of the new one', async () => {
    const { send } = await publisherOf();
    await clock.tickAsync(6_000);
    for (const name of ['refused', 'old']) send(name);
    at(0).nack();
    send('new');
    await clock.tickAsync(0);
    await at(0).close();
    expect(told).to.deep.equal({ refused: 'ERR_PUBLISH_NACKED', old: 'ERR_PUBLISH_UNKNOWN' });
    await clock.tickAsync(20_000);
    expect(channels.length).to.equal(2);
    at(1).confirm();
    expect(told).to.include({ new: 'confirmed' });
  });

  it('has a new one every 5 s at most while the queue stays full, and two at a time', async () => {
    const { send } = await publisherOf();
    for (let second = 1; second <= 60; second++) {
      await clock.tickAsync(1_000);
      send('refused');
      for (const channel of channels) channel.nack();
    }
    await clock.tickAsync(0);
    expect(channels.length).to.be.within(10, 13);
    expect(channels.filter(({ isClosed }) => !isClosed).length).to.equal(1);

    // One publish that is never answered on each.
    for (let second = 1; second <= 20; second++) {
      await clock.tickAsync(1_000);
      send('refused');
      send('leaderless');
      channels.at(-1)?.nack();
      expect(channels.filter(({ isClosed }) => !isClosed).length).to.be.at.most(2);
    }
  });

  it('has a new one at the next refusal where tries are half a minute apart', async () => {
    const { send } = await publisherOf();
    for (const tries of [1, 2, 3]) {
      await clock.tickAsync(30_000);
      send('refused');
      at(tries - 1).nack();
      await clock.tickAsync(0);
      expect(channels.length).to.equal(tries + 1);
    }
  });

  it('asks for none while the broker does not read, nor while it is closed', async () => {
    const { publisher, send } = await publisherOf();
    await clock.tickAsync(6_000);
    for (const name of ['one', 'two', 'three']) send(name);
    publisher.setBlocked(true);
    at(0).nack();
    publisher.setBlocked(false);
    publisher.drain().subscribe();
    at(0).nack();
    await clock.tickAsync(0);
    expect(channels.length).to.equal(1);
    at(0).confirm();
    await publisher.close('closed');
    expect(at(0).isClosed).to.equal(true);
  });

  it('closes both in the end, and says of neither that it confirmed', async () => {
    const { publisher, send } = await publisherOf();
    await clock.tickAsync(6_000);
    for (const name of ['refused', 'old']) send(name);
    at(0).nack();
    send('new');
    await clock.tickAsync(0);
    await publisher.close('closed');
    expect(told).to.deep.equal({
      refused: 'ERR_PUBLISH_NACKED',
      old: 'ERR_PUBLISH_UNKNOWN',
      new: 'ERR_PUBLISH_UNKNOWN',
    });
    expect(channels.map(({ isClosed }) => isClosed)).to.deep.equal([true, true]);
  });

  it('tells with the connection of what was out on both', async () => {
    const { send } = await publisherOf();
    await clock.tickAsync(6_000);
    for (const name of ['refused', 'old']) send(name);
    at(0).nack();
    send('new');
    await clock.tickAsync(0);
    links.next(undefined);
    expect(told).to.include({ old: 'ERR_PUBLISH_UNKNOWN', new: 'ERR_PUBLISH_UNKNOWN' });
  });

  it('does not hold against the new one what the old one never confirms', async () => {
    const { send } = await publisherOf();
    await clock.tickAsync(6_000);
    // With the new one's own as many as make a channel given up.
    for (let n = 0; n < 10; n++) send(`old ${n}`);
    at(0).nack();
    send('new');
    await clock.tickAsync(31_000);
    expect(Object.values(told).filter((code) => code === 'ERR_PUBLISH_UNKNOWN').length).to.equal(10);
    expect(channels.map(({ isClosed }) => isClosed)).to.deep.equal([true, false]);
  });

  it('takes a message that comes back on one for what left there', async () => {
    const { publisher, send } = await publisherOf();
    await clock.tickAsync(6_000);
    const twice = { ...message('queue', 'same'), mandatory: true };
    const publishAs = (name: string): void =>
      void publisher.publish(twice).subscribe({
        complete: () => (told[name] = 'confirmed'),
        error: ({ code }: { readonly code: string }) => (told[name] = code),
      });
    send('refused');
    publishAs('old');
    at(0).nack();
    publishAs('new');
    await clock.tickAsync(0);
    const { exchange, routingKey, body, properties } = twice;
    at(1).emit('return', { content: Buffer.from(body), fields: { exchange, routingKey }, properties });
    at(1).confirm();
    at(0).confirm();
    expect(told).to.include({ old: 'confirmed', new: 'ERR_UNROUTABLE' });
  });

  describe('with requests on it', () => {
    const requesterOf = async (): Promise<(key: string) => void> => {
      const requester = new Requester(options(), answeredAttempt);
      const ask = (key: string): void => {
        const request = { ...message('queue', key), properties: { correlationId: key } };
        requester.request(request, key).subscribe({
          next: ({ kind }) => (told[key] = kind),
          error: ({ code }: { readonly code: string }) => (told[key] = code),
        });
      };
      ask('first');
      await connect();
      return ask;
    };

    /** One is asked on the channel that is left, another on the new one. */
    const leaveWithTwo = async (): Promise<void> => {
      const ask = await requesterOf();
      at(0).confirm();
      await clock.tickAsync(6_000);
      ask('refused');
      at(0).nack();
      ask('second');
      await clock.tickAsync(0);
    };

    it('leaves it although answers are awaited, and hears them there', async () => {
      await leaveWithTwo();
      expect(channels.length).to.equal(2);
      at(1).confirm();
      expect(at(0).isClosed).to.equal(false);
      at(0).answer('first');
      at(1).answer('second');
      expect(told).to.deep.equal({ first: 'reply', refused: 'ERR_PUBLISH_NACKED', second: 'reply' });
    });

    it('closes the old one when each who asked there is answered, for whom another answer is a hope', async () => {
      await leaveWithTwo();
      at(1).confirm();
      at(1).answer('second');
      expect(at(0).isClosed).to.equal(false);
      at(0).answer('first');
      expect([at(0).isClosed, at(1).isClosed]).to.deep.equal([true, false]);
    });

    it('tells of answers that cannot come those alone who asked there', async () => {
      await leaveWithTwo();
      at(1).confirm();
      await at(0).close();
      expect(told).to.include({ first: 'ERR_REPLY_LOST', second: 'confirmed' });
      await at(1).close();
      expect(told).to.include({ second: 'ERR_REPLY_LOST' });
    });

    it('closes the old one when nobody waits for an answer there', async () => {
      const requester = new Requester(options(), answeredAttempt);
      const ask = (key: string) => requester.request(message('queue', key), key).subscribe({ error: () => {} });
      const first = ask('first');
      await connect();
      at(0).confirm();
      await clock.tickAsync(6_000);
      ask('refused');
      at(0).nack();
      await clock.tickAsync(0);
      expect(at(0).isClosed).to.equal(false);
      first.unsubscribe();
      expect([at(0).isClosed, at(1).isClosed]).to.deep.equal([true, false]);
    });
  });
});
