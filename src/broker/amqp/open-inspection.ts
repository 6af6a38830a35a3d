/**
 * Looking into RabbitMQ over AMQP alone, on a connection of its own. What AMQP has no question for is asked by requests that cannot be met:
 * the broker looks at permissions first and at arguments second, so its refusal says whether the user may, and nothing is done.
 */
import type { Channel } from 'amqplib';
import { firstValueFrom } from 'rxjs';
import { BrokerUnavailableError, TopologyError } from '../../errors.ts';
import { silentLogger } from '../../log.ts';
import type { BrokerInspection, Difference } from '../inspection.ts';
import type { QueueSpec } from '../topology.ts';
import { type Connecting, dialUntilGivenUp } from './dial-first.ts';
import { createEndpoints } from './endpoints.ts';
import { brokerText, isUnknownType, REPLY, replyCodeOf } from './failures.ts';
import { inequivalence } from './inequivalence.ts';
import type { Link } from './link.ts';
import { closeChannel, openChannel } from './open-channel.ts';
import type { AmqpBrokerOptions } from './options.ts';
import { tlsOfConnects } from './tls-options.ts';

export interface OpenInspectionOptions
  extends Pick<AmqpBrokerOptions, 'connectionName' | 'heartbeatS' | 'handshakeTimeoutMs' | 'rpcTimeoutMs'>,
    Pick<AmqpBrokerOptions, 'tls' | 'auth' | 'log'>,
    Connecting {
  /** URLs of one cluster: the first that answers is used. */
  readonly urls: readonly string[];
}

const CLOSE_WITHIN_MS = 5_000;

const ALARMS = 'rabbitmq-diagnostics alarms';

const BUILT_IN_TYPES: readonly string[] = ['direct', 'fanout', 'headers', 'topic'];

/** Differences of one queue that are looked for: a queue has fewer arguments. */
const MAX_DIFFERENCES = 30;

/** Values no broker takes, for requests that must not be met. */
const IMPOSSIBLE = {
  timeToLive: -1,
  alternateExchange: 0,
  consumerPriority: 'none',
  expiration: 'none',
  user: 'sluice doctor, who is nobody',
} as const;

/**
 * Connects. `signal` ends the connection, too.
 * @throws ConfigError for a URL or TLS options that cannot work; BrokerUnavailableError when no broker of `urls` answers, or later when the
 *   connection is lost or an answer does not come; TopologyError for an answer that means none of what was asked.
 */
