/** A worker process of a simulated world: the real worker, started, stopped and crashed as often as the world wants. */
import { Subscription } from 'rxjs';
import type { Broker } from '../../broker/broker.ts';
import type { InProcessBroker } from '../../broker/embedded/port/in-process-broker.ts';
import { createFacts, type Facts } from '../../events.ts';
import type { CallTarget } from '../../http/call-target.ts';
import { type Logger, silentLogger } from '../../log.ts';
import type { OutgoingMessage } from '../../message/outgoing.ts';
import { isBalanced, type LedgerCounts } from '../../pipeline/ledger.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import type { Worker } from '../../worker/worker.ts';
import type { PromiseWatch } from '../pipelines/promise-watch.ts';
import { seededRandom } from '../virtual/seeded-random.ts';
import { startVirtualWorker } from '../virtual/virtual-worker.ts';
import { type LifeParts, Line } from './line.ts';
import type { MessageNames } from './message-names.ts';
import { observedPipeline } from './observed-pipeline.ts';
import type { Step } from './plan.ts';
import { ProcessLink } from './process-link.ts';
import type { SimulatedApi } from './simulated-api.ts';
import type { SimulatedJournal } from './simulated-journal.ts';
import { Turn } from './turn.ts';
import type { LifeRef, WorldEventBody } from './world-event.ts';

export interface WorkerWorld {
  readonly pipelines: readonly Pipeline[];
  readonly broker: InProcessBroker;
  readonly names: MessageNames;
  readonly journal: SimulatedJournal;
  readonly apiOf: (definition: CallTarget) => SimulatedApi;
  readonly throughPort: (port: Broker) => Broker;
  readonly throughPipeline: (pipeline: Pipeline) => Pipeline;
  readonly promises: PromiseWatch;
  /** Before a message leaves for the broker. */
  readonly prepare: (message: OutgoingMessage) => void;
  readonly emit: (event: WorldEventBody) => void;
  readonly number: () => number;
  readonly after: (ms: number, work: () => void) => void;
  readonly chance: number;
}

interface Life {
  readonly ref: LifeRef;
  readonly worker: Worker;
  readonly link: ProcessLink;
  readonly line: Line;
  readonly watching: Subscription;
  /** Known to all parts of the life. */
  readonly fate: { isDead: boolean };
  readonly turn: Turn;
}

export class SimulatedWorker {
  readonly #world: WorkerWorld;
  readonly #index: number;
  #life: Life | undefined;
  #lives = 0;
  /** Where the next crash or pause waits. */
  #armed: { readonly step: Step; readonly strike: () => void } | undefined;

  constructor(world: WorkerWorld, index: number) {
    this.#world = world;
    this.#index = index;
  }

  /** Whether a worker runs: it was started, and has neither stopped nor crashed. */
  get isUp(): boolean {
    return this.#life !== undefined;
  }

  get ref(): LifeRef | undefined {
    return this.#life?.ref;
  }

  ledgers(): Readonly<Record<string, LedgerCounts>> {
    return this.#life?.worker.ledgers() ?? {};
  }

