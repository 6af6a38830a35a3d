/** A law: something that holds whatever goes wrong. Looks on from outside and tells when it does not. */
import type { Pipeline } from '../../../pipeline/pipeline.ts';
import type { SimulationEnd } from '../simulation-end.ts';
import type { WorldEvent } from '../world-event.ts';

/** A law that was broken, and by what. */
export interface Breach {
  readonly text: string;
  /** Whose timeline shows it. */
  readonly messageId?: string;
}

/** A law's eyes in one world. */
export interface Watch {
  /** Sees everything that happens, at once. */
  readonly see?: (event: WorldEvent) => Breach | string | undefined;
  /** Sees what has become of everything: all is healed, drained and stopped. */
  readonly end?: (end: SimulationEnd) => Breach | string | undefined;
}

export interface WatchSetup {
  readonly pipelines: readonly Pipeline[];
  readonly workers: number;
}

export interface Law {
  /** A sentence that holds. */
  readonly name: string;
  /** Begins to watch a new world. */
  readonly watch: (setup: WatchSetup) => Watch;
}
