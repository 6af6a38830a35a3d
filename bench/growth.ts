/**
 * `npm run bench:growth`: what grows with the work, and what must not. Each in a worker of its own: 2000 calls in flight, a backlog in front of
 * an API that never answers, 200 pipelines, twice the messages, 20 modules at start-up (`--beside <folder>`: in turn with another built checkout).
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { measureStartUp } from './growth/start-up.ts';
import type { GrowthOrder, GrowthReport } from './growth/worker.ts';
import { argumentsOf } from './support/arguments.ts';
import { EXCHANGE, findBroker, openPublisher, QUEUE } from './support/bench-broker.ts';
import { buildPrograms, type Programs } from './support/programs.ts';
import type { Job } from './whole-job/contender.ts';

const USAGE = `npm run bench:growth [-- options]

  --only NAME        one of them: in-flight, backlog, pipelines, twice, start-up (default: all)
  --backlog N        messages in front of the API that never answers (default: 500000)
  --seconds N        how long that is looked at (default: 20)
  --beside FOLDER    start-up in turn with another checkout that is built`;

const values = argumentsOf(
  USAGE,
  {
    backlog: { type: 'string', default: '500000' },
    seconds: { type: 'string', default: '20' },
    only: { type: 'string' },
    beside: { type: 'string' },
  },
  { backlog: 1, seconds: 1 },
);

/** Something to measure: gives its lines of the report. */
type Measurement = (programs: Programs, brokerUrl: string) => Promise<string>;

async function withApi<T>(programs: Programs, delayMs: number, use: (apiUrl: string) => Promise<T>): Promise<T> {
  const server = programs.start('whole-job/api-server', String(delayMs));
  try {
    const [apiUrl] = (await once(server, 'message')) as [string];
    return await use(apiUrl);
  } finally {
    server.disconnect();
  }
}

/** Runs a worker; `look` sees each of its reports, and ends it by giving something. */
async function withWorker<T>(
  programs: Programs,
  order: GrowthOrder,
  look: (report: GrowthReport) => T | undefined,
): Promise<T> {
  const worker: ChildProcess = programs.start('growth/worker', JSON.stringify(order));
  const exited = once(worker, 'exit');
  try {
    return await new Promise((resolve, reject) => {
      worker.on('message', (report: GrowthReport) => {
        const seen = look(report);
        if (seen !== undefined) resolve(seen);
      });
      void exited.then(([code]) => reject(new Error(`the worker ended with code ${code}`)));
    });
  } finally {
    if (worker.connected) worker.disconnect();
    await exited;
  }
}

async function filled(brokerUrl: string, count: number): Promise<void> {
  const publisher = await openPublisher(brokerUrl);
  await publisher.declare();
  await publisher.fill(count);
  await publisher.close();
}

const LATENCY_MS = 500;
const IN_FLIGHT = 2_000;
const POSSIBLE_PER_SECOND = IN_FLIGHT / (LATENCY_MS / 1_000);
const ROUNDS = 2;

/** In turn with the loop by hand, which tells what the machine can do just then. */
const inFlight: Measurement = (programs, brokerUrl) =>
  withApi(programs, LATENCY_MS, async (apiUrl) => {
    const shares = new Map<string, { readonly share: number; readonly text: string }[]>();
    for (let round = 0; round < ROUNDS; round++) {
      for (const contender of ['by hand', 'sluice']) {
        // Three seconds to begin, five that count.
        const job: Job = {
          kind: 'post',
          amqpUrl: brokerUrl,
          apiUrl,
          queue: QUEUE,
          exchange: EXCHANGE,
          warmUp: 3 * POSSIBLE_PER_SECOND,
          messages: 5 * POSSIBLE_PER_SECOND,
          concurrency: IN_FLIGHT,
          prefetch: 2 * IN_FLIGHT,
        };
        await filled(brokerUrl, job.warmUp + job.messages);
        const { messagesPerSecond, peakRssMegabytes, heapMegabytes, cpuMicrosPerMessage } = await programs.run(
          contender,
          job,
        );
        const share = messagesPerSecond / POSSIBLE_PER_SECOND;
        const [heapBefore, heapAfter] = heapMegabytes.map((megabytes) => megabytes.toFixed(0));
        const text = `${share.toFixed(2)} of what is possible, ${cpuMicrosPerMessage.toFixed(0)} µs of CPU a message, peak RSS ${peakRssMegabytes.toFixed(0)} MB, heap ${heapBefore} → ${heapAfter} MB`;
        shares.set(contender, [...(shares.get(contender) ?? []), { share, text }]);
      }
    }
    const best = [...shares].map(([contender, rounds]) => {
      const [first] = rounds.toSorted((one, other) => other.share - one.share);
      return `  ${contender}: ${first?.text}`;
    });
    return [`${IN_FLIGHT} calls in flight at ${LATENCY_MS} ms, the better of ${ROUNDS} rounds in turn:`, ...best].join(
      '\n',
    );
  });

