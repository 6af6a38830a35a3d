/** RabbitMQ's management API, for tests that make users, permissions and virtual hosts: `rabbitmqctl` takes seconds for each. */
import type { Permissions } from '../../src/broker/permissions.ts';
import type { RabbitMq } from './rabbitmq.ts';

export interface Management {
  /** A virtual host of its own. @returns the URL of user guest on it. */
  vhost(name: string): Promise<string>;
  /** A user without tags, its name being its password, and what it may do there. @returns its URL. */
  user(name: string, vhost: string, permissions: Permissions): Promise<string>;
  importDefinitions(definitions: unknown): Promise<void>;
  /** Names of all queues and exchanges of a virtual host, the broker's own left out. */
  names(vhost: string): Promise<readonly string[]>;
}

/** The broker needs the plugin `rabbitmq_management`. */
export function managementOf({ port, managementPort }: RabbitMq): Management {
  const request = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const response = await fetch(`http://127.0.0.1:${managementPort}/api${path}`, {
      method,
      headers: { authorization: `Basic ${btoa('guest:guest')}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  };
  const urlOf = (user: string, vhost: string): string =>
    `amqp://${user}:${user}@127.0.0.1:${port}/${encodeURIComponent(vhost)}`;

  return {
    async vhost(name) {
      await request('PUT', `/vhosts/${name}`);
      await request('PUT', `/permissions/${name}/guest`, { configure: '.*', write: '.*', read: '.*' });
      return urlOf('guest', name);
    },
    async user(name, vhost, permissions) {
      await request('PUT', `/users/${name}`, { password: name, tags: '' });
      await request('PUT', `/permissions/${vhost}/${name}`, permissions);
      return urlOf(name, vhost);
    },
    importDefinitions: async (definitions) => {
      await request('POST', '/definitions', definitions);
    },
    names: async (vhost) => {
      const queues = (await request('GET', `/queues/${vhost}`)) as { name: string }[];
      const exchanges = (await request('GET', `/exchanges/${vhost}`)) as { name: string }[];
      return [...queues, ...exchanges]
        .map(({ name }) => name)
        .filter((name) => name !== '' && !name.startsWith('amq.'))
        .sort();
    },
  };
}
