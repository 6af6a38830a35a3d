/**
 * Declaring topology, or looking for it: each declaration on its own, because the broker closes the channel of a refused one,
 * and so that all that is wrong is told at once.
 */
import type { Channel } from 'amqplib';
import { firstValueFrom } from 'rxjs';
import { BrokerUnavailableError, TopologyError } from '../../errors.ts';
import {
  type BindingSpec,
  DELETE_WHEN_EMPTY,
  type ExchangeSpec,
  insteadOfDeleting,
  insteadOfDeletingExchange,
  type QueueSpec,
  type Topology,
  type TopologyMode,
} from '../topology.ts';
import { brokerText, isChannelLimit, isUnknownType, REPLY, replyCodeOf } from './failures.ts';
import type { DefectListener } from './guarded.ts';
import { inequivalence } from './inequivalence.ts';
import type { Link } from './link.ts';
import { closeChannels, openChannels } from './open-channel.ts';

/** One thing to declare or to look for. */
interface Declaration {
  readonly subject: string;
  readonly declare: (channel: Channel) => Promise<unknown>;
  /** What to do where it differs, if that is not to declare it anew. */
  readonly instead?: ((property: string, found: string | undefined) => string | undefined) | undefined;
}

/**
 * Declarations under way at once, each on a channel of its own: on one, amqplib asks when it has the answer before. Fewer where the link has fewer
 * channels, and, one link after the other, where the broker ends it because its user has as many as it may: only then does it say that there is a limit.
 */
export class SideBySide {
  #most = 8;

  get most(): number {
    return this.#most;
  }

  /** To be told of the reason for which a link went. @returns whether the next one is asked for less at once. */
  halved(reason: string): boolean {
    if (!isChannelLimit(reason) || this.#most === 1) return false;
    this.#most /= 2;
    return true;
  }
}

/**
 * Exchanges, then queues, then bindings, those of a kind some at a time. Bindings cannot be looked for in AMQP: `check` leaves them to the first publish, which is mandatory.
 * @throws TopologyError with one line for each refusal, and the last of all for an answer that did not come; BrokerUnavailableError when the link
 * ends, or an answer does not come and nothing was refused.
 */
export async function establishTopology(
  link: Link,
  topology: Topology,
  mode: TopologyMode,
  onDefect: DefectListener,
  { most }: SideBySide,
): Promise<void> {
  const refusals: string[] = [];
  const causes: unknown[] = [];
  let channels: readonly Channel[] = [];
  try {
    for (const round of rounds(topology, mode, Math.min(most, link.maxChannels))) {
      const missing = round.length - channels.length;
      if (missing > 0) channels = [...channels, ...(await openChannels(link, missing, { onGone: () => {}, onDefect }))];
      const { refused, silence } = await answersTo(link, readyOn(channels, round));
      for (const [place, error] of refused) {
        // One line each, whatever the broker says.
        refusals.push(
          `${round[place]?.subject}: ${explain(error, mode, round[place]?.instead)}`.replaceAll(/[\r\n]+/g, ' '),
        );
        causes.push(error);
      }
      if (silence !== undefined)
        throw refusals.length === 0
          ? silence
          : new TopologyError([...refusals, silence.message].join('\n'), { cause: causes[0] });
      const gone = new Set(refused.map(([place]) => place));
      channels = channels.filter((_, place) => !gone.has(place));
    }
  } catch (error) {
    void closeChannels(link, channels);
    throw error;
  }
  await closeChannels(link, channels);
  if (refusals.length > 0) throw new TopologyError(refusals.join('\n'), { cause: causes[0] });
}

interface ReadyDeclaration extends Declaration {
  readonly on: Channel;
}

const readyOn = (channels: readonly Channel[], round: readonly Declaration[]): readonly ReadyDeclaration[] =>
  channels.flatMap((on, place) => {
    const one = round[place];
    return one === undefined ? [] : [{ ...one, on }];
  });

interface Answers {
  /** What the broker refuses, by place. */
  readonly refused: readonly (readonly [place: number, error: unknown])[];
  /** Where an answer did not come in time. */
  readonly silence?: BrokerUnavailableError;
}

/** All are one request to the link: it is given up after some that are not answered in a row, and queues without a leader may be many. */
async function answersTo(link: Link, round: readonly ReadyDeclaration[]): Promise<Answers> {
  const waiting = new Set(round.map(({ subject }) => subject));
  const refused: (readonly [number, unknown])[] = [];
  const declareOne = async ({ subject, declare, on }: ReadyDeclaration, place: number): Promise<void> => {
    try {
      await declare(on);
    } catch (error) {
      refused.push([place, error]);
    }
    waiting.delete(subject);
  };
  const inOrder = () => refused.toSorted(([one], [other]) => one - other);
  const [first = ''] = waiting;
  try {
    await link.ask(Promise.all(round.map(declareOne)), () => `for ${firstWaiting(waiting)}`);
    if (!link.isOpen && refused.length > 0) throw refused[0]?.[1];
  } catch (error) {
    if (!link.isOpen) throw (await unknownType(link, first)) ?? error;
    if (!(error instanceof BrokerUnavailableError)) throw error;
    const message = `${firstWaiting(waiting)}: ${error.message}; a quorum queue without a leader answers so`;
    return { refused: inOrder(), silence: new BrokerUnavailableError(message, { cause: error }) };
  }
  return { refused: inOrder() };
}

const firstWaiting = (subjects: ReadonlySet<string>): string => [...subjects][0] ?? '';

function rounds(
  { exchanges, queues, bindings }: Topology,
  mode: TopologyMode,
  size: number,
): readonly (readonly Declaration[])[] {
  if (mode === 'check') return inRoundsOf(size, [...exchanges.map(checkExchange), ...queues.map(checkQueue)]);
  return [
    // One at a time: where the broker ends the connection for a type it does not know, it does not say whose that was.
    ...inRoundsOf(1, exchanges.map(assertExchange)),
    ...inRoundsOf(size, queues.map(assertQueue)),
    ...inRoundsOf(size, bindings.map(assertBinding)),
  ];
}

const inRoundsOf = (size: number, all: readonly Declaration[]): readonly (readonly Declaration[])[] =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, round) => all.slice(round * size, (round + 1) * size));