  start(): void {
    if (this.#life !== undefined) return;
    const {
      emit,
      number,
      broker,
      names,
      journal,
      apiOf,
      chance,
      pipelines,
      throughPort,
      throughPipeline,
      promises,
      prepare,
    } = this.#world;
    const ref: LifeRef = { worker: this.#index, life: ++this.#lives };
    const fate = { isDead: false };
    const turn = new Turn();
    const parts: LifeParts = {
      ref,
      isDead: () => fate.isDead,
      turn,
      prepare,
      emit,
      number,
      reach: (step) => this.#reach(step),
    };
    let line: Line | undefined;
    const link = new ProcessLink(broker, turn, () => line?.broken());
    emit({ kind: 'lifeBegan', life: ref });
    let worker: Worker | undefined;
    turn.run(() => {
      worker = startVirtualWorker({
        pipelines: pipelines.map((pipeline) =>
          observedPipeline(promises.watchHandle(throughPipeline(pipeline)), parts),
        ),
        broker: link,
        journal: promises.watchJournal(journal.viewFor(parts)),
        facts: factsFor(parts),
        log: logFor(parts),
        random: seededRandom(chance + 7919 * this.#index + 104_729 * this.#lives),
        transportOf: (definition) => apiOf(definition).transportFor(parts),
        throughPort: (port) => {
          line = new Line(port, parts, names);
          return throughPort(line);
        },
      });
    });
    if (worker === undefined || line === undefined) throw new TypeError('a worker was started without its line');
    const watching = new Subscription();
    const life: Life = { ref, worker, link, line, watching, fate, turn };
    this.#life = life;
    watching.add(worker.state.subscribe({ complete: () => this.#stopped(life) }));
  }

  /** Drains as on SIGTERM: one that is paused when it wakes. */
  stop(): void {
    this.#armed = undefined;
    const life = this.#life;
    life?.turn.run(() => life.worker.stop());
  }

  /** Gone in this instant: cut from the world first, then torn down where nobody sees it. Comes back after `downMs`. */
  crash(downMs: number): void {
    const life = this.#life;
    this.#armed = undefined;
    if (life === undefined) return;
    const { emit, after } = this.#world;
    this.#life = undefined;
    life.line.ended();
    life.fate.isDead = true;
    life.watching.unsubscribe();
    emit({ kind: 'lifeCrashed', life: life.ref });
    life.link.end('the worker crashed');
    // Later, since the worker may be in the middle of something that must not be torn from below it.
    after(0, () => {
      life.turn.wake();
      life.worker.stop();
      life.worker.hasten('the worker crashed');
    });
    after(Math.max(1, downMs), () => this.start());
  }

  /** The world is over, with it or in the middle of its work: what comes to it later, by a promise, is nobody's. */
  forget(): void {
    if (this.#life !== undefined) this.#life.fate.isDead = true;
  }

  /** Strikes when it next comes to the `step`. */
  arm(step: Step, strike: () => void): void {
    if (step === 'now') strike();
    else this.#armed = { step, strike };
  }

  disarm(): void {
    this.#armed = undefined;
  }

  cut(): void {
    this.#life?.link.cutConnections();
  }

  /**
   * As by SIGSTOP: it stands still, with its timers and all that is on its way to it, and its leases lapse.
   * @returns what the broker does when no heartbeat has come for a while, and what wakes it.
   */
  pause(): { readonly foundDead: () => void; readonly wake: () => void } | undefined {
    const life = this.#life;
    if (life === undefined) return undefined;
    const { emit } = this.#world;
    life.turn.pause();
    emit({ kind: 'lifePaused', life: life.ref });
    return {
      foundDead: () => {
        if (life.turn.isPaused && !life.fate.isDead) life.link.cutConnections('no heartbeat came');
      },
      wake: () => {
        if (!life.turn.isPaused || life.fate.isDead) return;
        emit({ kind: 'lifeWoke', life: life.ref });
        life.turn.wake();
      },
    };
  }

  /** @returns what ends it: the line moves again, or is found dead. */
  freeze(direction: 'up' | 'down' | 'both'): (isCutAfter: boolean) => void {
    const life = this.#life;
    life?.line.freeze(direction);
    return (isCutAfter) => {
      if (life === undefined || life.fate.isDead) return;
      life.turn.run(() => {
        if (isCutAfter) life.link.cutConnections('no heartbeat came');
        else life.line.thaw();
      });
    };
  }

  #reach(step: Step): void {
    const armed = this.#armed;
    if (armed?.step !== step) return;
    this.#armed = undefined;
    armed.strike();
  }

  #stopped(life: Life): void {
    if (this.#life === life) this.#life = undefined;
    life.link.leave();
    const counts = Object.values(life.worker.ledgers());
    this.#world.emit({
      kind: 'lifeStopped',
      life: life.ref,
      isBalanced: counts.every(isBalanced),
      inFlight: counts.reduce((sum, { inFlight }) => sum + inFlight, 0),
    });
  }
}

/** What the engine itself calls an error is a defect; what handles say goes to child loggers, and nowhere. */
const logFor = ({ isDead, emit }: LifeParts): Logger => ({
  ...silentLogger,
  error: (...[fields, text]: [object | string, string?]) => {
    if (isDead()) return;
    const error = typeof fields === 'object' && 'error' in fields ? fields.error : (text ?? fields);
    emit({ kind: 'unhandled', error });
  },
});

/** What the worker reports, for as long as it lives. */
function factsFor({ ref, isDead, emit }: LifeParts): Facts {
  const facts = createFacts();
  facts.stream.subscribe((fact) => emit({ kind: 'fact', life: ref, fact }));
  return {
    ...facts,
    report: (fact) => {
      if (!isDead()) facts.report(fact);
    },
  };
}
