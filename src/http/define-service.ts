/**
 * defineService: a service that is asked over the broker, as authors declare it, once for all pipelines of a worker. Plain data; api-client.ts
 * makes calls of it, and whoever has a broker carries them. Every mistake is found here, at definition.
 */
import { problemsOf, reportProblems, sound } from '../definition.ts';
import type { ServiceOperations, ServiceOptions } from './service-options.ts';
import { serviceSchema } from './service-schema.ts';
import { isTargetName, TARGET_NAME_EXPECTED } from './target-name.ts';

export type { ServiceOperation, ServiceOperations, ServiceOptions } from './service-options.ts';

export interface ServiceDefinition<Operations extends ServiceOperations = ServiceOperations> {
  readonly kind: 'service';
  /** Names the service in facts, metrics and errors. */
  readonly name: string;
  readonly options: ServiceOptions<Operations>;
}

/**
 * Declares a service. Nothing is connected yet; its queue or exchange must be there when the worker starts.
 * @throws DefinitionError with every mistake in the options, unless a collector takes them.
 */
export function defineService<const Operations extends ServiceOperations>(
  name: string,
  options: ServiceOptions<Operations>,
): ServiceDefinition<Operations> {
  const subject = `service ${JSON.stringify(name)}`;
  const problems = problemsOf(subject, serviceSchema, options);
  reportProblems([
    ...(isTargetName(name) ? [] : [{ subject, path: '', message: TARGET_NAME_EXPECTED }]),
    ...problems,
    ...misnamed(options).map((operation) => ({
      subject,
      path: `operations.${operation}`,
      message: TARGET_NAME_EXPECTED,
    })),
  ]);
  return { kind: 'service', name, options: sound(options, problems) as ServiceOptions<Operations> };
}

/** Operations whose name is none; other mistakes are the schema's to find. */
function misnamed(options: unknown): readonly string[] {
  if (typeof options !== 'object' || options === null || !('operations' in options)) return [];
  const { operations } = options;
  if (typeof operations !== 'object' || operations === null) return [];
  return Object.keys(operations).filter((name) => !isTargetName(name));
}

/** Where services are: with whichever broker the worker is. */
export const SERVICE_ORIGIN = 'amqp:';

/** Where the requests of an operation go. */
export interface ServiceDestination {
  /** Empty for the default exchange, whose routing key is a queue's name. */
  readonly exchange: string;
  readonly routingKey: string;
}

export function destinationOf({ options }: ServiceDefinition, operation: string): ServiceDestination {
  const { queue, exchange, operations } = options;
  if (exchange === undefined) return { exchange: '', routingKey: queue ?? '' };
  const known = Object.hasOwn(operations, operation) ? operations[operation] : undefined;
  return { exchange, routingKey: known?.routingKey ?? operation };
}
