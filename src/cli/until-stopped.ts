/** The end of a worker: what asks for it, and what the process says by its exit code. */
import { BrokerUnavailableError, type Problem } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Worker, WorkerReport } from '../worker/worker.ts';
import { EXIT } from './exit-code.ts';
import { printProblems } from './problems.ts';
import { onSignals, onUncaught } from './signals.ts';

export function misconfigured(problems: readonly Problem[]): number {
  printProblems(problems);
  return EXIT.misconfigured;
}

/** Stops the worker at the first signal, hastens it at the second, and fails it with whatever nobody caught. */
export async function untilStopped(worker: Worker, log: Logger): Promise<WorkerReport> {
  const disarm = onSignals({
    onFirst: (signal) => {
      log.info({ signal }, 'asked to stop: finishing what is in flight');
      worker.stop();
    },
    onSecond: (signal) => {
      log.warn({ signal }, 'asked again: aborting what still runs');
      worker.hasten(`${signal} came twice`);
    },
  });
  const disarmUncaught = onUncaught(worker.fail);
  const report = await worker.stopped;
  disarm();
  disarmUncaught();
  return report;
}

export function exitCodeOf({ failure, isClean }: WorkerReport): number {
  if (failure instanceof BrokerUnavailableError) return EXIT.notStarted;
  if (failure !== undefined) return EXIT.failed;
  return isClean ? EXIT.ok : EXIT.cutShort;
}
