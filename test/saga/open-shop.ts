/** A worker on orders in this process, with everything around it but the store of its journal: broker, APIs over HTTP, `/readyz`. */
import { expect } from 'chai';
import { firstValueFrom } from 'rxjs';
import { startSampleApis } from '../../demo/apis/start-sample-apis.ts';
import { createEmbeddedBroker } from '../../src/broker/embedded/embedded-broker.ts';
import { messageOf } from '../../src/errors.ts';
import { createJournal } from '../../src/journal/create-journal.ts';
import type { JournalRecord } from '../../src/journal/journal.ts';
import type { JournalStore } from '../../src/journal/journal-store.ts';
import { silentLogger } from '../../src/log.ts';
import { startManagementServer } from '../../src/management/management-server.ts';
import { healthRoutes } from '../../src/worker/health-routes.ts';
import { complete } from '../contract/journal-cases.ts';
import { connectClient } from '../support/broker-client.ts';
import { startInProcess } from '../support/in-process-worker.ts';
import { orderOf, orderPipeline } from './order-pipeline.ts';

export interface Shop {
  send(order: string): Promise<void>;
  /** The answer to its charge comes late: time to do something between the effect and its record. */
  delayCharge(order: string): void;
  /** Its calls that took effect, in order. */
  effectsOf(order: string): readonly (string | undefined)[];
  /** Routing keys of its answers. */
  answersTo(order: string): readonly string[];
  recordsOf(order: string): Promise<readonly JournalRecord[]>;
  /** Deliveries that were not acked: given another try, given up, or given back. */
  settledOtherwise(): readonly string[];
  /** What `/readyz` says about the journal; undefined while the worker is ready. */
  readyz(): Promise<string | undefined>;
  /** What the store itself says when it is asked; undefined where it is there. */
  ask(): Promise<string | undefined>;
  /** Ends all of it, and the store. */
  close(): Promise<void>;
}

/** Resolves when the worker is ready. */
export async function openShop(store: JournalStore): Promise<Shop> {
  const broker = createEmbeddedBroker();
  const { url } = await broker.start();
  const client = await connectClient(url);
  const results = await client.collect('orders');
  const apis = await startSampleApis({ ports: 'free' });
  const baseUrls = Object.fromEntries(apis.all.map(({ name, baseUrl }) => [name, baseUrl]));
  const journal = createJournal(store, { owner: 'shop' });
  const { worker, facts, isReady, stop } = startInProcess([orderPipeline(baseUrls)], { urls: [url] }, { journal });
  await isReady();
  const server = await startManagementServer({ host: '127.0.0.1', port: 0, token: undefined, log: silentLogger });
  server.serve(healthRoutes(() => worker.readiness()));

  const isAbout = (order: string, body: unknown): boolean => (body as { order_id?: string }).order_id === order;
  return {
    send: (order) => client.send('orders.placed', orderOf(order), { messageId: order }),
    delayCharge: (order_id) => {
      const match = { order_id };
      apis.payment.fault({ kind: 'latency', ms: 500, operation: 'POST /charge', match, times: 1 });
    },
    effectsOf: (order) =>
      [apis.inventory, apis.payment, apis.shipping]
        .flatMap((api) => api.journal)
        .filter(({ hasEffect, body }) => hasEffect && isAbout(order, body))
        .sort((one, other) => one.receivedAtMs - other.receivedAtMs)
        .map(({ operation }) => operation),
    answersTo: (order) =>
      results.messages.filter(({ body }) => isAbout(order, body)).map(({ routingKey }) => routingKey),
    recordsOf: async (order) => {
      const stored = await firstValueFrom(store.read({ space: 'saga', name: 'place-order', id: order }));
      return stored.map(({ body }) => JSON.parse(body) as JournalRecord);
    },
    settledOtherwise: () =>
      facts.flatMap((fact) =>
        fact.type === 'settled' && fact.settlement !== 'ack' ? [`${fact.messageId}: ${fact.settlement}`] : [],
      ),
    readyz: async () => {
      const response = await fetch(`${server.url}/readyz`);
      const { journal: reason } = (await response.json()) as { readonly journal?: string };
      if (reason !== undefined) expect(response.status, reason).to.equal(503);
      return response.status === 200 ? undefined : (reason ?? 'another reason');
    },
    ask: () =>
      complete(store.ping()).then(
        () => undefined,
        (error: unknown) => messageOf(error),
      ),
    close: async () => {
      await stop();
      journal.end();
      await server.close();
      await apis.stop();
      await client.close();
      await broker.stop();
      await complete(store.close());
    },
  };
}
