/** One worker process, as its parent sees it: how it is, what it answers, how it ended. */
import { type ChildProcess, fork } from 'node:child_process';
import { asyncScheduler, filter, firstValueFrom, map, merge, Subject, timer } from 'rxjs';
import { environmentWith } from '../../config.ts';
import type { Frame } from '../../dashboard/wire.ts';
import type { MetricsSnapshot } from '../../observability/metrics/snapshot.ts';
import { packageEntry } from '../../package.ts';
import type { Readiness } from '../../worker/worker.ts';
import { type Answers, envelope, type FromWorker, opened, type Question, type ToWorker } from './protocol.ts';
import type { Ending } from './restart-rule.ts';

export interface WorkerProcessOptions {
  readonly number: number;
  readonly folder: string;
  /** Variables it gets beside those of the parent. */
  readonly environment: Readonly<Record<string, string>>;
  readonly onFrame: (frame: Frame) => void;
}

const ENTRY = packageEntry('cli/workers/worker-main');
/** Whoever is busy for longer is asked the next time. */
const ANSWER_WITHIN_MS = 1_000;

const STARTING: Readiness = { isReady: false, state: 'starting', waiting: {} };

export class WorkerProcess {
  readonly number: number;
  readonly ended: Promise<Ending>;
  readonly #child: ChildProcess;
  readonly #answers = new Subject<Extract<FromWorker, { readonly type: 'answer' }>>();
  #lastId = 0;
  #readiness = STARTING;
  #wasRunning = false;
  #metrics: MetricsSnapshot = [];
  #silentLooks = 0;

  constructor({ number, folder, environment, onFrame }: WorkerProcessOptions) {
    this.number = number;
    const startedAt = asyncScheduler.now();
    // Lines go straight to where the parent's go: none is lost with the parent, and none waits for it.
    this.#child = fork(ENTRY, [folder, String(number)], {
      env: environmentWith(environment),
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      serialization: 'advanced',
    });
    this.#child.on('message', (received) => {
      const message = opened<FromWorker>(received);
      if (message !== undefined) this.#hear(message, onFrame);
    });
    this.ended = new Promise((resolve) => {
      const end = (code: number | null, signal: string | null): void =>
        resolve({ code, signal, wasRunning: this.#wasRunning, ranMs: asyncScheduler.now() - startedAt });
      // Could not be started, or told something it is too late for: where it runs, its end is told by "exit".
      this.#child.once('error', () => this.#child.pid === undefined && end(null, null));
      // After its last word, unlike "exit".
      this.#child.once('close', end);
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get readiness(): Readiness {
    return this.#readiness;
  }

  /** As it was last told. */
  get metrics(): MetricsSnapshot {
    return this.#metrics;
  }

  stop(): void {
    this.#say({ type: 'stop' });
  }

  hasten(reason: string): void {
    this.#say({ type: 'hasten', reason });
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Brings `metrics` up to date, where it answers in time. */
  async measure(): Promise<void> {
    this.#metrics = (await this.#ask<'metrics'>({ type: 'metrics' })) ?? this.#metrics;
  }

  /** Undefined where it knows nothing of it, or does not answer in time. */
  story(pipeline: string, messageId: string, deliveryTag: number): Promise<Answers['story']> {
    return this.#ask<'story'>({ type: 'story', pipeline, messageId, deliveryTag });
  }

  /** How many looks in a row, this one included, have seen no sign of life. */
  look(): number {
    return ++this.#silentLooks;
  }

  #hear(message: FromWorker, onFrame: (frame: Frame) => void): void {
    this.#silentLooks = 0;
    if (message.type === 'answer') this.#answers.next(message);
    else if (message.type === 'counted') this.#metrics = message.metrics;
    else {
      this.#readiness = message.readiness;
      this.#wasRunning ||= message.readiness.state === 'running';
      if (message.frame !== undefined) onFrame(message.frame);
    }
  }

  #say(message: ToWorker): void {
    // What has ended, or is about to, need not be told anything.
    if (this.#child.connected) this.#child.send(envelope(message), () => {});
  }

  async #ask<Type extends Question['type']>(
    question: Extract<Question, { readonly type: Type }>,
  ): Promise<Answers[Type] | undefined> {
    if (!this.#child.connected) return undefined;
    const id = ++this.#lastId;
    const told = firstValueFrom(
      merge(
        this.#answers.pipe(filter((answer) => answer.id === id)),
        timer(ANSWER_WITHIN_MS).pipe(map(() => undefined)),
      ),
    );
    this.#say({ type: 'ask', id, question });
    return (await told)?.answer as Answers[Type] | undefined;
  }
}
