/** Which URL to dial next: the nodes of a cluster in turn, or whatever a function says at that moment. */
import { firstValueFrom, from, throwError, timeout } from 'rxjs';
import { BrokerUnavailableError } from '../../errors.ts';
import { type Endpoint, readEndpoint } from './address.ts';
import type { AmqpBrokerOptions } from './options.ts';

export interface Endpoints {
  /** For people: every node, or the one dialled last. */
  readonly address: string;
  /** The one to dial now. Each connection goes its own way through the nodes. */
  next(attempt: number): Promise<Endpoint>;
}

/** @throws ConfigError when a URL given in advance is wrong. */
export function createEndpoints(urls: AmqpBrokerOptions['urls'], heartbeatS: number, withinMs: number): Endpoints {
  if (typeof urls === 'function') {
    let address = 'address not known yet';
    const tooLate = () => throwError(() => new BrokerUnavailableError(`no broker URL was given within ${withinMs} ms`));
    return {
      get address() {
        return address;
      },
      async next(attempt) {
        const asked = from(Promise.resolve(urls())).pipe(timeout({ first: withinMs, with: tooLate }));
        const endpoint = readEndpoint(oneOf(await firstValueFrom(asked), attempt), heartbeatS);
        address = endpoint.address;
        return endpoint;
      },
    };
  }

  const endpoints = urls.map((url) => readEndpoint(url, heartbeatS));
  const [first] = endpoints;
  if (first === undefined) throw new RangeError('urls: expected at least one');
  return {
    address: endpoints.map(({ address }) => address).join(', '),
    next: (attempt) => Promise.resolve(endpoints[attempt % endpoints.length] ?? first),
  };
}

function oneOf(urls: string | readonly string[], attempt: number): string {
  if (typeof urls === 'string') return urls;
  const url = urls[attempt % urls.length];
  if (url === undefined) throw new BrokerUnavailableError('no broker URL was given');
  return url;
}
