/**
 * Declaring topology, or looking for it: each declaration on its own, because the broker closes the channel of a refused one,
 * and so that all that is wrong is told at once.
 */
import type { Channel } from 'amqplib';
import { firstValueFrom } from 'rxjs';
import { BrokerUnavailableError, TopologyError } from '../../errors.ts';
import type { BindingSpec, ExchangeSpec, QueueSpec, Topology, TopologyMode } from '../topology.ts';
import { brokerText, isUnknownType, REPLY, replyCodeOf } from './failures.ts';
import type { DefectListener } from './guarded.ts';
import type { Link } from './link.ts';
import { closeChannel, openChannel } from './open-channel.ts';

/** One thing to declare or to look for. */
interface Declaration {
  readonly subject: string;
  readonly declare: (channel: Channel) => Promise<unknown>;
}

/**
 * Exchanges, then queues, then bindings. Bindings cannot be looked for in AMQP: `check` leaves them to the first publish, which is mandatory.
 * @throws TopologyError with one line for each refusal; BrokerUnavailableError when the link ends or an answer does not come.
 */
export async function establishTopology(
  link: Link,
  topology: Topology,
  mode: TopologyMode,
  onDefect: DefectListener,
): Promise<void> {
  const refusals: string[] = [];
  const causes: unknown[] = [];
  let channel: Channel | undefined;

  for (const { subject, declare } of declarations(topology, mode)) {
    channel ??= await openChannel(link, { onGone: () => {}, onDefect });
    try {
      await link.ask(declare(channel), `for ${subject}`);
    } catch (error) {
      if (!link.isOpen) throw (await unknownType(link, subject)) ?? error;
      if (error instanceof BrokerUnavailableError) {
        void closeChannel(link, channel);
        const message = `${subject}: ${error.message}; a quorum queue without a leader answers so`;
        throw new BrokerUnavailableError(message, { cause: error });
      }
      // One line each, whatever the broker says.
      refusals.push(`${subject}: ${explain(error, mode)}`.replaceAll(/[\r\n]+/g, ' '));
      causes.push(error);
      channel = undefined;
    }
  }
  if (channel !== undefined) await closeChannel(link, channel);
  if (refusals.length > 0) throw new TopologyError(refusals.join('\n'), { cause: causes[0] });
}

function declarations({ exchanges, queues, bindings }: Topology, mode: TopologyMode): readonly Declaration[] {
  if (mode === 'check') return [...exchanges.map(checkExchange), ...queues.map(checkQueue)];
  return [...exchanges.map(assertExchange), ...queues.map(assertQueue), ...bindings.map(assertBinding)];
}

const checkExchange = ({ name }: ExchangeSpec): Declaration => ({
  subject: `exchange "${name}"`,
  declare: (channel) => channel.checkExchange(name),
});

const checkQueue = ({ name }: QueueSpec): Declaration => ({
  subject: `queue "${name}"`,
  declare: (channel) => channel.checkQueue(name),
});

const assertExchange = ({ name, type, arguments: args }: ExchangeSpec): Declaration => ({
  subject: `exchange "${name}"`,
  declare: (channel) =>
    channel.assertExchange(name, type, { durable: true, ...(args === undefined ? {} : { arguments: { ...args } }) }),
});

const assertQueue = ({ name, arguments: args }: QueueSpec): Declaration => ({
  subject: `queue "${name}"`,
  declare: (channel) => channel.assertQueue(name, { durable: true, arguments: { ...args } }),
});

const assertBinding = ({ queue, exchange, key }: BindingSpec): Declaration => ({
  subject: `binding of queue "${queue}" to exchange "${exchange}" with key "${key}"`,
  declare: (channel) => channel.bindQueue(queue, exchange, key),
});

/** For a type of exchange it does not know, RabbitMQ before 4.0 ends the whole connection: on the next one it would do the same. */
async function unknownType(link: Link, subject: string): Promise<TopologyError | undefined> {
  const reason = await firstValueFrom(link.lost, { defaultValue: '' });
  return isUnknownType(reason) ? new TopologyError(`${subject}: ${lacksPlugin(reason)}`) : undefined;
}

const lacksPlugin = (text: string): string =>
  `${text}; enable the plugin that has it: rabbitmq-plugins enable rabbitmq_consistent_hash_exchange`;

/** What the broker said and what to do about it. */
function explain(error: unknown, mode: TopologyMode): string {
  const text = brokerText(error);
  switch (replyCodeOf(error)) {
    case REPLY.notFound:
      return mode === 'check'
        ? `it does not exist (${text}); create it, or start what declares it, a service or a worker with topology: 'assert'`
        : `something it refers to does not exist (${text})`;
    case REPLY.accessRefused:
      return `the broker user may not (${text}); grant it the permission, or use topology: 'check' where a deployment declares it`;
    case REPLY.resourceLocked:
      return `another connection holds it exclusively (${text})`;
    case REPLY.preconditionFailed: {
      if (isUnknownType(text)) return lacksPlugin(text);
      const [, argument] = /inequivalent arg '(.*?)'/.exec(text) ?? [];
      if (argument === undefined) return `the broker refuses it (${text})`;
      return `it exists with another ${argument} (${text}); when it is empty, delete it so that it can be declared anew, or use topology: 'check' to take it as it is`;
    }
    default:
      return text;
  }
}
