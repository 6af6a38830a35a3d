/** A front door whose broker user may do what it needs and nothing else, on RabbitMQ. */
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { of } from 'rxjs';
import { z } from 'zod';
import { createAmqpBroker } from '../../src/broker/amqp/create-amqp-broker.ts';
import { queue } from '../../src/broker/queue.ts';
import { createFacts } from '../../src/events.ts';
import { openFrontDoor } from '../../src/ingress/front-door.ts';
import { silentLogger } from '../../src/log.ts';
import { definePipeline } from '../../src/pipeline/define-pipeline.ts';
import { entrancesOf } from '../../src/worker/entrances.ts';
import { neededPermissions } from '../../src/worker/needed-permissions.ts';
import { eventually } from '../support/eventually.ts';
import { startInProcess } from '../support/in-process-worker.ts';
import { managementOf } from '../support/management.ts';
import { describeWithOwnRabbitMq, startPrivateRabbitMq } from '../support/rabbitmq.ts';

const pipelines = [
  definePipeline({
    name: 'orders',
    source: queue('orders', { retry: false }),
    input: z.object({ id: z.string() }),
    handle: ({ id }) => of({ done: id }),
    ingress: { path: '/orders', wait: '30s' },
  }),
];

describeWithOwnRabbitMq('the broker user of a front door', () => {
  it('S10: writes to the default exchange, is answered there, and needs nothing more', async function door() {
    this.timeout(180_000);
    const broker = await startPrivateRabbitMq({ plugins: ['rabbitmq_management'] });
    try {
      const management = managementOf(broker);
      const workerUrl = await management.vhost('shop');
      const permissions = neededPermissions(pipelines, 'door');
      expect(permissions).to.deep.equal({ configure: '^$', write: '^(amq\\.default)$', read: '^$' });
      const doorUrl = await management.user('door', 'shop', permissions);

      const worker = startInProcess(pipelines, { urls: [workerUrl] });
      await worker.isReady();
      const amqp = createAmqpBroker({ urls: [doorUrl], random: Math.random });
      const opened = await openFrontDoor({
        entrances: entrancesOf(pipelines),
        broker: amqp,
        log: silentLogger,
        facts: createFacts(),
        host: '127.0.0.1',
        port: 0,
        newId: randomUUID,
      });
      const post = async (): Promise<readonly [number, unknown]> => {
        const response = await fetch(`${opened.url}/orders`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', connection: 'close' },
          body: '{"id":"o-1"}',
        });
        return [response.status, await response.json()];
      };
      await eventually('it is connected', async () => (await post())[0] !== 503);
      expect(await post()).to.deep.equal([200, { done: 'o-1' }]);
      opened.drain();
      opened.hasten();
      await opened.closed;
      await new Promise<void>((resolve) => amqp.close({ withinMs: 2_000 }).subscribe({ complete: resolve }));
      await worker.stop();
    } finally {
      await broker.stop();
    }
  });
});