const backlog: Measurement = (programs, brokerUrl) =>
  withApi(programs, Number.POSITIVE_INFINITY, async (apiUrl) => {
    const messages = Number(values.backlog);
    await filled(brokerUrl, messages);
    const endsAt = performance.now() + Number(values.seconds) * 1_000;
    let peak = 0;
    await withWorker(programs, { amqpUrl: brokerUrl, apiUrl, queues: [QUEUE] }, ({ rssMegabytes }) => {
      peak = Math.max(peak, rssMegabytes);
      return performance.now() > endsAt ? true : undefined;
    });
    return `a backlog of ${messages} in front of an API that never answers, ${values.seconds} s: peak RSS ${peak.toFixed(0)} MB`;
  });

const pipelines: Measurement = (programs, brokerUrl) =>
  withApi(programs, 0, async (apiUrl) => {
    const queues = Array.from({ length: 200 }, (_, n) => `${QUEUE}.${n}`);
    const publisher = await openPublisher(brokerUrl);
    await publisher.declareMany(queues);
    await publisher.fill(20 * queues.length, queues);
    await publisher.close();
    const startedAt = performance.now();
    let readyAfter: number | undefined;
    const rss = await withWorker(
      programs,
      { amqpUrl: brokerUrl, apiUrl, queues },
      ({ done, isReady, rssMegabytes }) => {
        if (isReady) readyAfter ??= performance.now() - startedAt;
        return done === 20 * queues.length && readyAfter !== undefined ? rssMegabytes : undefined;
      },
    );
    return `200 pipelines in one worker: ready after ${(readyAfter ?? 0).toFixed(0)} ms, all ${20 * queues.length} messages done, RSS ${rss.toFixed(0)} MB`;
  });

const twice: Measurement = (programs, brokerUrl) =>
  withApi(programs, 0, async (apiUrl) => {
    const cpuOf = async (messages: number): Promise<number> => {
      await filled(brokerUrl, messages + 2_000);
      let begun = 0;
      const order = { amqpUrl: brokerUrl, apiUrl, queues: [QUEUE] };
      return withWorker(programs, order, ({ done, cpuMicros }) => {
        if (done >= 2_000 && begun === 0) begun = cpuMicros;
        return done === messages + 2_000 ? cpuMicros - begun : undefined;
      });
    };
    const [once20, once40] = [await cpuOf(20_000), await cpuOf(40_000)];
    return `twice the messages (20 000, 40 000): ${(once40 / once20).toFixed(2)} times the CPU time`;
  });

const startUp: Measurement = () => {
  const here = fileURLToPath(new URL('..', import.meta.url));
  const beside = values.beside === undefined ? [] : [resolve(values.beside)];
  return measureStartUp({ roots: [here, ...beside], modules: 20, rounds: 7 });
};

const MEASUREMENTS: Readonly<Record<string, Measurement>> = {
  'in-flight': inFlight,
  backlog,
  pipelines,
  twice,
  'start-up': startUp,
};

async function main(): Promise<void> {
  const { only } = values;
  const names = only === undefined ? Object.keys(MEASUREMENTS) : [only];
  const programs = await buildPrograms();
  const broker = await findBroker();
  try {
    for (const name of names) {
      const measure = MEASUREMENTS[name];
      if (measure === undefined)
        throw new Error(`--only: unknown ${name}; there are ${Object.keys(MEASUREMENTS).join(', ')}`);
      console.log(await measure(programs, broker.url));
    }
  } finally {
    await broker.stop();
  }
}

await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
