/**
 * What a call through an API client costs beside the same call by hand: CPU of the calling process per POST, 64 in flight, in interleaved rounds.
 * The server is a process of its own, so that its work is not counted.
 *
 *     node --import tsx --conditions=sluice-source bench/http-call.ts [calls per round] [rounds]
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { firstValueFrom, mergeMap, type ObservableInput, range } from 'rxjs';
import { Pool } from 'undici';
import { z } from 'zod';
import { createFacts } from '../src/events.ts';
import { createApiClient } from '../src/http/api-client.ts';
import { type ApiOptions, defineApi } from '../src/http/define-api.ts';

const IN_FLIGHT = 64;
const ANSWER = JSON.stringify({ transaction_id: 't1', status: 'charged' });

if (process.argv[2] === 'server') {
  const server = createServer((request, response) => {
    request.resume();
    request.once('end', () =>
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': ANSWER.length }).end(ANSWER),
    );
  });
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
  process.once('disconnect', () => process.exit());
} else if (import.meta.url.endsWith('.ts')) {
  // Measured as it is shipped, plain JavaScript: what a loader adds to every function would be counted too.
  const outfile = fileURLToPath(new URL('../node_modules/.cache/sluice-bench/http-call.mjs', import.meta.url));
  const entryPoints = [fileURLToPath(import.meta.url)];
  await build({
    entryPoints,
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
  });
  fork(outfile, process.argv.slice(2), { execArgv: [] });
} else {
  await main(Number(process.argv[2] ?? 20_000), Number(process.argv[3] ?? 5));
}

async function main(calls: number, rounds: number): Promise<void> {
  const server = fork(fileURLToPath(import.meta.url), ['server']);
  const [port] = (await once(server, 'message')) as [number];
  const url = `http://127.0.0.1:${port}`;
  const body = { order_id: 'o-1', amount: 12_50 };

  const pool = new Pool(url, { connections: IN_FLIGHT, pipelining: 1 });
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json',
    'x-correlation-id': 'c1',
    traceparent: 't',
    'idempotency-key': 'k',
  };
  const byHand = async (): Promise<unknown> => {
    const response = await pool.request({ path: '/v1/charge', method: 'POST', headers, body: JSON.stringify(body) });
    return response.body.json();
  };

  const facts = createFacts();
  const scope = {
    pipeline: 'bench',
    messageId: 'm1',
    correlationId: 'c1',
    deliveryTag: 1,
    attempt: 1,
    traceparent: 't',
    keyScope: 'bench/m1',
  };
  const clientOf = (options: Partial<ApiOptions> = {}) =>
    createApiClient(defineApi('payment', { baseUrl: `${url}/v1`, concurrency: IN_FLIGHT, ...options }), {
      facts,
      random: Math.random,
    });
  const plain = clientOf();
  const intercepted = clientOf({
    axios: ({ interceptors }) => {
      interceptors.request.use((config) => config);
      interceptors.response.use((response) => response);
    },
  });
  const thorough = clientOf({ axios: ({ defaults }) => Object.assign(defaults, { timeout: 60_000 }) });
  const Charge = z.object({ transaction_id: z.string(), status: z.string() });

  const contenders: Readonly<Record<string, () => Promise<unknown>>> = {
    'undici Pool.request, by hand': () => overAll(calls, byHand),
    'api client': () => overAll(calls, () => plain.bind(scope).post('/charge', body)),
    'api client, answer by schema': () =>
      overAll(calls, () => plain.bind(scope).post('/charge', body, { response: Charge })),
    'api client, two interceptors': () => overAll(calls, () => intercepted.bind(scope).post('/charge', body)),
    'api client through axios itself': () => overAll(calls / 10, () => thorough.bind(scope).post('/charge', body)),
  };
  const perCall = (name: string): number => (name.endsWith('itself') ? calls / 10 : calls);

  const cpuUs = new Map<string, number[]>();
  for (let round = 0; round <= rounds; round++) {
    for (const [name, run] of Object.entries(contenders)) {
      const before = process.cpuUsage();
      await run();
      const { user, system } = process.cpuUsage(before);
      // The first round warms up.
      if (round > 0) cpuUs.set(name, [...(cpuUs.get(name) ?? []), (user + system) / perCall(name)]);
    }
  }
  const base = medianOf(cpuUs.get('undici Pool.request, by hand') ?? []);
  for (const [name, values] of cpuUs) {
    const median = medianOf(values);
    console.log(`${name.padEnd(34)} ${median.toFixed(1).padStart(6)} µs CPU a call   ${(median / base).toFixed(2)}`);
  }
  await Promise.all(
    [plain, intercepted, thorough].map((client) => firstValueFrom(client.close(), { defaultValue: undefined })),
  );
  await pool.destroy();
  server.disconnect();
}

function overAll(calls: number, call: () => ObservableInput<unknown>): Promise<unknown> {
  return new Promise((resolve, reject) => {
    range(0, calls)
      .pipe(mergeMap(call, IN_FLIGHT))
      .subscribe({ complete: () => resolve(undefined), error: reject });
  });
}

function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
