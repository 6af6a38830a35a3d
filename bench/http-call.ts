/**
 * What a call through an API client costs beside the same call by hand: CPU of the calling process per POST, 64 in flight. Many short rounds in
 * turn, and ratios within a round, so that they hold where the machine's speed drifts. The server is a process of its own: its work is not counted.
 *
 *     node --import tsx --conditions=sluice-source bench/http-call.ts [--calls N] [--rounds N]
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { firstValueFrom, type Observable } from 'rxjs';
import { Pool } from 'undici';
import { z } from 'zod';
import { createFacts } from '../src/events.ts';
import { createApiClient } from '../src/http/api-client.ts';
import { loadAxiosFor } from '../src/http/axios-on-demand.ts';
import { type ApiOptions, defineApi } from '../src/http/define-api.ts';
import { argumentsOf } from './support/arguments.ts';

const IN_FLIGHT = 64;
/** Rounds before those that count. */
const WARM_UP = 3;
const BY_HAND = 'undici Pool.request, by hand';
const BY_AXIOS = 'api client through axios itself';
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
  readOptions();
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
  const { calls, rounds } = readOptions();
  await main(Number(calls), Number(rounds));
}

function readOptions() {
  return argumentsOf(
    `node --import tsx --conditions=sluice-source bench/http-call.ts [options]

  --calls N       calls of each client in a round, at least 640 (default: 4000); of axios a tenth
  --rounds N      rounds in turn (default: 30)`,
    { calls: { type: 'string', default: '4000' }, rounds: { type: 'string', default: '30' } },
    // Of axios, too, as many as are in flight.
    { calls: 10 * IN_FLIGHT, rounds: 1 },
  );
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
    traceId: 't',
    messageAttempt: 1,
    trace: { traceparent: 't' },
    keyScope: 'bench/m1',
  };
  const clientOf = (options: Partial<ApiOptions> = {}) =>
    createApiClient(defineApi('payment', { baseUrl: `${url}/v1`, concurrency: IN_FLIGHT, ...options }), {
      facts,
      random: Math.random,
    });
  await loadAxiosFor([defineApi('any', { baseUrl: url, axios: () => {} })]);
  const plain = clientOf();
  const intercepted = clientOf({
    axios: ({ interceptors }) => {
      interceptors.request.use((config) => config);
      interceptors.response.use((response) => response);
    },
  });
  const thorough = clientOf({ axios: ({ defaults }) => Object.assign(defaults, { timeout: 60_000 }) });
  const Charge = z.object({ transaction_id: z.string(), status: z.string() });

  const contenders: Readonly<Record<string, (calls: number) => Promise<void>>> = {
    [BY_HAND]: (count) => awaitAll(count, byHand),
    'api client': (count) => subscribeAll(count, () => plain.bind(scope).post('/charge', body)),
    'api client, answer by schema': (count) =>
      subscribeAll(count, () => plain.bind(scope).post('/charge', body, { response: Charge })),
    'api client, two interceptors': (count) => subscribeAll(count, () => intercepted.bind(scope).post('/charge', body)),
    [BY_AXIOS]: (count) => subscribeAll(count, () => thorough.bind(scope).post('/charge', body)),
  };
  const cpuUs = new Map<string, number[]>();
  for (let round = -WARM_UP; round < rounds; round++) {
    for (const [name, run] of Object.entries(contenders)) {
      const count = name === BY_AXIOS ? calls / 10 : calls;
      const before = process.cpuUsage();
      await run(count);
      const { user, system } = process.cpuUsage(before);
      if (round >= 0) cpuUs.set(name, [...(cpuUs.get(name) ?? []), (user + system) / count]);
    }
  }
  const base = cpuUs.get(BY_HAND) ?? [];
  console.log(`µs of CPU a call, and that over the call by hand: medians and the middle half of ${rounds} rounds`);
  for (const [name, values] of cpuUs) {
    const ratios = values.map((value, index) => value / (base[index] ?? Number.NaN));
    console.log(`${name.padEnd(34)} ${middleHalf(values, 1).padEnd(20)} × ${middleHalf(ratios, 2)}`);
  }
  await Promise.all(
    [plain, intercepted, thorough].map((client) => firstValueFrom(client.close(), { defaultValue: undefined })),
  );
  await pool.destroy();
  server.disconnect();
}

/** `calls` calls, as many in flight at once as there are connections; no operator around them that would be measured too. */
function subscribeAll(calls: number, call: () => Observable<unknown>): Promise<void> {
  return new Promise((resolve, reject) => {
    let begun = 0;
    let ended = 0;
    const complete = (): void => {
      ended++;
      if (begun < calls) next();
      else if (ended === calls) resolve();
    };
    const next = (): void => {
      begun++;
      call().subscribe({ complete, error: reject });
    };
    while (begun < Math.min(IN_FLIGHT, calls)) next();
  });
}

async function awaitAll(calls: number, call: () => Promise<unknown>): Promise<void> {
  let begun = 0;
  const lane = async (): Promise<void> => {
    while (begun++ < calls) await call();
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
}

/** `25.1 (24.2 to 28.8)`: the median between the quartiles. */
function middleHalf(values: readonly number[], digits: number): string {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.floor(sorted.length * share)] ?? Number.NaN).toFixed(digits);
  return `${at(0.5)} (${at(0.25)} to ${at(0.75)})`;
}
