/** What the receipts pipeline calls: answers by the name of the order. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

export interface ReceiptsApi {
  readonly baseUrl: string;
  /** Refuses orders that begin with `refused`. Default: it does. */
  refuses: boolean;
  stop(): Promise<void>;
}

export async function startReceiptsApi(): Promise<ReceiptsApi> {
  const seen = new Map<string, number>();
  const server = createServer((request, response) => {
    void (async () => {
      request.resume();
      const order = decodeURIComponent(request.url?.split('/').at(-1) ?? '');
      const times = (seen.get(order) ?? 0) + 1;
      seen.set(order, times);
      if (order.startsWith('slow')) await wait(120);
      const status = statusFor(order, times);
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(status === 200 ? { page: `page of ${order}` } : { error: 'no' }));
    })();
  });
  const statusFor = (order: string, times: number): number => {
    if (order.startsWith('busy')) return times === 1 ? 503 : 200;
    if (order.startsWith('down')) return 503;
    return order.startsWith('refused') && api.refuses ? 422 : 200;
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const api: ReceiptsApi = {
    baseUrl: `http://127.0.0.1:${port}`,
    refuses: true,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return api;
}
