/**
 * A whole worker in virtual time: the engine, the policies, the ladder and the settlement that run in production, over the embedded broker's
 * model and transports a test answers for. Nothing is copied and nothing is left out but sockets, and the feeders of sources: the test delivers
 * the messages.
 */

import type { Broker } from '../../broker/broker.ts';
import { createEmbeddedPort } from '../../broker/embedded/embedded-port.ts';
import type { InProcessBroker } from '../../broker/embedded/port/in-process-broker.ts';
import type { Facts } from '../../events.ts';
import type { CallTarget } from '../../http/call-target.ts';
import type { Transport } from '../../http/transport.ts';
import type { Journal } from '../../journal/journal.ts';
import { type Logger, silentLogger } from '../../log.ts';
import { withoutFeeder } from '../../pipeline/feed.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import type { Random } from '../../policies/random.ts';
import { createApiRegistry } from '../../worker/api-registry.ts';
import { whileConnected } from '../../worker/service-carrier.ts';
import { startWorker, type Worker } from '../../worker/worker.ts';
import { sandboxed } from './sandboxed-api.ts';

export interface VirtualWorkerOptions {
  readonly pipelines: readonly Pipeline[];
  /** Several workers may share one. */
  readonly broker: InProcessBroker;
  readonly journal: Journal;
  readonly facts: Facts;
  readonly random: Random;
  /** What answers the calls of an API. */
  readonly transportOf: (definition: CallTarget) => Transport;
  /** Stands between the worker and the broker: records, or breaks. Default: nothing does. */
  readonly throughPort?: (port: Broker) => Broker;
  readonly log?: Logger;
  /** Default: 30 s. */
  readonly gracePeriodMs?: number;
}

/** Starts a worker whose clients, limits and breakers are its own. Has to run where the RxJS clock is virtual. */
export function startVirtualWorker(options: VirtualWorkerOptions): Worker {
  const { pipelines, broker, journal, facts, random, transportOf } = options;
  const { throughPort = (port) => port, log = silentLogger, gracePeriodMs = 30_000 } = options;
  const port = throughPort(createEmbeddedPort(broker));
  const apis = createApiRegistry(pipelines, {
    facts,
    random,
    sandbox: (definition) => {
      const transport = transportOf(definition);
      const isCarried = definition.kind === 'service';
      return {
        definition: sandboxed(definition),
        transport: isCarried ? whileConnected(port.status, transport) : transport,
      };
    },
  });
  return startWorker({
    pipelines: pipelines.map(withoutFeeder),
    broker: port,
    journal,
    facts,
    log,
    random,
    apis,
    topology: 'assert',
    gracePeriodMs,
  });
}
