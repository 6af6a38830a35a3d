/**
 * One chaos run: builds the stage, feeds it, makes trouble, heals, waits until everything has drained, stops the workers in order and
 * audits. Everything private; bounded in time; ends what it started whatever happens.
 */
import { setMaxListeners } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { connectClient } from '../support/broker-client.ts';
import { eventually } from '../support/eventually.ts';
import { audit, type Ending, type Evidence, type Verdict } from './audit.ts';
import { Feed } from './feed.ts';
import { PIPELINES } from './inputs.ts';
import { describeFault, FAULTY_APIS, type FaultKind, planFaults } from './plan.ts';
import { type Recovery, recoveries } from './recovery.ts';
import { buildStage, RESULTS_QUEUE, STOP_WITHIN_MS, type Stage } from './stage.ts';
import { takeAll } from './take-all.ts';
import { makeTrouble } from './trouble.ts';

export interface ChaosOptions {
  readonly seed: number;
  /** How long faults begin, in milliseconds. */
  readonly forMs: number;
  /** Mean time between two faults. Default: 2500 ms. */
  readonly everyMs?: number;
  /** Inputs a second. Default: 40. */
  readonly rate?: number;
  /** Default: 2. */
  readonly workers?: number;
  /** Places of workers that are killed and stopped. Default: all. */
  readonly mortal?: readonly number[];
  /** Kinds of faults to draw from. Default: all. */
  readonly kinds?: readonly FaultKind[];
  /** Milliseconds between two looks into the memory of each worker. Default: never. */
  readonly probeEveryMs?: number;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
  /** Told with the stage before it is struck: for what has to be read from it. */
  readonly beforeStrike?: (stage: Stage, evidence: Evidence | undefined) => Promise<void>;
}

export interface ChaosReport extends Verdict {
  readonly seed: number;
  readonly faults: number;
  readonly confirmed: number;
  readonly results: number;
  readonly deadLetters: number;
  readonly lostConnections: number;
  readonly recoveries: readonly Recovery[];
  /** From the end of the last fault until everything had ended. */
  readonly drainedInMs: number;
}

/** Time for everything to end once all faults are over: the longest wait of the retry ladder, twice, and what a busy machine makes of it. */
const DRAIN_WITHIN_MS = 180_000;

export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { seed, forMs, everyMs = 2_500, rate = 40, workers = 2, mortal, kinds, probeEveryMs, signal, say } = options;
  // Every fault that waits for its time listens.
  setMaxListeners(0, signal);
  const plan = planFaults({
    seed,
    forMs,
    everyMs,
    workers,
    ...(kinds === undefined ? {} : { kinds }),
    ...(mortal === undefined ? {} : { mortal }),
  });
  const stage = await buildStage({ workers, signal, ...(probeEveryMs === undefined ? {} : { probeEveryMs }) });
  const { broker, apis, lines, fleet } = stage;
  let evidence: Evidence | undefined;
  const feed = new Feed(broker.url, rate);
  try {
    const startedAtMs = Date.now();
    const at = (ms: number): string => `${((ms - startedAtMs) / 1_000).toFixed(1).padStart(6)} s`;
    say(`${at(startedAtMs)}  ${workers} workers, ${rate} inputs a second, ${plan.length} faults`);
    feed.start();
    const faults = await makeTrouble({
      stage,
      seed,
      plan,
      signal,
      onFault: (fault, atMs) => say(`${at(atMs)}  ${describeFault(fault)}`),
    });
    // A plan with few faults goes on to its end.
    await pause(Math.max(0, startedAtMs + forMs - Date.now()), undefined, { signal });
    await feed.stop();
    const healedAtMs = Date.now();
    say(`${at(healedAtMs)}  healed; draining ${feed.confirmed.length} confirmed inputs, ${feed.unknown.size} unknown`);

    const endings = await drain(stage, feed, signal);
    const drainedInMs = Date.now() - healedAtMs;
    say(`${at(Date.now())}  drained in ${(drainedInMs / 1_000).toFixed(1)} s`);
    await stage.consuming();
    const vitals = fleet.vitals();
    // What is lost is lost otherwise than by the stop that follows: two connections of each worker are alive, and end in order.
    const alive = lines.reduce((sum, line) => sum + line.connections, 0);
    const opened = lines.reduce((sum, line) => sum + line.answered, 0);
    await fleet.stopAll(STOP_WITHIN_MS);

    const left = await readEndings(broker.url, endings);
    evidence = {
      confirmed: feed.confirmed,
      unknown: [...feed.unknown],
      endings,
      left,
      requests: Object.fromEntries(FAULTY_APIS.map((api) => [api, apis[api].journal])),
      workers: fleet.incarnations.map((incarnation) => ({ ...incarnation, lines: incarnation.process.lines })),
      lostConnections: opened - alive,
      faults,
      vitals,
    };
    const deadLetters = endings.filter(({ end }) => end === 'dead').length;
    return {
      ...audit(evidence),
      seed,
      faults: faults.length,
      confirmed: feed.confirmed.length,
      results: endings.length - deadLetters,
      deadLetters,
      lostConnections: evidence.lostConnections,
      recoveries: recoveries(evidence),
      drainedInMs,
    };
  } finally {
    await feed.stop();
    try {
      await options.beforeStrike?.(stage, evidence);
    } finally {
      await stage.strike();
    }
  }
}

/** Reads results and dead letters until every confirmed input has ended and nothing waits any more. */
async function drain({ broker }: Stage, feed: Feed, signal: AbortSignal): Promise<Ending[]> {
  const endings: Ending[] = [];
  const ended = new Set<string>();
  const missing = (): string[] => feed.confirmed.filter(({ id }) => !ended.has(id)).map(({ id }) => id);
  let left: Readonly<Record<string, number>> = {};
  await eventually(
    () =>
      `everything has ended; left in queues: ${JSON.stringify(left)}, without an end: ${missing().slice(0, 20).join(', ')}`,
    async () => {
      signal.throwIfAborted();
      left = await readEndings(broker.url, endings);
      for (const { id } of endings) ended.add(id);
      await pause(200, undefined, { signal });
      return missing().length === 0 && Object.values(left).every((messages) => messages === 0);
    },
    DRAIN_WITHIN_MS,
  ).catch((error: unknown) => {
    // What is missing is the audit's to tell.
    if (signal.aborted) throw error;
  });
  return endings;
}

const DELAYS = ['1s', '2s', '3s', '5s', '10s'];

/** Takes what has ended from the broker. @returns what still lies in the other queues. */
async function readEndings(url: string, endings: Ending[]): Promise<Readonly<Record<string, number>>> {
  const client = await connectClient(url);
  try {
    for (const { body } of await takeAll(client.channel, RESULTS_QUEUE)) endings.push(endingOf(body));
    for (const pipeline of PIPELINES)
      for (const { messageId } of await takeAll(client.channel, `chaos.${pipeline}.dead`))
        endings.push({ id: messageId, end: 'dead' });
    const queues = PIPELINES.flatMap((pipeline) => [
      `chaos.${pipeline}`,
      ...DELAYS.map((delay) => `chaos.${pipeline}.delay.${delay}`),
    ]);
    const left: Record<string, number> = {};
    for (const queue of queues) left[queue] = (await client.channel.checkQueue(queue)).messageCount;
    return left;
  } finally {
    await client.close();
  }
}

const endingOf = (body: unknown): Ending => {
  const { status, ...rest } = body as { status: string } & Omit<Ending, 'end'>;
  return { ...rest, end: status };
};