const checkExchange = ({ name }: ExchangeSpec): Declaration => ({
  subject: `exchange "${name}"`,
  declare: (channel) => channel.checkExchange(name),
});

const checkQueue = ({ name }: QueueSpec): Declaration => ({
  subject: `queue "${name}"`,
  declare: (channel) => channel.checkQueue(name),
});

const assertExchange = (exchange: ExchangeSpec): Declaration => {
  const { name, type, arguments: args } = exchange;
  return {
    subject: `exchange "${name}"`,
    declare: (channel) =>
      channel.assertExchange(name, type, { durable: true, ...(args === undefined ? {} : { arguments: { ...args } }) }),
    instead: (property, found) => insteadOfDeletingExchange(exchange, property, found),
  };
};

const assertQueue = ({ name, arguments: args }: QueueSpec): Declaration => ({
  subject: `queue "${name}"`,
  declare: (channel) => channel.assertQueue(name, { durable: true, arguments: { ...args } }),
  instead: () => insteadOfDeleting({ name, arguments: args }),
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
function explain(error: unknown, mode: TopologyMode, instead?: Declaration['instead']): string {
  const text = brokerText(error);
  switch (replyCodeOf(error)) {
    case REPLY.notFound:
      return mode === 'check'
        ? `it does not exist (${text}); create it, a pipeline's own by "sluice topology --apply", or start what declares it, a service or a worker with topology: 'assert'`
        : `something it refers to does not exist (${text})`;
    case REPLY.accessRefused:
      return mode === 'check'
        ? `the broker user may not look at it (${text}); grant it what "sluice topology" prints: since RabbitMQ 4.2.6 looking takes a permission, and "write" is one that changes nothing here`
        : `the broker user may not (${text}); grant it the permission, or use topology: 'check' where a deployment declares it`;
    case REPLY.resourceLocked:
      return `another connection holds it exclusively (${text})`;
    case REPLY.preconditionFailed: {
      if (isUnknownType(text)) return lacksPlugin(text);
      const difference = inequivalence(text);
      if (difference === undefined) return `the broker refuses it (${text})`;
      const advice = instead?.(difference.property, String(difference.value)) ?? DELETE_WHEN_EMPTY;
      return `it exists with another ${difference.property} (${text}); ${advice}`;
    }
    default:
      return text;
  }
}
