/**
 * What goes wrong in a chaos run, and when: drawn from the seed alone. Pure.
 * Faults on the same part (a worker, its line, the broker, an API) wait for each other, so the plan may well be late; its order holds.
 */

import { seededRandom } from '../support/seeded-random.ts';
import type { Direction } from '../support/tcp-proxy.ts';

/** The APIs that faults are placed at. */
export const FAULTY_APIS = ['inventory', 'payment', 'shipping', 'twitter', 'linkedin', 'analytics', 'email'] as const;

export type FaultyApi = (typeof FAULTY_APIS)[number];

/** How an API fails, for a share of its requests. */
export type ApiTrouble = 'errors' | 'hangs' | 'resets' | 'lost answers' | 'slow' | 'too many requests';

export type Fault =
  /** SIGKILL, and a new process a moment later. */
  | { readonly kind: 'worker-kill'; readonly worker: number; readonly awayMs: number }
  /** SIGTERM, and a new process once it has ended. */
  | { readonly kind: 'worker-stop'; readonly worker: number; readonly awayMs: number }
  /** SIGSTOP, and SIGCONT after a time that may be longer than its heartbeats allow. */
  | { readonly kind: 'worker-pause'; readonly worker: number; readonly forMs: number }
  /** SIGKILL, and a start on the same data. */
  | { readonly kind: 'broker-kill'; readonly awayMs: number }
  | { readonly kind: 'broker-restart' }
  /** The broker stops reading from whoever publishes. */
  | { readonly kind: 'memory-alarm'; readonly forMs: number }
  | { readonly kind: 'line-cut'; readonly worker: number; readonly how: 'reset' | 'end' }
  | { readonly kind: 'line-freeze'; readonly worker: number; readonly direction: Direction; readonly forMs: number }
  | { readonly kind: 'line-slow'; readonly worker: number; readonly bytesPerSecond: number; readonly forMs: number }
  | {
      readonly kind: 'api-trouble';
      readonly api: FaultyApi;
      readonly trouble: ApiTrouble;
      readonly ratio: number;
      readonly forMs: number;
    };

export type FaultKind = Fault['kind'];

export interface PlannedFault {
  /** From the beginning of the faults. */
  readonly atMs: number;
  readonly fault: Fault;
}

/** A pack of faults is dealt in the order the seed shuffles it to, so that each kind has its turn in every minute. */
const PACK: readonly FaultKind[] = [
  'worker-kill',
  'worker-kill',
  'worker-stop',
  'worker-pause',
  'broker-kill',
  'broker-restart',
  'memory-alarm',
  'line-cut',
  'line-cut',
  'line-freeze',
  'line-freeze',
  'line-slow',
  'api-trouble',
  'api-trouble',
  'api-trouble',
  'api-trouble',
  'api-trouble',
  'api-trouble',
];

const TROUBLES: readonly ApiTrouble[] = ['errors', 'hangs', 'resets', 'lost answers', 'slow', 'too many requests'];

export interface PlanOptions {
  readonly seed: number;
  /** How long faults begin. */
  readonly forMs: number;
  /** Mean time from one to the next. */
  readonly everyMs: number;
  readonly workers: number;
  /** Places of workers that are killed and stopped. Default: all. */
  readonly mortal?: readonly number[];
  /** Kinds to draw from. Default: all. */
  readonly kinds?: readonly FaultKind[];
}

export function planFaults({ seed, forMs, everyMs, workers, mortal, kinds }: PlanOptions): readonly PlannedFault[] {
  const random = seededRandom(seed);
  const between = (from: number, to: number): number => Math.round(from + random() * (to - from));
  const pick = <T>(choices: readonly [T, ...T[]] | readonly T[]): T =>
    choices[Math.floor(random() * choices.length)] as T;
  const pack = PACK.filter((kind) => kinds === undefined || kinds.includes(kind));
  const worker = (): number => between(0, workers - 1);

  const draw = (kind: FaultKind): Fault => {
    switch (kind) {
      case 'worker-kill':
      case 'worker-stop':
        return { kind, worker: mortal === undefined ? worker() : pick(mortal), awayMs: between(0, 1_500) };
      case 'worker-pause':
        return { kind, worker: worker(), forMs: between(500, 14_000) };
      case 'broker-kill':
        return { kind, awayMs: between(0, 2_000) };
      case 'broker-restart':
        return { kind };
      case 'memory-alarm':
        return { kind, forMs: between(1_000, 5_000) };
      case 'line-cut':
        return { kind, worker: worker(), how: pick(['reset', 'end']) };
      case 'line-freeze':
        return { kind, worker: worker(), direction: pick(['up', 'down', 'both']), forMs: between(1_000, 14_000) };
      case 'line-slow':
        return { kind, worker: worker(), bytesPerSecond: between(4_000, 40_000), forMs: between(2_000, 6_000) };
      case 'api-trouble': {
        const ratio = pick([0.1, 0.5, 1]);
        return { kind, api: pick(FAULTY_APIS), trouble: pick(TROUBLES), ratio, forMs: between(1_000, 6_000) };
      }
    }
  };

  const planned: PlannedFault[] = [];
  let hand: FaultKind[] = [];
  for (let at = 0; at < forMs; at += everyMs) {
    if (hand.length === 0) hand = shuffled(pack, random);
    const kind = hand.pop();
    if (kind === undefined) break;
    planned.push({ atMs: Math.min(forMs, Math.round(at + random() * 0.8 * everyMs)), fault: draw(kind) });
  }
  return planned;
}

function shuffled<T>(values: readonly T[], random: () => number): T[] {
  const pack = [...values];
  for (let last = pack.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [pack[last], pack[other]] = [pack[other] as T, pack[last] as T];
  }
  return pack;
}

/** `line-freeze worker 1 both 8.2 s`: a fault as one line tells of it. */
export function describeFault(fault: Fault): string {
  const seconds = 'forMs' in fault ? ` for ${(fault.forMs / 1_000).toFixed(1)} s` : '';
  switch (fault.kind) {
    case 'api-trouble':
      return `api-trouble ${fault.api}: ${fault.trouble}, ${fault.ratio * 100} %${seconds}`;
    case 'line-cut':
      return `line-cut worker ${fault.worker}, ${fault.how}`;
    case 'line-freeze':
      return `line-freeze worker ${fault.worker}, ${fault.direction}${seconds}`;
    case 'line-slow':
      return `line-slow worker ${fault.worker}, ${fault.bytesPerSecond} bytes/s${seconds}`;
    case 'worker-kill':
    case 'worker-stop':
    case 'worker-pause':
      return `${fault.kind} worker ${fault.worker}${seconds}`;
    default:
      return `${fault.kind}${seconds}`;
  }
}
