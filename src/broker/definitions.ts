/** Topology in RabbitMQ's own format: what `rabbitmqctl import_definitions` and the management page take. Pure. */
import type { Permissions } from './permissions.ts';
import type { Topology } from './topology.ts';

export interface DefinitionsOptions {
  readonly vhost: string;
  /** A user that exists, and what it may do. Default: no permissions are among the definitions. */
  readonly grant?: { readonly user: string; readonly permissions: Permissions };
}

export function toDefinitions({ exchanges, queues, bindings }: Topology, { vhost, grant }: DefinitionsOptions): object {
  const lasting = { vhost, durable: true, auto_delete: false };
  return {
    exchanges: exchanges.map(({ name, type, arguments: args = {} }) => ({
      name,
      type,
      ...lasting,
      internal: false,
      arguments: args,
    })),
    queues: queues.map(({ name, arguments: args }) => ({ name, ...lasting, arguments: args })),
    bindings: bindings.map(({ exchange, queue, key }) => ({
      source: exchange,
      vhost,
      destination: queue,
      destination_type: 'queue',
      routing_key: key,
      arguments: {},
    })),
    ...(grant === undefined ? {} : { permissions: [{ user: grant.user, vhost, ...grant.permissions }] }),
  };
}
