/** Plans as fast-check draws and shrinks them: fewer bursts and faults, earlier, shorter, milder. */
import type fc from 'fast-check';
import type { Setup } from './options.ts';
import { type Burst, type FaultKind, type Plan, type PlannedFault, STEPS } from './plan.ts';
import { apiNamesOf } from './setup.ts';

type FastCheck = typeof fc;

const MINUTE_MS = 60_000;
const BURST = 20;
const BEFORE_MS = 2_000;
const AFTER_MS = 30_000;

/** @param check The package, which is loaded when a simulation asks for it. */
export function planArbitrary(check: FastCheck, setup: Setup): fc.Arbitrary<Plan> {
  const { maxMessages, maxFaults } = setup;
  const faults = faultArbitraries(check, setup);
  // A fault far from any message hits nobody: most are drawn beside a burst.
  const near = check.option(check.nat(1_000), { nil: undefined, freq: 4 });
  const most = { maxLength: maxFaults, size: 'max' } as const;
  const none = check.constant<readonly { readonly near: number | undefined; readonly fault: PlannedFault }[]>([]);
  const drawn = check.record({
    chance: check.nat(2 ** 30),
    bursts: check.array(burstArbitrary(check, setup), {
      minLength: 1,
      maxLength: Math.max(1, Math.ceil(maxMessages / BURST)),
      size: 'max',
    }),
    faults: faults.length === 0 ? none : check.array(check.record({ near, fault: check.oneof(...faults) }), most),
  });
  return drawn.map(({ chance, bursts, faults: placed }) => ({
    chance,
    bursts,
    faults: placed.map(({ near: burst, fault }) =>
      place(fault, burst === undefined ? undefined : bursts[burst % bursts.length]),
    ),
  }));
}

/** From two seconds before the burst to half a minute after its end. */
function place(fault: PlannedFault, burst: Burst | undefined): PlannedFault {
  if (burst === undefined) return fault;
  const spanMs = burst.count * burst.everyMs + BEFORE_MS + AFTER_MS;
  return { ...fault, at: Math.max(0, burst.at - BEFORE_MS + (fault.at % spanMs)) };
}

function burstArbitrary(check: FastCheck, { safetyMs, pipelines, maxMessages }: Setup): fc.Arbitrary<Burst> {
  return check.record({
    // A burst ends within the safety phase, unless that is shorter.
    at: check.integer({ min: 1_000, max: Math.max(1_000, safetyMs - 2 * MINUTE_MS) }),
    pipeline: check.nat(pipelines.length - 1),
    count: check.integer({ min: 1, max: Math.min(2 * BURST, maxMessages) }),
    everyMs: check.oneof(check.constant(0), check.nat(50), check.nat(2_000)),
    againAfterMs: check.option(check.nat(2 * MINUTE_MS), { nil: undefined, freq: 8 }),
  });
}

function faultArbitraries(check: FastCheck, setup: Setup): readonly fc.Arbitrary<PlannedFault>[] {
  const { safetyMs, workers, pipelines, faults } = setup;
  const apiCount = apiNamesOf(pipelines).length;
  const at = check.nat(safetyMs - 1);
  const worker = check.nat(workers - 1);
  const api = check.nat(Math.max(0, apiCount - 1));
  const pipeline = check.nat(pipelines.length - 1);
  const within = (mostMs: number): fc.Arbitrary<number> => check.integer({ min: 1, max: mostMs });
  const outageMs = check.oneof(within(MINUTE_MS), within(10 * MINUTE_MS));
  const kind = <Kind extends FaultKind>(name: Kind): fc.Arbitrary<Kind> => check.constant(name);

  const each: { readonly [Kind in FaultKind]: fc.Arbitrary<Extract<PlannedFault, { readonly kind: Kind }>> } = {
    crash: check.record({
      kind: kind('crash'),
      at,
      worker,
      step: check.constantFrom(...STEPS),
      downMs: within(2 * MINUTE_MS),
    }),
    restart: check.record({ kind: kind('restart'), at, worker, downMs: within(MINUTE_MS) }),
    cut: check.record({ kind: kind('cut'), at, worker }),
    freeze: check.record({
      kind: kind('freeze'),
      at,
      worker,
      direction: check.constantFrom('up' as const, 'down' as const, 'both' as const),
      // A heartbeat of 10 s finds a dead line within 30.
      forMs: within(30_000),
      isCutAfter: check.boolean(),
    }),
    pause: check.record({
      kind: kind('pause'),
      at,
      worker,
      step: check.constantFrom(...STEPS),
      // Leases here are of 10 s.
      forMs: within(2 * MINUTE_MS),
      foundDeadAfterMs: check.integer({ min: 5_000, max: MINUTE_MS }),
    }),
    brokerRestart: check.record({ kind: kind('brokerRestart'), at, downMs: within(MINUTE_MS) }),
    lostConfirms: check.record({ kind: kind('lostConfirms'), at, forMs: within(40_000), areLost: check.boolean() }),
    nackedConfirms: check.record({ kind: kind('nackedConfirms'), at, count: check.integer({ min: 1, max: 30 }) }),
    memoryAlarm: check.record({ kind: kind('memoryAlarm'), at, forMs: within(3 * MINUTE_MS) }),
    cancelledConsumers: check.record({ kind: kind('cancelledConsumers'), at, pipeline }),
    apiOutage: check.record({
      kind: kind('apiOutage'),
      at,
      api,
      forMs: outageMs,
      how: check.constantFrom('refused' as const, 'unavailable' as const, 'silent' as const),
    }),
    slowApi: check.record({
      kind: kind('slowApi'),
      at,
      api,
      forMs: outageMs,
      factor: check.integer({ min: 2, max: 40 }),
    }),
    tooManyRequests: check.record({
      kind: kind('tooManyRequests'),
      at,
      api,
      forMs: outageMs,
      retryAfterSeconds: check.option(check.nat(30), { nil: undefined }),
    }),
    lostAnswers: check.record({ kind: kind('lostAnswers'), at, api, forMs: outageMs }),
    journalDown: check.record({ kind: kind('journalDown'), at, forMs: outageMs, storesAnyway: check.boolean() }),
    slowJournal: check.record({
      kind: kind('slowJournal'),
      at,
      forMs: outageMs,
      latencyMs: check.integer({ min: 2, max: 3_000 }),
    }),
    tornRecords: check.record({ kind: kind('tornRecords'), at, count: check.integer({ min: 1, max: 5 }) }),
    clockJump: check.record({
      kind: kind('clockJump'),
      at,
      byMs: check.integer({ min: -60 * MINUTE_MS, max: 60 * MINUTE_MS }),
    }),
  };
  return faults.filter((name) => apiCount > 0 || !API_FAULTS.has(name)).map((name) => each[name]);
}

const API_FAULTS: ReadonlySet<FaultKind> = new Set(['apiOutage', 'slowApi', 'tooManyRequests', 'lostAnswers']);
