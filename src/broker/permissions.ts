/** Permissions of RabbitMQ as it wants them: a pattern each for what may be configured, written to and read. Pure. */

export interface Permissions {
  /** Patterns of names, matched against the names of queues and exchanges alike. */
  readonly configure: string;
  readonly write: string;
  readonly read: string;
}

/** RabbitMQ's name for the default exchange, where permissions are concerned. */
export const DEFAULT_EXCHANGE_RESOURCE = 'amq.default';

/** The pattern that fits these names and nothing else; without names, nothing. */
export function exactPattern(names: Iterable<string>): string {
  const escaped = [...new Set(names)].sort().map((name) => name.replaceAll(/[\\^$.|?*+()[\]{}]/g, '\\$&'));
  return escaped.length === 0 ? '^$' : `^(${escaped.join('|')})$`;
}
