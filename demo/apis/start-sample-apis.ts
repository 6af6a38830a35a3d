/** All sample APIs at once, by name, for tests, demos and `npm run apis`. */
import { catalogue, type SampleApiName } from './catalogue.ts';
import { type SampleApi, startSampleApi } from './sample-api.ts';

export interface SampleApisOptions {
  /** The ports of the catalogue, which are the defaults of the ready pipelines; any free ones; or some by name, the rest free. */
  readonly ports: 'default' | 'free' | Readonly<Partial<Record<SampleApiName, number>>>;
  /** Address to listen on. Default 127.0.0.1. */
  readonly host?: string;
  /** Requests each API remembers. At least 1, default 10 000. */
  readonly maxJournalEntries?: number;
}

export type SampleApis = Readonly<Record<SampleApiName, SampleApi>> & {
  /** Each of them, in the order of the catalogue. */
  readonly all: readonly SampleApi[];
  /** `UMS_API_BASE_URL` and so on: what a worker needs to find them. */
  readonly environment: Readonly<Record<string, string>>;
  /** Each of them as new. */
  clear(): void;
  stop(): Promise<void>;
};

const ANY_PORT = 0;

/** @throws SampleApiListenError when one cannot have its port; none is left running then. */
export async function startSampleApis({
  ports,
  host = '127.0.0.1',
  maxJournalEntries = 10_000,
}: SampleApisOptions): Promise<SampleApis> {
  const running: SampleApi[] = [];
  const stop = async () => {
    await Promise.all(running.map((api) => api.stop()));
  };
  const start = async (name: SampleApiName): Promise<SampleApi> => {
    const entry = catalogue[name];
    const port = ports === 'default' ? entry.port : ports === 'free' ? ANY_PORT : (ports[name] ?? ANY_PORT);
    const api = await startSampleApi(name, entry, { host, port, maxJournalEntries });
    running.push(api);
    return api;
  };

  try {
    const named = {
      ums: await start('ums'),
      email: await start('email'),
      inventory: await start('inventory'),
      payment: await start('payment'),
      shipping: await start('shipping'),
      twitter: await start('twitter'),
      linkedin: await start('linkedin'),
      analytics: await start('analytics'),
      vendorA: await start('vendorA'),
      vendorB: await start('vendorB'),
      vendorC: await start('vendorC'),
    };
    return {
      ...named,
      all: running,
      environment: Object.fromEntries(running.map(({ variable, baseUrl }) => [variable, baseUrl])),
      clear: () => {
        for (const api of running) api.clear();
      },
      stop,
    };
  } catch (cause) {
    await stop();
    throw cause;
  }
}
