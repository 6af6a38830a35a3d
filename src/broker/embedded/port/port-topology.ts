/** Declaring topology on the model, or looking for it: everything that is refused is told at once. */
import { messageOf, TopologyError } from '../../../errors.ts';
import {
  DELETE_WHEN_EMPTY,
  insteadOfDeleting,
  insteadOfDeletingExchange,
  type QueueSpec,
  type Topology,
  type TopologyMode,
} from '../../topology.ts';
import type { BrokerModel } from '../model/broker-model.ts';
import type { Channel } from '../model/channel.ts';
import { AmqpFault } from '../model/fault.ts';
import { type Field, long, longstr, type Table } from '../model/field.ts';

interface Declaration {
  readonly subject: string;
  readonly declare: () => unknown;
  /** What to do where it differs, if that is not to declare it anew. */
  readonly instead?: ((property: string, found: string | undefined) => string | undefined) | undefined;
}

/** @throws TopologyError with one line for each refusal. */
export function establishOn(model: BrokerModel, channel: Channel, topology: Topology, mode: TopologyMode): void {
  const refusals: string[] = [];
  const causes: unknown[] = [];
  for (const { subject, declare, instead } of declarationsOf(model, channel, topology, mode)) {
    try {
      declare();
    } catch (error) {
      refusals.push(`${subject}: ${explain(error, mode, instead)}`);
      causes.push(error);
    }
  }
  if (refusals.length > 0) throw new TopologyError(refusals.join('\n'), { cause: causes[0] });
}

function declarationsOf(
  model: BrokerModel,
  channel: Channel,
  topology: Topology,
  mode: TopologyMode,
): readonly Declaration[] {
  const passive = mode === 'check';
  const exchanges = topology.exchanges.map((exchange): Declaration => {
    const { name, type, arguments: given = {} } = exchange;
    return {
      subject: `exchange "${name}"`,
      declare: () =>
        model.declareExchange({
          exchange: name,
          type,
          passive,
          durable: true,
          arguments: argumentsOf({ arguments: given }),
        }),
      instead: (property, found) => insteadOfDeletingExchange(exchange, property, found),
    };
  });
  const queues = topology.queues.map((queue) => ({
    subject: `queue "${queue.name}"`,
    declare: () =>
      model.declareQueue(channel, { queue: queue.name, passive, durable: true, arguments: argumentsOf(queue) }),
    instead: () => insteadOfDeleting(queue),
  }));
  // Bindings cannot be looked for in AMQP.
  const bindings = passive
    ? []
    : topology.bindings.map(({ queue, exchange, key }) => ({
        subject: `binding of queue "${queue}" to exchange "${exchange}" with key "${key}"`,
        declare: () => model.bindQueue(channel, { queue, source: exchange, key }),
      }));
  return [...exchanges, ...queues, ...bindings];
}

const argumentsOf = ({ arguments: given }: Pick<QueueSpec, 'arguments'>): Table =>
  new Map(Object.entries(given).map(([name, value]) => [name, argumentOf(value)]));

function argumentOf(value: string | number | boolean): Field {
  if (typeof value === 'string') return longstr(value);
  if (typeof value === 'boolean') return { type: 'bool', value };
  return Number.isSafeInteger(value) ? long(value) : { type: 'double', value };
}

/** What the broker said and what to do about it. */
function explain(error: unknown, mode: TopologyMode, instead?: Declaration['instead']): string {
  const text = messageOf(error);
  if (!(error instanceof AmqpFault)) return text;
  if (error.code === 404 && mode === 'check')
    return `it does not exist (${text}); create it, a pipeline's own by "sluice topology --apply", or start what declares it, a service or a worker with topology: 'assert'`;
  if (error.code === 404) return `something it refers to does not exist (${text})`;
  const [, property, found] = /inequivalent arg '(.*?)'(?:.* current is '(.*)')?/.exec(text) ?? [];
  if (property === undefined) return `the broker refuses it (${text})`;
  const advice = instead?.(property, found) ?? DELETE_WHEN_EMPTY;
  return `it exists with another ${property} (${text}); ${advice}`;
}
