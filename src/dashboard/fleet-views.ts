/** What several workers show, shown as one: counts and rates are sums, times are those of the slowest, states those of the worst off. Pure. */
import { healthOf } from './health.ts';
import type {
  ApiView,
  CallView,
  Counts,
  JournalView,
  MinuteCounts,
  PipelineView,
  Trouble,
  Waiting,
  WorkerView,
} from './wire.ts';

/** One worker's last views. */
export interface Views {
  readonly worker: WorkerView;
  readonly pipelines: readonly PipelineView[];
  readonly apis: readonly ApiView[];
}

const MAX_TROUBLES = 24;

/** The first is the worst. */
const BROKER_STATES = ['lost', 'blocked', 'closed', 'connecting', 'connected'];
const WORKER_STATES = ['draining', 'starting', 'running', 'stopped'];
const BREAKERS: readonly ApiView['breaker'][] = ['isolated', 'open', 'half-open', 'closed'];
/** Here the best stands: as long as one of them takes messages, they flow. */
const INTAKES = ['consuming', 'starting', 'paused', 'stopped'];

/** @param all at least one. */
export function viewsTogether(all: readonly Views[]): Views {
  const worker = workersTogether(all.map((views) => views.worker));
  const apis = grouped(
    all.flatMap((views) => views.apis),
    ({ name }) => name,
  ).map(apisTogether);
  const pipelines = grouped(
    all.flatMap((views) => views.pipelines),
    ({ shape }) => shape.name,
  ).map((views) => pipelinesTogether(views, apis, worker));
  return { worker, apis, pipelines };
}

function workersTogether(all: readonly WorkerView[]): WorkerView {
  return {
    state: first(all, ({ state }) => WORKER_STATES.indexOf(state)).state,
    broker: first(all, ({ broker }) => BROKER_STATES.indexOf(broker.state)).broker,
    startedAt: Math.min(...all.map(({ startedAt }) => startedAt)),
    journal: journalsTogether(all.map(({ journal }) => journal)),
  };
}

/** One journal, that each of them counts. */
function journalsTogether(all: readonly JournalView[]): JournalView {
  const { isAvailable, reason } = first(all, (journal) => (journal.isAvailable ? 1 : 0));
  return { isAvailable, reason, counts: first(all, ({ counts }) => -counts.length).counts };
}

function apisTogether(all: readonly ApiView[]): ApiView {
  const { name, breaker, breakerReason, retryAt } = first(all, (api) => BREAKERS.indexOf(api.breaker));
  return {
    name,
    breaker,
    breakerReason,
    retryAt,
    limit: sumIfKnown(all.map(({ limit }) => limit)),
    running: sum(all, ({ running }) => running),
    calls: sum(all, ({ calls }) => calls),
    failed: sum(all, ({ failed }) => failed),
    p50Ms: most(all.map(({ p50Ms }) => p50Ms)),
    p99Ms: most(all.map(({ p99Ms }) => p99Ms)),
    waits: sum(all, ({ waits }) => waits),
    longestWaitMs: Math.max(...all.map(({ longestWaitMs }) => longestWaitMs)),
  };
}

