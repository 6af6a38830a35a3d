/** Carries out the faults of a plan on a stage. */
import { setTimeout as pause } from 'node:timers/promises';
import type { SampleApis } from '../../demo/apis/start-sample-apis.ts';
import type { ApiTrouble, Fault, PlannedFault } from './plan.ts';
import { STOP_WITHIN_MS, type Stage } from './stage.ts';

/** A fault as it was. */
export interface Happened {
  readonly fault: Fault;
  readonly fromMs: number;
  readonly toMs: number;
}

export interface TroubleOptions {
  readonly stage: Stage;
  readonly seed: number;
  readonly plan: readonly PlannedFault[];
  readonly signal: AbortSignal;
  /** Told when a fault begins. */
  readonly onFault: (fault: Fault, atMs: number) => void;
}

/**
 * Resolves with all faults once they are over and everything is healed. Faults on one part wait for each other.
 * @throws what could not be carried out; an abort.
 */
export async function makeTrouble({
  stage,
  seed,
  plan,
  signal,
  onFault,
}: TroubleOptions): Promise<readonly Happened[]> {
  const startedAtMs = Date.now();
  const turns = new Map<string, Promise<void>>();
  const happened: Happened[] = [];

  const inTurn = ({ atMs, fault }: PlannedFault, n: number): Promise<void> => {
    const before = turns.get(partOf(fault)) ?? Promise.resolve();
    const turn = before.then(async () => {
      await pause(Math.max(0, startedAtMs + atMs - Date.now()), undefined, { signal });
      const fromMs = Date.now();
      onFault(fault, fromMs);
      await carryOut(stage, fault, seed * 1_000 + n, signal);
      happened.push({ fault, fromMs, toMs: Date.now() });
    });
    turns.set(partOf(fault), turn);
    return turn;
  };

  await Promise.all(plan.map(inTurn));
  return happened.sort((a, b) => a.fromMs - b.fromMs);
}

/** What a fault is done to. */
function partOf(fault: Fault): string {
  if ('worker' in fault) return fault.kind.startsWith('line') ? `line ${fault.worker}` : `worker ${fault.worker}`;
  return 'api' in fault ? `api ${fault.api}` : 'broker';
}

async function carryOut(
  { broker, apis, lines, fleet, settleDown }: Stage,
  fault: Fault,
  seed: number,
  signal: AbortSignal,
): Promise<void> {
  const wait = (ms: number): Promise<void> => pause(ms, undefined, { signal });
  switch (fault.kind) {
    case 'worker-kill':
      await fleet.kill(fault.worker);
      await wait(fault.awayMs);
      fleet.start(fault.worker);
      break;
    case 'worker-stop':
      await fleet.stop(fault.worker, STOP_WITHIN_MS);
      await wait(fault.awayMs);
      fleet.start(fault.worker);
      break;
    case 'worker-pause': {
      const { process } = fleet.at(fault.worker);
      process.signal('SIGSTOP');
      await wait(fault.forMs);
      process.signal('SIGCONT');
      break;
    }
    case 'broker-kill':
      await broker.kill();
      await wait(fault.awayMs);
      await broker.restart();
      break;
    case 'broker-restart':
      await broker.restart();
      break;
    case 'memory-alarm':
      await broker.control('set_vm_memory_high_watermark', 'absolute', '1MB');
      await wait(fault.forMs);
      await broker.control('set_vm_memory_high_watermark', '0.4');
      break;
    case 'line-cut':
      lines[fault.worker]?.cut(fault.how);
      break;
    case 'line-freeze':
      lines[fault.worker]?.freeze(fault.direction);
      await wait(fault.forMs);
      lines[fault.worker]?.thaw();
      break;
    case 'line-slow':
      lines[fault.worker]?.slow(fault.bytesPerSecond);
      await wait(fault.forMs);
      lines[fault.worker]?.slow(0);
      break;
    case 'api-trouble': {
      const placed = apis[fault.api].fault({ ...apiFault[fault.trouble], ratio: fault.ratio, seed });
      // Behind the trouble, which hits first.
      settleDown(fault.api);
      await wait(fault.forMs);
      placed.remove();
      break;
    }
  }
}

const apiFault: Readonly<Record<ApiTrouble, Parameters<SampleApis['all'][number]['fault']>[0]>> = {
  errors: { kind: 'status', status: 503 },
  hangs: { kind: 'hang' },
  resets: { kind: 'reset' },
  'lost answers': { kind: 'lost-answer' },
  slow: { kind: 'latency', ms: 700 },
  'too many requests': { kind: 'status', status: 429, retryAfter: 1 },
};
