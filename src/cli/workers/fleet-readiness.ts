/** How several workers are, said as one. Pure. */
import type { Readiness, WorkerState } from '../../worker/worker.ts';

export interface Member {
  readonly number: number;
  /** Undefined while there is no process. */
  readonly readiness: Readiness | undefined;
  /** Why there is none. */
  readonly empty: string;
}

/** Ready when every worker is: a rollout that goes on before is one that a crash at start would not stop. */
export function fleetReadiness(members: readonly Member[], isStopping: boolean): Readiness {
  const waiting: Record<string, string> = {};
  const faults: { broker?: string; journal?: string } = {};
  for (const { number, readiness, empty } of members) {
    const about = `worker ${number}`;
    if (readiness === undefined) {
      waiting[about] = empty;
      continue;
    }
    if (readiness.state !== 'running') waiting[about] = readiness.state;
    for (const [pipeline, reason] of Object.entries(readiness.waiting)) waiting[`${about}: ${pipeline}`] = reason;
    for (const fault of ['broker', 'journal'] as const) {
      const reason = readiness[fault];
      if (reason !== undefined) faults[fault] ??= `${about}: ${reason}`;
    }
  }
  return {
    isReady: !isStopping && members.every(({ readiness }) => readiness?.isReady === true),
    state: isStopping ? 'draining' : stateOf(members),
    waiting,
    ...faults,
  };
}

function stateOf(members: readonly Member[]): WorkerState {
  return members.every(({ readiness }) => readiness?.state === 'running') ? 'running' : 'starting';
}
