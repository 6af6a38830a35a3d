/** What a running pipeline is given by its worker: the ports, the clocks' neighbours, and the two words that end it. */
import type { Observable } from 'rxjs';
import type { Broker } from '../broker/broker.ts';
import type { TopologyMode } from '../broker/topology.ts';
import type { Facts } from '../events.ts';
import type { ApiAvailability, CallScope } from '../http/api-client.ts';
import type { BoundTarget, CallTarget } from '../http/call-target.ts';
import type { Journal } from '../journal/journal.ts';
import type { Logger } from '../log.ts';
import type { Random } from '../policies/random.ts';
import type { Tracing } from '../tracing.ts';

export interface Engine {
  readonly broker: Broker;
  /** The one client of a definition, bound to a message. */
  readonly bindApi: (definition: CallTarget, scope: CallScope) => BoundTarget;
  /** Whether an API can be called: replays the state now, then each change. */
  readonly availabilityOf: (definition: CallTarget) => Observable<ApiAvailability>;
  readonly journal: Journal;
  readonly facts: Facts;
  readonly log: Logger;
  /** Undefined: nobody collects spans. */
  readonly tracing?: Tracing | undefined;
  readonly random: Random;
  /** Whether queues and exchanges may be declared, where a queue does not say it itself. */
  readonly topology: TopologyMode;
  /** Emits once: take no more messages, give back those that have not started, finish the others. */
  readonly drain: Observable<unknown>;
  /** Emits the reason once, and again to late subscribers: give back whatever is not settled by now. */
  readonly halt: Observable<string>;
}
