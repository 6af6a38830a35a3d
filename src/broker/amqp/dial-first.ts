/** One connection for a command: dialled once at each node in turn, and not again when it is lost. */
import { BrokerUnavailableError, ConfigError } from '../../errors.ts';
import type { createEndpoints } from './endpoints.ts';
import { reasonOf } from './failures.ts';
import { type DialOptions, dial, type Link } from './link.ts';

export interface Connecting {
  /** Gives up what is no connection yet. Default: only the time for the handshake does. */
  readonly signal?: AbortSignal | undefined;
}

/** @throws ConfigError for a URL that cannot work; BrokerUnavailableError with every reason when no node answers. */
export async function dialFirst(
  endpoints: ReturnType<typeof createEndpoints>,
  count: number,
  { signal = new AbortController().signal, ...options }: Omit<DialOptions, 'endpoint' | 'signal'> & Connecting,
): Promise<{ readonly link: Link; readonly address: string }> {
  const reasons: string[] = [];
  let cause: unknown;
  for (let attempt = 0; attempt < count && !signal.aborted; attempt++) {
    const endpoint = await endpoints.next(attempt);
    try {
      const link = await dial({ ...options, endpoint, signal });
      return { link, address: endpoint.address };
    } catch (error) {
      if (error instanceof ConfigError) throw error;
      cause = error;
      reasons.push(`${endpoint.address}: ${reasonOf(error)}`);
    }
  }
  throw new BrokerUnavailableError(`no connection to the broker: ${reasons.join('; ')}`, { cause });
}
