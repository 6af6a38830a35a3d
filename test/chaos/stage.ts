/**
 * Everything a chaos run plays on, all of it private and on loopback: a RabbitMQ, the sample APIs, workers as processes, and a line
 * for each worker to the broker that can be cut, frozen and slowed.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type SampleApis, startSampleApis } from '../../demo/apis/start-sample-apis.ts';
import { connectClient } from '../support/broker-client.ts';
import { eventually } from '../support/eventually.ts';
import { type RabbitMq, startPrivateRabbitMq } from '../support/rabbitmq.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { Fleet } from './fleet.ts';
import { FAULTY_APIS, type FaultyApi } from './plan.ts';

const PIPELINES_FOLDER = fileURLToPath(new URL('../fixtures/chaos', import.meta.url));
const PROBE = new URL('./probe.mjs', import.meta.url).href;

/** Seconds. A line that is silent for about three times this is given up. */
export const HEARTBEAT_S = 3;
const GRACE_PERIOD = '5s';
const USUAL_LATENCY_MS = 20;
/** The grace period, the farewell to the broker, and what a busy machine makes of both. */
export const STOP_WITHIN_MS = 40_000;
const CONSUMING_WITHIN_MS = 120_000;

export const RESULTS_EXCHANGE = 'chaos';
export const RESULTS_QUEUE = 'chaos.results';

export interface Stage {
  readonly broker: RabbitMq;
  readonly apis: SampleApis;
  readonly lines: readonly TcpProxy[];
  readonly fleet: Fleet;
  /** Makes an API take its usual time for whatever no fault placed before hits. */
  settleDown(api: FaultyApi): void;
  /** Each worker writes what it holds in memory to a file of this folder, named after it. */
  readonly probes: string;
  /** Resolves when every pipeline of every worker takes messages. */
  consuming(): Promise<void>;
  /** Ends and removes everything. Idempotent; also while it is being built. */
  strike(): Promise<void>;
}

export interface StageOptions {
  readonly workers: number;
  /** Milliseconds between two looks into the memory of each worker. Default: never. */
  readonly probeEveryMs?: number;
  /** Aborted: whatever has been started is ended. */
  readonly signal: AbortSignal;
}

export async function buildStage({ workers, probeEveryMs, signal }: StageOptions): Promise<Stage> {
  const undo: (() => Promise<void>)[] = [];
  let striking: Promise<void> | undefined;
  const strike = (): Promise<void> => {
    striking ??= (async () => {
      for (const step of undo.reverse()) await step();
    })();
    return striking;
  };

  try {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-chaos-'));
    undo.push(() => rm(folder, { recursive: true, force: true }));
    const apis = await startSampleApis({ ports: 'free', maxJournalEntries: 300_000 });
    undo.push(() => apis.stop());
    const broker = await startPrivateRabbitMq();
    undo.push(() => broker.stop());
    signal.throwIfAborted();

    // First of all faults, so that no other hides it: what is bound for nowhere is refused.
    apis.shipping.fault({ kind: 'status', status: 422, match: { address: 'nowhere' } });
    const usual = new Map<FaultyApi, { remove(): void }>();
    const settleDown = (api: FaultyApi): void => {
      usual.get(api)?.remove();
      usual.set(api, apis[api].fault({ kind: 'latency', ms: USUAL_LATENCY_MS }));
    };
    for (const api of FAULTY_APIS) settleDown(api);

    const client = await connectClient(broker.url);
    await client.channel.assertExchange(RESULTS_EXCHANGE, 'topic', { durable: true });
    await client.channel.assertQueue(RESULTS_QUEUE, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
    await client.channel.bindQueue(RESULTS_QUEUE, RESULTS_EXCHANGE, '#');
    await client.close();

    const lines: TcpProxy[] = [];
    undo.push(async () => {
      for (const line of lines) await line.stop();
    });
    for (let place = 0; place < workers; place++) lines.push(await startTcpProxy(broker.port));

    const environment = (place: number, name: string): Record<string, string> => ({
      ...apis.environment,
      AMQP_URL: `amqp://guest:guest@127.0.0.1:${lines[place]?.port}/?heartbeat=${HEARTBEAT_S}`,
      SLUICE_GRACE_PERIOD: GRACE_PERIOD,
      LOG_LEVEL: 'info',
      // One for all workers, so that the sagas of one that is killed are resumed by another.
      SLUICE_JOURNAL_FILE: join(folder, 'journal.db'),
      CHAOS_WORKER: name,
      ...(probeEveryMs === undefined
        ? {}
        : {
            NODE_OPTIONS: `--import=${PROBE}`,
            CHAOS_PROBE: join(folder, name),
            CHAOS_PROBE_EVERY_MS: String(probeEveryMs),
          }),
    });
    const fleet = new Fleet({ folder: PIPELINES_FOLDER, places: workers, environment });
    undo.push(() => fleet.killAll());
    const consuming = (): Promise<void> =>
      eventually(
        () =>
          `every worker consumes:\n${fleet.current.map(({ name, process }) => `${name}: ${JSON.stringify(process.lines.slice(-8))}`).join('\n')}`,
        () => {
          signal.throwIfAborted();
          return fleet.isConsuming();
        },
        CONSUMING_WITHIN_MS,
      );

    fleet.startAll();
    await consuming();
    // A quorum queue that was declared just before a kill may not come back with its node; one that has seen a restart does.
    await broker.restart();
    await consuming();
    return { broker, apis, lines, fleet, settleDown, probes: folder, consuming, strike };
  } catch (error) {
    await strike();
    throw error;
  }
}
