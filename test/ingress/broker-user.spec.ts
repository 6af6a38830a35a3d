/** A front door whose broker user may do what it needs and nothing else, or not even that, on RabbitMQ. */
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { of } from 'rxjs';
import { z } from 'zod';
import { createAmqpBroker } from '../../src/broker/amqp/create-amqp-broker.ts';
import { partitioned } from '../../src/broker/partitioned.ts';
import type { Permissions } from '../../src/broker/permissions.ts';
import { queue } from '../../src/broker/queue.ts';
import { createFacts } from '../../src/events.ts';
import { openFrontDoor } from '../../src/ingress/front-door.ts';
import { type Logger, silentLogger } from '../../src/log.ts';
import { definePipeline } from '../../src/pipeline/define-pipeline.ts';
import { entrancesOf } from '../../src/worker/entrances.ts';
import { neededPermissions } from '../../src/worker/needed-permissions.ts';
import { eventually } from '../support/eventually.ts';
import { type InProcessWorker, startInProcess } from '../support/in-process-worker.ts';
import { type Management, managementOf } from '../support/management.ts';
import { describeWithOwnRabbitMq, type RabbitMq, startPrivateRabbitMq } from '../support/rabbitmq.ts';

const input = z.object({ id: z.string() });
const pipelines = [
  definePipeline({
    name: 'orders',
    source: queue('orders', { retry: false }),
    input,
    handle: ({ id }) => of({ done: id }),
    ingress: { path: '/orders', wait: '30s' },
  }),
  definePipeline({
    name: 'accounts',
    source: partitioned('accounts', { by: 'id', partitions: 2, retry: false }),
    input,
    handle: ({ id }) => of({ done: id }),
    ingress: { path: '/accounts', wait: '30s' },
  }),
];

describeWithOwnRabbitMq('the broker user of a front door', () => {
  let broker: RabbitMq;
  let management: Management;
  let worker: InProcessWorker;
  before(async function start() {
    this.timeout(120_000);
    broker = await startPrivateRabbitMq({ plugins: ['rabbitmq_management', 'rabbitmq_consistent_hash_exchange'] });
    management = managementOf(broker);
    worker = startInProcess(pipelines, { urls: [await management.vhost('shop')] });
    await worker.isReady();
  });
  after(async () => {
    await worker?.stop();
    await broker?.stop();
  });

  /** Asks both entrances of a door whose user may do that. */
  async function askAs(user: string, permissions: Permissions) {
    const reasons: unknown[] = [];
    const log: Logger = { ...silentLogger, warn: (fields: object | string) => reasons.push(Object(fields).reason) };
    const amqp = createAmqpBroker({ urls: [await management.user(user, 'shop', permissions)], random: Math.random });
    const opened = await openFrontDoor({
      entrances: entrancesOf(pipelines),
      broker: amqp,
      log,
      facts: createFacts(),
      host: '127.0.0.1',
      port: 0,
      newId: randomUUID,
    });
    const post = async (path: string): Promise<readonly [number, Record<string, unknown>]> => {
      const response = await fetch(`${opened.url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', connection: 'close' },
        body: '{"id":"o-1"}',
      });
      return [response.status, (await response.json()) as Record<string, unknown>];
    };
    const isAway = ({ type }: Record<string, unknown>) => type === 'urn:sluice:problem:broker-away';
    try {
      await eventually('it is connected', async () => !isAway((await post('/orders'))[1]));
      reasons.length = 0;
      return {
        orders: await post('/orders'),
        accounts: await post('/accounts'),
        later: await post('/accounts'),
        reasons,
      };
    } finally {
      opened.drain();
      opened.hasten();
      await opened.closed;
      await new Promise<void>((resolve) => amqp.close({ withinMs: 2_000 }).subscribe({ complete: resolve }));
    }
  }

  it('S10: writes to the default exchange and to that of partitions, is answered, and needs nothing more', async function door() {
    this.timeout(60_000);
    const permissions = neededPermissions(pipelines, 'door');
    expect(permissions).to.deep.equal({ configure: '^$', write: '^(accounts|amq\\.default)$', read: '^$' });
    const { orders, accounts } = await askAs('door', permissions);
    expect({ orders, accounts }).to.deep.equal({ orders: [200, { done: 'o-1' }], accounts: [200, { done: 'o-1' }] });
  });

  it('is told of in the log where it may write to neither, and clients that nothing is confirmed', async function mute() {
    this.timeout(60_000);
    const { orders, accounts, later, reasons } = await askAs('mute', {
      configure: '^$',
      write: '^$',
      read: '^accounts$',
    });
    const codeOf = ([status, { type }]: typeof orders) => [status, type];
    const notConfirmed = [503, 'urn:sluice:problem:not-confirmed'];
    expect([orders, accounts, later].map(codeOf)).to.deep.equal([notConfirmed, notConfirmed, notConfirmed]);
    expect(reasons).to.have.length(3);
    expect(reasons[0]).to.match(/ACCESS_REFUSED - .*'amq\.default'/);
    expect(reasons[1]).to.match(
      /^exchange "accounts": the broker user may not write to it \(ACCESS_REFUSED - [^)]*\)$/,
    );
    expect(reasons[2]).to.match(/\); the broker said so \d s ago, and is not asked again for \d+ s$/);
  });
});
