/** A worker that asks services with a broker user who may do what `sluice topology` says and nothing else, on RabbitMQ. */
import { expect } from 'chai';
import { merge, of } from 'rxjs';
import { z } from 'zod';
import { openInspection } from '../../src/broker/amqp/open-inspection.ts';
import { examine } from '../../src/cli/doctor/examine.ts';
import { definePipeline, defineService, exchange, queue } from '../../src/index.ts';
import { neededPermissions } from '../../src/worker/needed-permissions.ts';
import { connectClient } from '../support/broker-client.ts';
import { startInProcess } from '../support/in-process-worker.ts';
import { managementOf } from '../support/management.ts';
import { describeWithOwnRabbitMq, startPrivateRabbitMq } from '../support/rabbitmq.ts';

const request = z.object({ id: z.string() });
const rates = defineService('rates', { exchange: 'services', operations: { rate: { request } }, timeout: '20s' });
const stock = defineService('stock', { queue: 'stock', operations: { count: { request } }, timeout: '20s' });

const serving = (name: string, source = queue(name, { retry: false })) =>
  definePipeline({ name, source, input: request, handle: ({ id }) => of({ [name]: id }) });
const services = [
  serving('rates', queue('rates', { retry: false, bindings: [{ exchange: 'services', key: 'rate' }] })),
  serving('stock'),
];
const asking = [
  definePipeline({
    name: 'orders',
    source: queue('orders', { retry: false }),
    input: request,
    apis: { rates, stock },
    publishes: ['done'],
    handle: (message, { apis }) => merge(apis.rates.ask('rate', message), apis.stock.ask('count', message)),
    output: () => exchange('done', 'done'),
  }),
];

describeWithOwnRabbitMq('the broker user of a worker that asks services', () => {
  it('S10: publishes where they take requests, is answered, and needs nothing more', async function user() {
    this.timeout(180_000);
    const broker = await startPrivateRabbitMq({ plugins: ['rabbitmq_management'] });
    try {
      const management = managementOf(broker);
      const url = await management.vhost('shop');
      const client = await connectClient(url);
      const permissions = neededPermissions(asking, 'both');
      const userUrl = await management.user('asker', 'shop', permissions);
      const findings = async () => {
        const inspection = await openInspection({ urls: [userUrl] });
        const found = await examine(inspection, {
          pipelines: asking,
          topology: 'assert',
          consumerTimeoutMs: 1_800_000,
        });
        await inspection.close();
        return found.filter(({ check }) => check === 'service-missing').map(({ subject }) => subject);
      };
      expect(await findings()).to.have.members(['exchange services', 'queue stock']);

      const answering = startInProcess(services, { urls: [url] });
      await answering.isReady();
      expect(await findings()).to.deep.equal([]);
      const results = await client.collect('done');
      const worker = startInProcess(asking, { urls: [userUrl] });
      await worker.isReady();
      await client.send('orders', { id: 'o-1' });
      await results.next(1);

      await worker.stop();
      await answering.stop();
      await client.close();
    } finally {
      await broker.stop();
    }
  });
});
