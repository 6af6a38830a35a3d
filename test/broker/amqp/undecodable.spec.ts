/** Header tables that end a client's decoder: one message of them would end the connection again and again, and every delivery with it. */
import { expect } from 'chai';
import { of } from 'rxjs';
import { z } from 'zod';
import { openDeadLetters } from '../../../src/broker/amqp/open-dead-letters.ts';
import type { BrokerStatus } from '../../../src/broker/broker.ts';
import { deadLetterQueue, queue } from '../../../src/broker/queue.ts';
import { sourceTopology } from '../../../src/broker/source-topology.ts';
import { definePipeline } from '../../../src/pipeline/define-pipeline.ts';
import { done, message, startConsumer, text, uniqueName } from '../../contract/broker-port.ts';
import { type BrokerClient, connectClient } from '../../support/broker-client.ts';
import { eventually } from '../../support/eventually.ts';
import { startInProcess } from '../../support/in-process-worker.ts';
import { describeWithRabbitMq } from '../../support/rabbitmq.ts';
import { deepTable, publishOddly, textValue } from '../../support/undecodable.ts';
import { createTestBroker } from './rabbitmq-under-test.ts';

describeWithRabbitMq('a message whose headers cannot be decoded', (rabbit) => {
  let client: BrokerClient;
  let work: string;
  const odd = (body: string, headers: Readonly<Record<string, Buffer>>, to = work): Promise<void> =>
    publishOddly(rabbit().port, to, body, headers);

  beforeEach(async () => {
    client = await connectClient(rabbit().url);
    work = uniqueName('odd');
  });
  afterEach(async () => {
    await client.deleteQueues([work, deadLetterQueue(work)]);
    await client.close();
  });

  it('B15: is delivered without what cannot be decoded, and costs neither the connection nor its neighbours', async () => {
    const broker = createTestBroker(rabbit().url);
    const statuses: BrokerStatus[] = [];
    broker.status.subscribe((status) => statuses.push(status));
    await done(broker.establish(sourceTopology(queue(work, { retry: false })), 'assert'));
    await done(broker.publish(message(work, 'before')));
    await odd('deep', { first: textValue('kept'), deep: deepTable(), last: textValue('kept too') });
    await done(broker.publish(message(work, 'after')));
    const consumer = startConsumer(broker, work, 10);
    const deliveries = await consumer.count(3);
    expect(deliveries.map(text)).to.deep.equal(['before', 'deep', 'after']);
    const [before, deep, after] = deliveries;
    expect([before?.unreadable, after?.unreadable]).to.deep.equal([undefined, undefined]);
    expect(deep?.unreadable).to.equal('headers that cannot be decoded were left out: "deep"');
    expect({ ...deep?.headers }).to.deep.equal({ first: 'kept', last: 'kept too' });
    expect(deep?.properties).to.deep.include({ messageId: 'odd 4', contentType: 'application/json', persistent: true });
    for (const delivery of deliveries) expect(delivery.ack()).to.equal('sent');
    expect(statuses.some(({ state }) => state === 'lost')).to.equal(false);
    consumer.stop();
    await done(broker.close({ withinMs: 2_000 }));
  });

  it('B15: is dead-lettered by the engine with its body and the reason, and nothing is called', async () => {
    let handled = 0;
    const pipeline = definePipeline({
      name: 'odd',
      source: queue(work, { retry: false }),
      input: z.object({ n: z.number() }),
      handle: () => {
        handled++;
        return of(1);
      },
    });
    const { stop, isReady, worker } = startInProcess([pipeline], { urls: [rabbit().url] });
    await isReady();
    await odd('{"n":1}', { kept: textValue('yes'), deep: deepTable() });
    await client.send(work, { n: 2 });
    await eventually(
      'both are settled',
      () => (worker.ledgers().odd?.acked ?? 0) + (worker.ledgers().odd?.deadLettered ?? 0) === 2,
      20_000,
    );
    await stop();
    expect(handled).to.equal(1);
    const [letter, ...others] = await client.drain(deadLetterQueue(work));
    expect(others).to.deep.equal([]);
    expect(letter?.body).to.deep.equal({ n: 1 });
    expect(letter?.headers).to.deep.include({
      kept: 'yes',
      'x-sluice-error-code': 'ERR_PAYLOAD_INVALID',
      'x-sluice-error-message': 'headers that cannot be decoded were left out: "deep"',
      'x-sluice-stripped': 'headers that cannot be decoded were left out: "deep"',
    });
  });

  it('B15: can be read among the dead letters, where the broker put it by itself', async () => {
    const dead = deadLetterQueue(work);
    await client.channel.assertQueue(dead, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
    await odd('deep', { deep: deepTable() }, dead);
    await client.channel.assertQueue(work, { durable: true });
    const office = await openDeadLetters({ urls: [rabbit().url], random: Math.random });
    const visit = await office.visit(dead);
    const letters = [];
    for await (const letter of visit.letters()) letters.push(letter);
    expect(letters.map(({ body, unreadable }) => [Buffer.from(body).toString(), unreadable])).to.deep.equal([
      ['deep', 'headers that cannot be decoded were left out: "deep"'],
    ]);
    letters[0]?.ack();
    await visit.end();
    await office.close();
  });
});
