/** The workers of a chaos run: real processes, a new one for each that ends, with everything their logs say. */
import { readdirSync, readFileSync } from 'node:fs';
import { type LogLine, startSluice, type WorkerProcess } from '../support/worker-process.ts';
import { PIPELINES } from './inputs.ts';

/** One process, from its start to its end. */
export interface Incarnation {
  /** `worker-1-3`: the third process in place 1. */
  readonly name: string;
  readonly place: number;
  readonly process: WorkerProcess;
  readonly startedAtMs: number;
  endedAtMs: number | undefined;
  /** How it was meant to end; undefined while it is meant to run. */
  end: 'kill' | 'stop' | undefined;
  exit: number | NodeJS.Signals | undefined;
}

export interface Vitals {
  readonly rssMb: number;
  readonly openFiles: number;
}

export interface FleetOptions {
  readonly folder: string;
  readonly places: number;
  readonly environment: (place: number, name: string) => Readonly<Record<string, string>>;
}

export class Fleet {
  readonly #options: FleetOptions;
  readonly #current: Incarnation[] = [];
  readonly incarnations: Incarnation[] = [];
  #isOver = false;

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  startAll(): void {
    for (let place = 0; place < this.#options.places; place++) this.start(place);
  }

  start(place: number): void {
    if (this.#isOver) return;
    const { folder, environment } = this.#options;
    const name = `worker-${place}-${this.incarnations.filter((other) => other.place === place).length + 1}`;
    const process = startSluice(['run', folder], environment(place, name));
    const incarnation: Incarnation = {
      name,
      place,
      process,
      startedAtMs: Date.now(),
      endedAtMs: undefined,
      end: undefined,
      exit: undefined,
    };
    this.incarnations.push(incarnation);
    this.#current[place] = incarnation;
    void process.exit.then((exit) => {
      incarnation.exit = exit;
      incarnation.endedAtMs = Date.now();
      // One that ends unasked is a finding; the run goes on with another.
      if (incarnation.end === undefined) this.start(place);
    });
  }

  at(place: number): Incarnation {
    const incarnation = this.#current[place];
    if (incarnation === undefined) throw new Error(`no worker ${place}`);
    return incarnation;
  }

  get current(): readonly Incarnation[] {
    return this.#current;
  }

  async kill(place: number): Promise<void> {
    const worker = this.at(place);
    worker.end ??= 'kill';
    await worker.process.kill();
  }

  /** SIGTERM. Killed when it has not ended in time, which is a finding. */
  async stop(place: number, withinMs: number): Promise<void> {
    const worker = this.at(place);
    worker.end ??= 'stop';
    worker.process.signal('SIGTERM');
    const tooLate = setTimeout(() => worker.process.signal('SIGKILL'), withinMs);
    await worker.process.exit;
    clearTimeout(tooLate);
  }

  async stopAll(withinMs: number): Promise<void> {
    await Promise.all(this.#current.map(({ place }) => this.stop(place, withinMs)));
  }

  async killAll(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#current.map(({ place }) => this.kill(place)));
  }

  isConsuming(): boolean {
    return this.#current.every(({ process }) =>
      PIPELINES.every((pipeline) => process.lines.findLast((line) => tellsIntake(line, pipeline))?.msg === 'consuming'),
    );
  }

  /** What the system says of the processes that run. */
  vitals(): readonly Vitals[] {
    return this.#current.map(({ process: { pid } }) => ({
      rssMb: Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024,
      openFiles: readdirSync(`/proc/${pid}/fd`).length,
    }));
  }
}

/** Whether a line says that a pipeline takes messages, or that it does not. */
export const tellsIntake = ({ msg, pipeline }: LogLine, name: string): boolean =>
  pipeline === name && (msg === 'consuming' || msg === 'intake paused' || msg === 'intake stopped');

/** When a line was written, in milliseconds since 1970. */
export const timeOf = ({ time }: LogLine): number => Date.parse(String(time));
