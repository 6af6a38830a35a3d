/** The port for a person who declares topology: once, now, or with the reason why not. */
import type { Topology } from './topology.ts';

export interface Declarer {
  /** Which broker, for people; no credentials. */
  readonly address: string;
  /**
   * Declares what is missing; what is there as wanted stays as it is.
   * @throws TopologyError with every refusal; BrokerUnavailableError when the connection is lost or an answer does not come.
   */
  declare(topology: Topology): Promise<void>;
  /** Closes the connection. Never fails. */
  close(): Promise<void>;
}
