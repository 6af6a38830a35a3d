/** Carries out planned faults in a world, and heals what is still broken at the end of the safety phase. */

import type { InProcessBroker } from '../../broker/embedded/port/in-process-broker.ts';
import { workQueues } from '../../broker/partitions.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import type { PlannedFault } from './plan.ts';
import type { SimulatedApi } from './simulated-api.ts';
import type { SimulatedJournal } from './simulated-journal.ts';
import type { SimulatedWorker } from './simulated-worker.ts';
import type { LifeRef, WorldEventBody } from './world-event.ts';

export interface BreakableWorld {
  readonly broker: InProcessBroker;
  readonly pipelines: readonly Pipeline[];
  readonly workers: readonly SimulatedWorker[];
  readonly apis: readonly SimulatedApi[];
  readonly journal: SimulatedJournal;
  readonly emit: (event: WorldEventBody) => void;
  readonly after: (ms: number, work: () => void) => void;
  readonly jump: (byMs: number) => void;
}

export class Breakdowns {
  readonly #world: BreakableWorld;
  /** What is broken now, and how it is mended; a fault of the same kind in the same place takes its turn. */
  readonly #mending = new Map<string, () => void>();
  #isHealed = false;

  constructor(world: BreakableWorld) {
    this.#world = world;
  }

  strike(fault: PlannedFault): void {
    if (this.#isHealed) return;
    const { kind, at: _at, ...details } = fault;
    this.#world.emit({ kind: 'fault', fault: kind, text: describe(details) });
    this.#strike(fault);
  }

  /** Everything works from now on. */
  heal(): void {
    const { workers, apis, journal, broker, emit } = this.#world;
    this.#isHealed = true;
    for (const mend of [...this.#mending.values()]) mend();
    for (const api of apis) api.heal();
    journal.heal();
    broker.model.holdConfirms(false);
    for (const worker of workers) {
      worker.disarm();
      worker.start();
    }
    emit({ kind: 'healed' });
  }

  #strike(fault: PlannedFault): void {
    const { broker, workers, apis, journal, pipelines, jump } = this.#world;
    const worker = 'worker' in fault ? workers[fault.worker] : undefined;
    const api = 'api' in fault ? apis[fault.api] : undefined;
    const stopping = worker?.ref;
    switch (fault.kind) {
      case 'crash':
        worker?.arm(fault.step, () => worker.crash(fault.downMs));
        break;
      case 'restart':
        worker?.stop();
        this.#for(`restart ${fault.worker}`, fault.downMs, () => this.#startAfter(worker, stopping));
        break;
      case 'cut':
        worker?.cut();
        break;
      case 'freeze': {
        const end = worker?.freeze(fault.direction);
        this.#for(`freeze ${fault.worker}`, fault.forMs, () => end?.(fault.isCutAfter));
        break;
      }
      case 'pause':
        worker?.arm(fault.step, () => {
          const paused = worker.pause();
          this.#for(`pause ${fault.worker}`, fault.forMs, () => paused?.wake());
          this.#world.after(fault.foundDeadAfterMs, () => paused?.foundDead());
        });
        break;
      case 'brokerRestart':
        broker.setReachable(false);
        broker.restart({ keepDurable: true });
        this.#for('broker', fault.downMs, () => broker.setReachable(true));
        break;
      case 'lostConfirms':
        broker.run((model) => model.holdConfirms(true));
        this.#for('confirms', fault.forMs, () => {
          // Confirms of channels that have gone reach nobody.
          if (fault.areLost) broker.cutConnections();
          broker.run((model) => model.holdConfirms(false));
        });
        break;
      case 'nackedConfirms':
        broker.model.nackNextConfirms(fault.count);
        break;
      case 'memoryAlarm':
        broker.block('low on memory');
        this.#for('alarm', fault.forMs, () => broker.unblock());
        break;
      case 'cancelledConsumers': {
        const pipeline = pipelines[fault.pipeline];
        const [queue] = pipeline === undefined ? [] : workQueues(pipeline.source);
        if (queue !== undefined) broker.run((model) => model.cancelConsumers(queue));
        break;
      }
      case 'journalDown':
        journal.health = fault.storesAnyway ? 'storesWithoutAnswer' : 'down';
        this.#for('journal', fault.forMs, () => journal.heal());
        break;
      case 'slowJournal':
        journal.latencyMs = fault.latencyMs;
        this.#for('journal', fault.forMs, () => journal.heal());
        break;
      case 'tornRecords':
        journal.tears = fault.count;
        break;
      case 'clockJump':
        jump(fault.byMs);
        break;
      default:
        if (api !== undefined) this.#trouble(api, fault);
    }
  }

  #trouble(api: SimulatedApi, fault: Extract<PlannedFault, { readonly api: number }>): void {
    const { trouble } = api;
    const mend = (change: () => void): void => this.#for(`${fault.kind} ${fault.api}`, fault.forMs, change);
    switch (fault.kind) {
      case 'apiOutage':
        trouble.outage = fault.how;
        mend(() => {
          trouble.outage = undefined;
        });
        break;
      case 'slowApi':
        trouble.slowFactor = fault.factor;
        mend(() => {
          trouble.slowFactor = 1;
        });
        break;
      case 'tooManyRequests':
        trouble.refusesAll = fault;
        mend(() => {
          trouble.refusesAll = undefined;
        });
        break;
      case 'lostAnswers':
        trouble.lostRatio = 0.5;
        mend(() => {
          trouble.lostRatio = 0;
        });
        break;
    }
  }

  /** Mends what is broken after a time, once, unless it was mended before. */
  #for(place: string, ms: number, mend: () => void): void {
    this.#mending.get(place)?.();
    const once = (): void => {
      if (this.#mending.get(place) !== once) return;
      this.#mending.delete(place);
      mend();
    };
    this.#mending.set(place, once);
    this.#world.after(ms, once);
  }

  /** A worker that still drains is started when it has. */
  #startAfter(worker: SimulatedWorker | undefined, stopping: LifeRef | undefined): void {
    if (stopping === undefined || worker?.ref !== stopping) worker?.start();
    else this.#world.after(1_000, () => this.#startAfter(worker, stopping));
  }
}

const describe = (details: Readonly<Record<string, unknown>>): string =>
  Object.entries(details)
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(', ');
