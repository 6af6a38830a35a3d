/**
 * The parent's side of `sluice run --workers`: starts worker processes, starts them again when they end unasked, stops them in order, and
 * says how all of them are.
 */
import { interval, Subject, type Subscription, takeUntil, timer } from 'rxjs';
import type { Frame } from '../../dashboard/wire.ts';
import type { Logger } from '../../log.ts';
import type { FleetProcess } from '../../observability/metrics/fleet-metrics.ts';
import type { MetricsSnapshot } from '../../observability/metrics/snapshot.ts';
import type { Readiness } from '../../worker/worker.ts';
import { EXIT } from '../exit-code.ts';
import { fleetReadiness } from './fleet-readiness.ts';
import type { Answers } from './protocol.ts';
import { type Ending, RestartRule } from './restart-rule.ts';
import { WorkerProcess } from './worker-process.ts';

export interface SupervisorOptions {
  readonly workers: number;
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly log: Logger;
  /** What a worker process is given to end once it is told to, in milliseconds. */
  readonly gracePeriodMs: number;
  readonly onFrame: (worker: number, frame: Frame) => void;
  /** A process has ended: what it counted, and that it is seen no longer. */
  readonly onEnd: (worker: number, metrics: MetricsSnapshot) => void;
}

/** A place for a process, by its number: empty between an end and the next start. */
interface Place {
  readonly number: number;
  readonly rule: RestartRule;
  process: WorkerProcess | undefined;
  restarts: number;
  /** Why it is empty. */
  empty: string;
}

/** Beyond the grace period: for closing, and for a busy machine. */
const MARGIN_MS = 15_000;
const LOOK_EVERY_MS = 5_000;
/** Twelve looks: a minute, whatever the wall clock does. */
const MAX_SILENT_LOOKS = 12;

export class Supervisor {
  /** Resolves with the exit code when the last process has ended. */
  readonly stopped: Promise<number>;
  readonly #options: SupervisorOptions;
  readonly #places: readonly Place[];
  readonly #ends = new Subject<void>();
  #finish: (exitCode: number) => void = () => {};
  #exitCode: number = EXIT.ok;
  #isStopping = false;
  #looking: Subscription;

  /** Starts them at once. */
  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.stopped = new Promise((resolve) => {
      this.#finish = resolve;
    });
    this.#places = Array.from({ length: options.workers }, (_, index) => ({
      number: index + 1,
      rule: new RestartRule(),
      process: undefined,
      restarts: 0,
      empty: 'not started yet',
    }));
    for (const place of this.#places) this.#start(place);
    this.#looking = interval(LOOK_EVERY_MS).subscribe(() => this.#look());
  }

  /** Ready when every worker is. */
  readiness(): Readiness {
    return fleetReadiness(
      this.#places.map(({ number, process, empty }) => ({ number, readiness: process?.readiness, empty })),
      this.#isStopping,
    );
  }

  processes(): readonly FleetProcess[] {
    return this.#places.map(({ number, process, restarts }) => ({
      worker: number,
      isRunning: process?.readiness.state === 'running',
      restarts,
    }));
  }

  async snapshots(): Promise<ReadonlyMap<number, MetricsSnapshot>> {
    const living = this.#places.flatMap(({ process }) => (process === undefined ? [] : [process]));
    await Promise.all(living.map((process) => process.measure()));
    return new Map(
      this.#places.flatMap(({ number, process }) => (process === undefined ? [] : [[number, process.metrics]])),
    );
  }

  /** Of the worker that had the message. */
  async story(worker: number, pipeline: string, messageId: string, deliveryTag: number): Promise<Answers['story']> {
    return this.#places[worker - 1]?.process?.story(pipeline, messageId, deliveryTag);
  }

  /** Every process finishes what it has in flight and ends; idempotent. */
  stop(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#ends.next();
    for (const { process } of this.#places) process?.stop();
    this.#killAfter(this.#options.gracePeriodMs + MARGIN_MS);
    this.#endIfEmpty();
  }

  /** Ends the grace period of all of them now. */
  hasten(reason: string): void {
    this.stop();
    for (const { process } of this.#places) process?.hasten(reason);
    this.#killAfter(MARGIN_MS);
  }

  /** Stops, and says so by this exit code. */
  fail(exitCode: number): void {
    this.#exitCode = exitCode;
    this.stop();
  }

  #start(place: Place): void {
    const { folder, environment, onFrame, onEnd, log } = this.#options;
    const { number } = place;
    const process = new WorkerProcess({ number, folder, environment, onFrame: (frame) => onFrame(number, frame) });
    place.process = process;
    log.debug({ worker: number, pid: process.pid }, 'worker process started');
    void process.ended.then((ending) => {
      place.process = undefined;
      onEnd(number, process.metrics);
      this.#afterEnd(place, ending);
    });
  }

  #afterEnd(place: Place, ending: Ending): void {
    const { log } = this.#options;
    const { number: worker } = place;
    const { code, signal } = ending;
    if (this.#isStopping) {
      this.#count(ending);
      this.#endIfEmpty();
      return;
    }
    const othersRun = this.#places.some(({ process }) => process?.readiness.state === 'running');
    const verdict = place.rule.judge(ending, othersRun);
    if (verdict.kind === 'giveUp') {
      log.error({ worker, exitCode: code, signal }, `${verdict.why}: giving up`);
      this.fail(verdict.exitCode);
      return;
    }
    const { delayMs } = verdict;
    place.empty = `ended by ${signal ?? `exit code ${code}`}, is started again`;
    log.warn({ worker, exitCode: code, signal, delayMs }, 'a worker process ended unasked: it is started again');
    timer(delayMs)
      .pipe(takeUntil(this.#ends))
      .subscribe(() => {
        place.restarts++;
        this.#start(place);
      });
  }

  /** Of those that were told to stop: the worst word stands. */
  #count({ code }: Ending): void {
    if (this.#exitCode !== EXIT.ok && this.#exitCode !== EXIT.cutShort) return;
    if (code === null || code === EXIT.cutShort) this.#exitCode = EXIT.cutShort;
    else if (code !== EXIT.ok) this.#exitCode = code;
  }

  #endIfEmpty(): void {
    if (this.#places.some(({ process }) => process !== undefined)) return;
    this.#looking.unsubscribe();
    this.#ends.next();
    this.#finish(this.#exitCode);
  }

  #killAfter(withinMs: number): void {
    timer(withinMs)
      .pipe(takeUntil(this.#ends))
      .subscribe(() => {
        for (const { number: worker, process } of this.#places) {
          if (process === undefined) continue;
          this.#options.log.error({ worker, withinMs }, 'a worker process did not end in time: it is killed');
          process.kill();
        }
      });
  }

  /** What is dead to the world holds its messages, and nobody else would find out. */
  #look(): void {
    for (const { number: worker, process } of this.#places) {
      if (process === undefined || process.look() < MAX_SILENT_LOOKS) continue;
      const silentMs = MAX_SILENT_LOOKS * LOOK_EVERY_MS;
      this.#options.log.error({ worker, silentMs }, 'a worker process gives no sign of life: it is killed');
      process.kill();
    }
  }
}
