/**
 * The broker port over RabbitMQ: two supervised connections, one to consume on and one to publish on, because a broker short of
 * memory stops reading from those that publish, and acks must still get through.
 */
import { catchError, concatMap, defer, EMPTY, filter, from, ignoreElements, type Observable, take } from 'rxjs';
import { messageOf } from '../../errors.ts';
import { silentLogger } from '../../log.ts';
import type { Broker, BrokerReadings, QueueDepth } from '../broker.ts';
import type { Asking } from '../requests.ts';
import { closeInOrder } from './close-in-order.ts';
import { combinedStatus } from './combined-status.ts';
import { consumeQueue } from './consume-queue.ts';
import type { ConsumerChannel } from './consumer-channel.ts';
import { depthOf } from './depth-of.ts';
import { createEndpoints } from './endpoints.ts';
import { dial, type Link } from './link.ts';
import { measureQueue } from './measure-queue.ts';
import type { AmqpBrokerOptions } from './options.ts';
import { createOutageLog } from './outage-log.ts';
import { createPauses } from './pauses.ts';
import { Publisher } from './publisher.ts';
import { reportStatus } from './report-status.ts';
import { answeredAttempt, answeredMessage, Requester } from './requester.ts';
import { standingTopology } from './standing-topology.ts';
import { type ConnectionSupervisor, superviseConnection } from './supervise-connection.ts';
import { tlsOfConnects } from './tls-options.ts';

/**
 * Connects at once and keeps both connections up until `close`. See `Broker` for what each of its methods does.
 * Holds in memory: publishes that wait (bounded by their subscribers) and at most `maxUnconfirmedBytes` of sent ones; as much again while those lie in
 * the socket, since a body is copied into its frames.
 *
 * @throws ConfigError for a URL or TLS options that cannot work; RangeError for `urls` without an entry.
 */
export function createAmqpBroker(options: AmqpBrokerOptions): Broker & BrokerReadings & Asking {
  const { urls, random, connectionName = 'sluice', heartbeatS = 10, auth = 'plain', log = silentLogger } = options;
  const { handshakeTimeoutMs = 10_000, rpcTimeoutMs = 10_000, confirmTimeoutMs = 30_000 } = options;
  const { maxUnconfirmed = 1000, maxUnconfirmedBytes = 16 * 2 ** 20, reconnect = {}, tls = {}, facts } = options;

  const endpoints = createEndpoints(urls, heartbeatS, handshakeTimeoutMs);
  const tlsOptions = tlsOfConnects(tls);
  const outage = createOutageLog(log, () => endpoints.address);
  const newPauses = () => createPauses(reconnect, random);
  const onDefect = (error: unknown): void => {
    log.error({ reason: messageOf(error) }, 'a listener of the broker connection threw');
  };

  const supervise = (purpose: string): ConnectionSupervisor => {
    let attempt = 0;
    return superviseConnection({
      pauses: newPauses(),
      onFailed: outage.failed,
      async dial(onBlocked, signal) {
        const endpoint = await endpoints.next(attempt++);
        const name = `${connectionName} ${purpose}`;
        const bounds = { handshakeTimeoutMs, rpcTimeoutMs };
        return dial({ endpoint, name, tls: tlsOptions(), auth, ...bounds, onBlocked, onDefect, signal });
      },
    });
  };
  const consuming = supervise('consume');
  const publishing = supervise('publish');

  const topology = standingTopology(consuming.links, log, onDefect);
  const channels = new Set<ConsumerChannel>();
  const consumers = { links: topology.links, createPauses: newPauses, log, onDefect, channels };
  const bounds = { maxUnconfirmed, maxUnconfirmedBytes, confirmTimeoutMs };
  const publisher = new Publisher({ links: publishing.links, ...bounds, pauses: newPauses(), log, onDefect });
  const askingBy = (keyOf: typeof answeredMessage): Requester =>
    new Requester({ links: publishing.links, ...bounds, pauses: newPauses(), log, onDefect }, keyOf);
  const [doorRequests, calls] = [askingBy(answeredMessage), askingBy(answeredAttempt)];
  const asking = (): readonly Publisher[] =>
    [doorRequests, calls].flatMap(({ publisher: open }) => (open === undefined ? [] : [open]));
  publishing.status.subscribe(({ state }) => {
    publisher.setBlocked(state === 'blocked');
    for (const requests of [doorRequests, calls]) requests.setBlocked(state === 'blocked');
  });

  const status = combinedStatus([consuming.status, publishing.status]);
  reportStatus(status, outage, facts);

  let closing: Promise<void> | undefined;
  return {
    get address() {
      return endpoints.address;
    },
    status,
    establish: topology.establish,
    consume: (queue, consumeOptions) => consumeQueue(consumers, queue, consumeOptions),
    depthOf: (queue) => depthOf(topology.links, queue, onDefect),
    publish: (message) => publisher.publish(message),
    request: (message, key) => doorRequests.request(message, key),
    calls,
    get unconfirmed() {
      return [publisher, ...asking()].reduce((sum, { unconfirmed }) => sum + unconfirmed, 0);
    },
    measure: (queues) =>
      topology.links.pipe(
        filter((link) => link !== undefined),
        take(1),
        concatMap((link) => measureAll(link, queues, onDefect)),
      ),
    close: ({ withinMs }): Observable<never> =>
      defer(() => {
        closing ??= closeInOrder(
          { publishers: [publisher, ...asking()], channels, connections: [consuming, publishing] },
          withinMs,
        );
        return from(closing).pipe(ignoreElements());
      }),
  };
}

const measureAll = (
  link: Link,
  queues: readonly string[],
  onDefect: (error: unknown) => void,
): Observable<QueueDepth> =>
  from(queues).pipe(
    concatMap((queue) => measureQueue(link, queue, onDefect)),
    filter((depth) => depth !== undefined),
    catchError(() => EMPTY),
  );
