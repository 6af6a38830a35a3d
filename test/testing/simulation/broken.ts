/** A pipeline of one call, and simulations of it in which a part is broken on purpose. */
import { expect } from 'chai';
import { map } from 'rxjs';
import { z } from 'zod';
import type { Broker } from '../../../src/broker/broker.ts';
import { exchange } from '../../../src/broker/exchange.ts';
import { queue } from '../../../src/broker/queue.ts';
import { defineApi } from '../../../src/http/define-api.ts';
import type { Delivery } from '../../../src/message/delivery.ts';
import { definePipeline } from '../../../src/pipeline/define-pipeline.ts';
import type { Pipeline } from '../../../src/pipeline/pipeline.ts';
import type { SimulationOptions } from '../../../src/testing/simulation/options.ts';
import { simulate } from '../../../src/testing/simulation/simulate.ts';
import { SimulationError } from '../../../src/testing/simulation/simulation-error.ts';

export const shop = defineApi('shop', { baseUrl: 'http://localhost:1', concurrency: 4 });

export const orders = definePipeline({
  name: 'orders',
  source: queue('orders', { retry: { delays: ['1s', '5s'] } }),
  input: z.object({ id: z.string() }),
  apis: { shop },
  concurrency: 3,
  publishes: ['orders'],
  handle: ({ id }, { apis }) => apis.shop.post('/orders', { id }).pipe(map(() => ({ id }))),
  output: () => exchange('orders', 'order.placed'),
});

/** Small, and without faults unless they are asked for. */
const small: Omit<SimulationOptions, 'messages'> = {
  hours: 0.05,
  maxMessages: 40,
  faults: [],
  workers: 1,
  shrinkMs: 50,
  apis: { shop: { failureRatio: 0.2 } },
};

/** The simulation has to break this law, and no other before. */
export async function expectBroken(
  law: string,
  options: Partial<SimulationOptions>,
  pipelines: readonly Pipeline[] = [orders],
): Promise<SimulationError> {
  const messages = Object.fromEntries(pipelines.map(({ name }) => [name, ({ id }: { id: string }) => ({ id })]));
  // What is broken breaks the law by itself: the same without it keeps every law.
  const { throughPort: _port, throughPipeline: _pipeline, ...sound } = options;
  await simulate(pipelines, { ...small, messages, ...sound });
  try {
    await simulate(pipelines, { ...small, messages, ...options });
  } catch (error) {
    if (!(error instanceof SimulationError)) throw error;
    expect(error.violation.law, error.message).to.equal(law);
    return error;
  }
  throw new Error(`no law is broken, expected: ${law}`);
}

/** A port whose deliveries are made other. */
export const withDeliveries =
  (change: (delivery: Delivery) => Delivery) =>
  (port: Broker): Broker => ({
    ...forwarded(port),
    consume: (...args) => port.consume(...args).pipe(map(change)),
  });

export const withPublish =
  (publish: (port: Broker, ...args: Parameters<Broker['publish']>) => ReturnType<Broker['publish']>) =>
  (port: Broker): Broker => ({ ...forwarded(port), publish: (message) => publish(port, message) });

export const forwarded = (port: Broker): Broker => ({
  address: port.address,
  status: port.status,
  establish: (...args) => port.establish(...args),
  consume: (...args) => port.consume(...args),
  depthOf: (...args) => port.depthOf(...args),
  publish: (...args) => port.publish(...args),
  close: (...args) => port.close(...args),
});
