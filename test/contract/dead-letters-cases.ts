/** What a look into a queue promises, whatever broker stands behind it. */
import { expect } from 'chai';
import { firstValueFrom } from 'rxjs';
import { openDeadLetters } from '../../src/broker/amqp/open-dead-letters.ts';
import type { DeadLetters, HeldDelivery, QueueVisit } from '../../src/broker/dead-letters.ts';
import { BrokerUnavailableError, TopologyError, UnroutableError } from '../../src/errors.ts';
import { type BrokerClient, connectClient } from '../support/broker-client.ts';
import { declarePair, idsIn, numbered, readyIn, seedLetters } from '../support/dead-letters.ts';
import { eventually } from '../support/eventually.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';

export function deadLettersCases(url: () => string): void {
  let client: BrokerClient;
  let office: DeadLetters;
  const open = (at: string): Promise<DeadLetters> => openDeadLetters({ urls: [at], random: Math.random });

  before(async () => {
    client = await connectClient(url());
    office = await open(url());
  });
  beforeEach(() => declarePair(client, 'looks'));
  after(async () => {
    await office.close();
    await client.deleteQueues(['looks', 'looks.dead', 'limited', 'plain']);
    await client.close();
  });

  const read = async (visit: QueueVisit, max?: number): Promise<HeldDelivery[]> => {
    const all: HeldDelivery[] = [];
    for await (const delivery of visit.letters(max)) all.push(delivery);
    return all;
  };
  const idsOf = (all: readonly HeldDelivery[]): unknown[] => all.map(({ properties }) => properties.messageId);

  it('hands over what is ready, oldest first, over several windows, and gives it back in its order', async () => {
    const letters = numbered(120);
    await seedLetters(client, 'looks', letters);
    const visit = await office.visit('looks.dead');
    expect(visit.ready).to.equal(120);
    const all = await read(visit);
    expect(idsOf(all)).to.deep.equal(letters.map(({ id }) => id));
    expect(await readyIn(client, 'looks.dead')).to.equal(0);
    await visit.end();
    expect(await readyIn(client, 'looks.dead')).to.equal(120);
    expect(await idsIn(client, 'looks.dead')).to.deep.equal(letters.map(({ id }) => id));
  });

  it('leaves the letters where they are, however often somebody looks', async () => {
    await seedLetters(client, 'looks', numbered(3));
    // RabbitMQ 4 drops from a queue without a limit of its own what was given back more than 20 times.
    for (let look = 0; look < 25; look++) {
      const visit = await office.visit('looks.dead');
      await read(visit);
      await visit.end();
    }
    expect(await idsIn(client, 'looks.dead')).to.deep.equal(numbered(3).map(({ id }) => id));
  });

  it('does not run after what comes while it reads', async () => {
    await seedLetters(client, 'looks', numbered(60));
    const visit = await office.visit('looks.dead');
    const all: HeldDelivery[] = [];
    for await (const delivery of visit.letters()) {
      if (all.length === 0) await seedLetters(client, 'looks', numbered(5));
      all.push(delivery);
    }
    expect(all).to.have.length(60);
    await visit.end();
  });

  it('ends where somebody else has taken the rest', async () => {
    await seedLetters(client, 'looks', numbered(60));
    const visit = await office.visit('looks.dead');
    const taken: string[] = [];
    const all: HeldDelivery[] = [];
    for await (const delivery of visit.letters()) {
      if (all.length === 0) taken.push(...(await idsIn(client, 'looks.dead')));
      all.push(delivery);
    }
    await visit.end();
    expect(all.length + taken.length).to.equal(60);
    expect(taken).to.not.have.length(0);
  });

  it('settles what it is told to, once, and no more than that', async () => {
    await seedLetters(client, 'looks', numbered(10));
    const visit = await office.visit('looks.dead');
    const all = await read(visit);
    const settled = [all[0], all[3], all[9]].map((delivery) => delivery?.hold.ack());
    expect([...settled, all[3]?.ack()]).to.deep.equal(['sent', 'sent', 'sent', 'repeated']);
    await visit.end();
    expect(all[1]?.ack()).to.not.equal('sent');
    await eventually('it is back', async () => (await readyIn(client, 'looks.dead')) === 7);
    expect(await idsIn(client, 'looks.dead')).to.deep.equal(['m1', 'm2', 'm4', 'm5', 'm6', 'm7', 'm8']);
  });

  it('has the queue hear of all that was settled before it ends, however much it was at once', async () => {
    await seedLetters(client, 'looks', numbered(500));
    const own = await open(url());
    const visit = await own.visit('looks.dead');
    for (const { hold } of await read(visit)) expect(hold.ack()).to.equal('sent');
    await visit.end();
    await own.close();
    // What the end brought back lies before it.
    await seedLetters(client, 'looks', [{ id: 'after' }]);
    expect(await idsIn(client, 'looks.dead')).to.deep.equal(['after']);
  });

  it('counts no return against a letter before it goes back, and one for each look', async () => {
    await seedLetters(client, 'looks', numbered(1));
    const counts: unknown[] = [];
    for (let look = 0; look < 3; look++) {
      const visit = await office.visit('looks.dead');
      const [letter] = await read(visit);
      counts.push(letter?.headers['x-delivery-count'] ?? 0);
      await visit.end();
    }
    expect(counts).to.deep.equal([0, 1, 2]);
  });

  it('leaves a queue with a delivery limit, and a classic one, as they were', async () => {
    await client.channel.assertQueue('limited', {
      durable: true,
      arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 1_000_000_000 },
    });
    await client.channel.assertQueue('plain', { durable: true });
    for (const name of ['limited', 'plain']) {
      for (const { id } of numbered(70)) client.channel.sendToQueue(name, Buffer.from('{}'), { messageId: id });
      await client.channel.waitForConfirms();
      const visit = await office.visit(name);
      await read(visit, 55);
      await visit.end();
      await eventually('it is back', async () => (await readyIn(client, name)) === 70);
      expect(await idsIn(client, name)).to.deep.equal(numbered(70).map(({ id }) => id));
    }
  });

  it('refuses a queue that is not there', async () => {
    const refusal = await office.visit('nowhere').then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(refusal).to.be.instanceOf(TopologyError).and.have.property('message', 'queue "nowhere" does not exist');
  });

  it('publishes with confirm, and says what no queue took', async () => {
    const message = {
      exchange: '',
      routingKey: 'looks',
      body: Buffer.from('{}'),
      headers: {},
      properties: { messageId: 'p' },
    };
    await office.publish(message);
    expect(await readyIn(client, 'looks')).to.equal(1);
    const refusal = await office.publish({ ...message, routingKey: 'nowhere' }).catch((error: unknown) => error);
    expect(refusal).to.be.instanceOf(UnroutableError);
  });

  it('says that the connection went, and leaves everything with the broker', async () => {
    await seedLetters(client, 'looks', numbered(60));
    const proxy = await startTcpProxy(Number(new URL(url()).port || 5672));
    const through = new URL(url());
    through.port = String(proxy.port);
    const cutOff = await open(through.href);
    const visit = await cutOff.visit('looks.dead');
    const reading = (async () => {
      let count = 0;
      for await (const _ of visit.letters()) if (++count === 1) proxy.cut();
    })().catch((error: unknown) => error);
    expect(await firstValueFrom(cutOff.lost)).to.be.a('string');
    expect(await reading).to.be.instanceOf(BrokerUnavailableError);
    const late = { exchange: '', routingKey: 'looks', body: Buffer.from('{}'), headers: {}, properties: {} };
    expect(await cutOff.publish(late).catch((error: unknown) => error)).to.be.instanceOf(BrokerUnavailableError);
    await visit.end();
    await cutOff.close();
    await proxy.stop();
    await eventually('it is back', async () => (await readyIn(client, 'looks.dead')) === 60);
  });

  it('names every broker that does not answer, without its password', async () => {
    const refusal = await openDeadLetters({
      urls: ['amqp://ann:secret@127.0.0.1:1', 'amqp://ann:secret@127.0.0.1:2/v'],
      random: Math.random,
    }).catch((error: unknown) => error);
    expect(refusal).to.be.instanceOf(BrokerUnavailableError);
    expect(String(refusal)).to.include('127.0.0.1:1/').and.include('127.0.0.1:2/v').and.not.include('secret');
  });
}