export async function openInspection(options: OpenInspectionOptions): Promise<BrokerInspection> {
  const { urls, connectionName = 'sluice doctor', heartbeatS = 10, auth = 'plain', tls = {} } = options;
  const { handshakeTimeoutMs = 10_000, rpcTimeoutMs = 30_000, log = silentLogger, signal } = options;
  const onDefect = (error: unknown): void => log.error({ error }, 'a listener of the broker connection threw');
  const endpoints = createEndpoints(urls, heartbeatS, handshakeTimeoutMs);
  // Under an alarm the broker reads nothing more of a connection that has published, and what was asked on it has no answer.
  let tellBlocked: (reason: string) => void = () => {};
  const blocked = new Promise<never>((_, reject) => {
    tellBlocked = (reason) =>
      reject(
        new BrokerUnavailableError(`the broker takes no messages: ${reason}; make room, then ask again: ${ALARMS}`),
      );
  });
  blocked.catch(() => {});
  const onBlocked = (reason: string | undefined): void => {
    if (reason !== undefined) tellBlocked(reason);
  };
  const bounds = { handshakeTimeoutMs, rpcTimeoutMs, onDefect, onBlocked };
  const dialOptions = { name: connectionName, tls: tlsOfConnects(tls)(), auth, ...bounds, signal };
  const { link, address } = await dialUntilGivenUp(endpoints, urls.length, dialOptions);
  const { product, version } = serverOf(link);

  /** Asks on a channel of its own, since a refusal closes it. @returns the refusal, undefined where there was none. */
  const refusalOf = async (
    subject: string,
    request: (channel: Channel, gone: Promise<unknown>) => Promise<unknown>,
  ): Promise<unknown> => {
    let tellGone: (cause: unknown) => void = () => {};
    const gone = new Promise<unknown>((resolve) => {
      tellGone = resolve;
    });
    const channel = await Promise.race([openChannel(link, { onGone: tellGone, onDefect }), blocked]);
    try {
      const late = await Promise.race([link.ask(request(channel, gone), `for ${subject}`), blocked]);
      if (replyCodeOf(late) !== undefined) return late;
    } catch (error) {
      if (error instanceof BrokerUnavailableError || !link.isOpen) throw error;
      return error;
    }
    await closeChannel(link, channel);
    return undefined;
  };

  const may = async (
    subject: string,
    impossible: (channel: Channel, gone: Promise<unknown>) => Promise<unknown>,
  ): Promise<boolean> => {
    const refusal = await refusalOf(subject, impossible);
    switch (replyCodeOf(refusal)) {
      case REPLY.accessRefused:
        return false;
      case REPLY.preconditionFailed:
      // Permissions come first: it may, and there is nothing.
      case REPLY.notFound:
        return true;
      default:
        throw new TopologyError(`${subject}: the broker neither refused nor allowed it: ${brokerText(refusal)}`);
    }
  };

  const differences = async (
    subject: string,
    declare: (
      channel: Channel,
      changed: ReadonlyMap<string, string | number | boolean | undefined>,
    ) => Promise<unknown>,
    wantedOf: (property: string) => string,
  ): Promise<readonly Difference[] | undefined> => {
    const found: Difference[] = [];
    const changed = new Map<string, string | number | boolean | undefined>();
    while (found.length < MAX_DIFFERENCES) {
      const refusal = await refusalOf(subject, (channel) => declare(channel, changed));
      if (refusal === undefined) return found;
      // A queue whose dead letters go to an exchange this user may not write to is not compared any further.
      if (replyCodeOf(refusal) === REPLY.accessRefused) return changed.size === 0 ? undefined : found;
      const different = inequivalence(brokerText(refusal));
      if (different === undefined || changed.has(different.property))
        throw new TopologyError(`${subject}: ${brokerText(refusal)}`, { cause: refusal });
      const { property, value } = different;
      found.push({ property, wanted: wantedOf(property), found: value === undefined ? 'none' : String(value) });
      changed.set(property, value);
      // What is no argument is not declared otherwise to be compared further.
      if (property === 'type' || property in WANTED_FLAGS) return found;
    }
    return found;
  };

  return {
    address,
    product,
    version,
    async queue(name) {
      let state: { readonly messageCount: number; readonly consumerCount: number } | undefined;
      const refusal = await refusalOf(`queue "${name}"`, async (channel) => {
        state = await channel.checkQueue(name);
      });
      if (state !== undefined) return { ready: state.messageCount, consumers: state.consumerCount };
      if (replyCodeOf(refusal) === REPLY.notFound) return undefined;
      if (replyCodeOf(refusal) === REPLY.accessRefused) return 'unseen';
      throw new TopologyError(`queue "${name}": ${brokerText(refusal)}`, { cause: refusal });
    },
    async hasExchange(name) {
      if (name === '') return true;
      const refusal = await refusalOf(`exchange "${name}"`, (channel) => channel.checkExchange(name));
      if (refusal === undefined) return true;
      if (replyCodeOf(refusal) === REPLY.notFound) return false;
      if (replyCodeOf(refusal) === REPLY.accessRefused) return 'unseen';
      throw new TopologyError(`exchange "${name}": ${brokerText(refusal)}`, { cause: refusal });
    },
    async hasExchangeType(type) {
      if (BUILT_IN_TYPES.includes(type)) return true;
      // For a type it does not know RabbitMQ before 4.0 ends the whole connection.
      const { link: own } = await dialUntilGivenUp(
        createEndpoints(urls, heartbeatS, handshakeTimeoutMs),
        urls.length,
        dialOptions,
      );
      try {
        const channel = await openChannel(own, { onGone: () => {}, onDefect });
        const args = { 'alternate-exchange': IMPOSSIBLE.alternateExchange };
        await own.ask(channel.assertExchange('sluice.doctor', type, { durable: true, arguments: args }), `for ${type}`);
        return true;
      } catch (error) {
        const reason = own.isOpen ? brokerText(error) : await firstValueFrom(own.lost, { defaultValue: '' });
        if (isUnknownType(reason)) return false;
        if (own.isOpen) return true;
        throw error;
      } finally {
        await own.close(CLOSE_WITHIN_MS);
      }
    },
    queueDifferences: ({ name, arguments: args }) =>
      differences(
        `queue "${name}"`,
        // Looked for before by name, so that nothing is declared that was not there.
        (channel, changed) => channel.assertQueue(name, { durable: true, arguments: merged(args, changed) }),
        (property) => WANTED_FLAGS[property] ?? String(args[property] ?? 'none'),
      ),
    exchangeDifferences: ({ name, type, arguments: args = {} }) =>
      differences(
        `exchange "${name}"`,
        (channel, changed) => channel.assertExchange(name, type, { durable: true, arguments: merged(args, changed) }),
        (property) => (property === 'type' ? type : (WANTED_FLAGS[property] ?? String(args[property] ?? 'none'))),
      ),
    mayConfigure: (kind, name) =>
      may(`declaring ${kind} "${name}"`, (channel) =>
        kind === 'queue'
          ? channel.assertQueue(name, { durable: true, arguments: { 'x-message-ttl': IMPOSSIBLE.timeToLive } })
          : channel.assertExchange(name, 'topic', {
              durable: true,
              arguments: { 'alternate-exchange': IMPOSSIBLE.alternateExchange },
            }),
      ),
    mayWrite: (exchange) =>
      may(`publishing to exchange "${exchange}"`, (channel, gone) => {
        // Two reasons to refuse it: a user tagged "impersonator" may claim to be anybody.
        const options = { expiration: IMPOSSIBLE.expiration, userId: IMPOSSIBLE.user };
        channel.publish(exchange, 'sluice.doctor', Buffer.alloc(0), options);
        return gone;
      }),
    mayRead: (queue) =>
      may(`consuming queue "${queue}"`, (channel) =>
        channel.consume(queue, () => {}, { arguments: { 'x-priority': IMPOSSIBLE.consumerPriority } }),
      ),
    close: () => link.close(CLOSE_WITHIN_MS),
  };
}

/** Of whatever is declared, as the broker calls it. */
const WANTED_FLAGS: Readonly<Record<string, string>> = {
  durable: 'true',
  auto_delete: 'false',
  exclusive: 'false',
  internal: 'false',
};

const merged = (
  args: QueueSpec['arguments'],
  changed: ReadonlyMap<string, string | number | boolean | undefined>,
): Record<string, string | number | boolean> =>
  Object.fromEntries(
    Object.entries({ ...args, ...Object.fromEntries(changed) }).filter(
      (entry): entry is [string, string | number | boolean] => entry[1] !== undefined,
    ),
  );

/** What the broker says of itself in the handshake. */
function serverOf({ model }: Link): { readonly product: string; readonly version: string } {
  const inner: unknown = model.connection;
  const properties =
    typeof inner === 'object' && inner !== null && 'serverProperties' in inner ? inner.serverProperties : undefined;
  const textOf = (name: string): string => {
    const value: unknown = typeof properties === 'object' && properties !== null ? Reflect.get(properties, name) : '';
    return typeof value === 'string' ? value : '';
  };
  return { product: textOf('product'), version: textOf('version') };
}
