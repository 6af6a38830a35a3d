/** How long it took until workers took messages again once nothing stood in their way, read from their logs. Pure. */
import type { Evidence, WorkerEnd } from './audit.ts';
import { tellsIntake, timeOf } from './fleet.ts';
import { PIPELINES } from './inputs.ts';
import type { FaultKind } from './plan.ts';

export interface Recovery {
  /** The last fault that stood in the way. */
  readonly kind: FaultKind;
  /** From its end until the pipeline consumed. */
  readonly ms: number;
}

interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** What keeps a worker from consuming: faults of the broker, of its line, of its process; not those of APIs, nor an alarm. */
const IN_THE_WAY: readonly FaultKind[] = [
  'broker-kill',
  'broker-restart',
  'line-cut',
  'line-freeze',
  'line-slow',
  'worker-pause',
];

/** One for each time in which a pipeline of a worker was not fed because of a fault. */
export function recoveries({ faults, workers }: Pick<Evidence, 'faults' | 'workers'>): readonly Recovery[] {
  const inTheWay = faults.filter(({ fault }) => IN_THE_WAY.includes(fault.kind));
  return workers.flatMap((worker) =>
    spansWithoutMessages(worker).flatMap(({ fromMs, toMs }) => {
      const last = inTheWay
        .filter(({ fault }) => !('worker' in fault) || fault.worker === worker.place)
        .filter((fault) => fault.fromMs <= toMs && fault.toMs >= fromMs - SEEN_WITHIN_MS)
        .reduce<Evidence['faults'][number] | undefined>(
          (a, b) => (a !== undefined && a.toMs > b.toMs ? a : b),
          undefined,
        );
      return last === undefined ? [] : [{ kind: last.fault.kind, ms: Math.max(0, toMs - last.toMs) }];
    }),
  );
}

/** A cut is over before the worker has seen it. */
const SEEN_WITHIN_MS = 1_000;

/** The times in which one pipeline of a worker was not fed, the one from the worker's start included. */
function spansWithoutMessages({ lines }: WorkerEnd): readonly Span[] {
  const start = lines.find(({ msg }) => msg === 'worker starting');
  return PIPELINES.flatMap((pipeline) => {
    const spans: Span[] = [];
    let fromMs: number | undefined = start === undefined ? undefined : timeOf(start) + SEEN_WITHIN_MS;
    for (const line of lines) {
      if (!tellsIntake(line, pipeline)) continue;
      const atMs = timeOf(line);
      if (line.msg !== 'consuming') fromMs ??= atMs;
      else if (fromMs !== undefined) {
        spans.push({ fromMs, toMs: atMs });
        fromMs = undefined;
      }
    }
    return spans;
  });
}
