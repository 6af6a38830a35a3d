/** The port to sagas: what the page asks for, done by what is behind `sluice saga`. */
import type { SagaDone, SagaList, SagaSelection, SagaStory } from './wire.ts';

export interface SagaKey {
  readonly saga: string;
  readonly id: string;
}

export interface SagaDesk {
  /** Those of the journal, changed last first, at most `max`. */
  list(selection: SagaSelection, max: number): Promise<SagaList>;
  /** Undefined where there is no such saga. */
  show(key: SagaKey): Promise<SagaStory | undefined>;
  /** Gives the dead letter of a stuck saga back to its queue. */
  resume(key: SagaKey): Promise<SagaDone>;
  /** Writes into the journal that nothing more is done for it. */
  abandon(key: SagaKey): Promise<SagaDone>;
}
