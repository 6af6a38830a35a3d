/**
 * Dead letters over RabbitMQ: one connection, dialled once. When it is lost the work ends: whoever asked looks at what was done and asks
 * again, and the broker has taken back all that was held.
 */
import { BehaviorSubject, lastValueFrom } from 'rxjs';
import { messageOf } from '../../errors.ts';
import { silentLogger } from '../../log.ts';
import type { DeadLetters } from '../dead-letters.ts';
import { type Connecting, dialFirst } from './dial-first.ts';
import { createEndpoints } from './endpoints.ts';
import type { Link } from './link.ts';
import type { AmqpBrokerOptions } from './options.ts';
import { createPauses } from './pauses.ts';
import { Publisher } from './publisher.ts';
import { tlsOfConnects } from './tls-options.ts';
import { visitQueue } from './visit-queue.ts';

export interface OpenDeadLettersOptions
  extends Pick<AmqpBrokerOptions, 'random' | 'connectionName' | 'heartbeatS' | 'handshakeTimeoutMs' | 'rpcTimeoutMs'>,
    Pick<AmqpBrokerOptions, 'confirmTimeoutMs' | 'tls' | 'auth' | 'log'>,
    Connecting {
  /** URLs of one cluster: the first that answers is used. */
  readonly urls: readonly string[];
  /** The broker stops taking publishes, with its reason, or takes them again. */
  readonly onBlocked?: (reason: string | undefined) => void;
}

const CLOSE_WITHIN_MS = 5_000;

/**
 * Connects.
 * @throws ConfigError for a URL or TLS options that cannot work; BrokerUnavailableError when no broker of `urls` answers.
 */
export async function openDeadLetters(options: OpenDeadLettersOptions): Promise<DeadLetters> {
  const { urls, random, connectionName = 'sluice dlq', heartbeatS = 10, auth = 'plain', tls = {} } = options;
  const { handshakeTimeoutMs = 10_000, rpcTimeoutMs = 30_000, confirmTimeoutMs = 30_000 } = options;
  const { log = silentLogger, onBlocked = () => {}, signal } = options;
  const onDefect = (error: unknown): void =>
    log.error({ reason: messageOf(error) }, 'a listener of the broker connection threw');

  const endpoints = createEndpoints(urls, heartbeatS, handshakeTimeoutMs);
  const blocked = (reason: string | undefined): void => {
    publisher?.setBlocked(reason !== undefined);
    onBlocked(reason);
  };
  let publisher: Publisher | undefined;
  const bounds = { handshakeTimeoutMs, rpcTimeoutMs };
  const common = { name: connectionName, tls: tlsOfConnects(tls)(), auth, ...bounds, onBlocked: blocked, onDefect };
  const { link, address } = await dialFirst(endpoints, urls.length, { ...common, signal });

  const links = new BehaviorSubject<Link | undefined>(link);
  const window = { maxUnconfirmed: 1_000, maxUnconfirmedBytes: 16 * 2 ** 20, confirmTimeoutMs };
  const sender = new Publisher({ links, ...window, pauses: createPauses({}, random), log, onDefect });
  publisher = sender;
  link.lost.subscribe((reason) => {
    links.next(undefined);
    // What waits for a connection would wait for ever.
    void sender.close(reason);
  });

  return {
    address,
    lost: link.lost,
    visit: (queue) => visitQueue(link, queue, onDefect),
    publish: (message) => lastValueFrom(sender.publish(message), { defaultValue: undefined }),
    async close() {
      await sender.close('closed');
      links.complete();
      await link.close(CLOSE_WITHIN_MS);
    },
  };
}