function pipelinesTogether(
  all: readonly PipelineView[],
  apis: readonly ApiView[],
  { broker, state }: WorkerView,
): PipelineView {
  const one = first(all, () => 0);
  const shape = {
    ...one.shape,
    concurrency: sum(all, (view) => view.shape.concurrency),
    prefetch: sum(all, (view) => view.shape.prefetch),
  };
  const counts = countsTogether(all.map((view) => view.counts));
  const minute: MinuteCounts = countsTogether(all.map((view) => ({ ...view.minute, inFlight: 0 })));
  const waiting = waitingTogether(all.map((view) => view.waiting));
  const unsettled = {
    messages: sum(all, (view) => view.unsettled.messages),
    reason: all.find((view) => view.unsettled.messages > 0)?.unsettled.reason,
  };
  const troubles = grouped(
    all.flatMap((view) => view.troubles),
    troubleKey,
  )
    .map(troublesTogether)
    .sort((a, b) => b.count - a.count)
    .slice(0, MAX_TROUBLES);
  const { intake: best } = first(all, ({ intake }) => INTAKES.indexOf(intake.state));
  const intake = { ...best, prefetch: sumIfKnown(all.map((view) => view.intake.prefetch)) };
  const own = apis.filter(({ name }) => shape.apis.some((api) => api.name === name));
  return {
    shape,
    health: healthOf({ shape, apis: own, broker, worker: state, intake, counts, waiting, unsettled, minute, troubles }),
    counts,
    minute,
    waiting,
    unsettled,
    inRate: sum(all, ({ inRate }) => inRate),
    outRate: sum(all, ({ outRate }) => outRate),
    publishRate: sum(all, ({ publishRate }) => publishRate),
    retryRate: sum(all, ({ retryRate }) => retryRate),
    deadLetterRate: sum(all, ({ deadLetterRate }) => deadLetterRate),
    retriesPerMinute: sum(all, ({ retriesPerMinute }) => retriesPerMinute),
    p50Ms: most(all.map(({ p50Ms }) => p50Ms)),
    p99Ms: most(all.map(({ p99Ms }) => p99Ms)),
    spark: one.spark.map((_, second) => sum(all, ({ spark }) => spark[second] ?? 0)),
    intake,
    troubles,
    exchanges: [...new Set(all.flatMap(({ exchanges }) => exchanges))],
    calls: grouped(
      all.flatMap(({ calls }) => calls),
      ({ api }) => api,
    ).map(callsTogether),
  };
}

const countsTogether = (all: readonly Counts[]): Counts => ({
  delivered: sum(all, ({ delivered }) => delivered),
  acked: sum(all, ({ acked }) => acked),
  retried: sum(all, ({ retried }) => retried),
  deadLettered: sum(all, ({ deadLettered }) => deadLettered),
  returned: sum(all, ({ returned }) => returned),
  inFlight: sum(all, ({ inFlight }) => inFlight),
});

/** Every worker looks into the same queues. */
const waitingTogether = (all: readonly Waiting[]): Waiting => ({
  messages: most(all.map(({ messages }) => messages)),
  deadLetters: most(all.map(({ deadLetters }) => deadLetters)),
  ageMs: most(all.map(({ ageMs }) => ageMs)),
});

const troubleKey = ({ settlement, code, stage }: Trouble): string => `${settlement} ${code} ${stage}`;

function troublesTogether(all: readonly Trouble[]): Trouble {
  const latest = first(all, ({ lastAt }) => -lastAt);
  return { ...latest, count: sum(all, ({ count }) => count) };
}

function callsTogether(all: readonly CallView[]): CallView {
  return {
    api: first(all, () => 0).api,
    rate: sum(all, ({ rate }) => rate),
    failedRate: sum(all, ({ failedRate }) => failedRate),
    running: sum(all, ({ running }) => running),
  };
}

function grouped<T>(all: readonly T[], keyOf: (one: T) => string): readonly (readonly T[])[] {
  const groups = new Map<string, T[]>();
  for (const one of all) {
    const key = keyOf(one);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return [...groups.values()];
}

const sum = <T>(all: readonly T[], of: (one: T) => number): number => all.reduce((total, one) => total + of(one), 0);

const known = (values: readonly (number | undefined)[]): readonly number[] =>
  values.filter((value): value is number => value !== undefined);

const most = (values: readonly (number | undefined)[]): number | undefined =>
  known(values).length === 0 ? undefined : Math.max(...known(values));

const sumIfKnown = (values: readonly (number | undefined)[]): number | undefined =>
  known(values).length === 0 ? undefined : sum(known(values), (value) => value);

/** The one that comes first by its rank. */
function first<T>(all: readonly T[], rankOf: (one: T) => number): T {
  const [one, ...others] = all;
  if (one === undefined) throw new TypeError('there is nothing to put together');
  return others.reduce((best, other) => (rankOf(other) < rankOf(best) ? other : best), one);
}
