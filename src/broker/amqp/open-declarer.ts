/** Declaring topology over RabbitMQ, on one connection, and on another where the broker ends it for channels its user may not have. */
import { silentLogger } from '../../log.ts';
import type { Declarer } from '../declarer.ts';
import { dialUntilGivenUp } from './dial-first.ts';
import { createEndpoints } from './endpoints.ts';
import { establishTopology, SideBySide } from './establish-topology.ts';
import { reasonOf } from './failures.ts';
import type { OpenInspectionOptions } from './open-inspection.ts';
import { tlsOfConnects } from './tls-options.ts';

const CLOSE_WITHIN_MS = 5_000;

/**
 * Connects. `signal` ends the connection, too: what is being declared is given up, and some of it may be there.
 * @throws ConfigError for a URL or TLS options that cannot work; BrokerUnavailableError when no broker of `urls` answers.
 */
export async function openDeclarer(options: OpenInspectionOptions): Promise<Declarer> {
  const { urls, connectionName = 'sluice topology', heartbeatS = 10, auth = 'plain', tls = {} } = options;
  const { handshakeTimeoutMs = 10_000, rpcTimeoutMs = 30_000, log = silentLogger, signal } = options;
  const onDefect = (error: unknown): void => log.error({ error }, 'a listener of the broker connection threw');
  const connect = () =>
    dialUntilGivenUp(createEndpoints(urls, heartbeatS, handshakeTimeoutMs), urls.length, {
      name: connectionName,
      tls: tlsOfConnects(tls)(),
      auth,
      handshakeTimeoutMs,
      rpcTimeoutMs,
      onDefect,
      onBlocked: () => {},
      signal,
    });
  let { link, address } = await connect();
  const sideBySide = new SideBySide();
  return {
    get address() {
      return address;
    },
    async declare(topology) {
      for (;;) {
        try {
          await establishTopology(link, topology, 'assert', onDefect, sideBySide);
          return;
        } catch (error) {
          if (link.isOpen || !sideBySide.halved(reasonOf(error))) throw error;
          ({ link, address } = await connect());
        }
      }
    },
    close: () => link.close(CLOSE_WITHIN_MS),
  };
}
