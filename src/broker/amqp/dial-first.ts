/** One connection for a command: dialled once at each node in turn, and not again when it is lost. */
import { BrokerUnavailableError, ConfigError } from '../../errors.ts';
import type { createEndpoints } from './endpoints.ts';
import { reasonOf } from './failures.ts';
import { type DialOptions, dial, type Link } from './link.ts';

export interface Connecting {
  /** Gives up what is no connection yet. Default: only the time for the handshake does. */
  readonly signal?: AbortSignal | undefined;
}

type FirstOptions = Omit<DialOptions, 'endpoint' | 'signal'> & Connecting;

interface Dialled {
  readonly link: Link;
  readonly address: string;
}

/** @throws ConfigError for a URL that cannot work; BrokerUnavailableError with every reason when no node answers. */
export async function dialFirst(
  endpoints: ReturnType<typeof createEndpoints>,
  count: number,
  { signal = new AbortController().signal, ...options }: FirstOptions,
): Promise<Dialled> {
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

/**
 * The same for whoever only looks, or asks for what may be asked for again: the signal ends a connection that is made, too, and what is asked on it
 * fails. A peer that falls silent would be waited for until its heartbeats, or an answer, are overdue.
 */
export async function dialUntilGivenUp(
  endpoints: ReturnType<typeof createEndpoints>,
  count: number,
  options: FirstOptions,
): Promise<Dialled> {
  const dialled = await dialFirst(endpoints, count, options);
  options.signal?.addEventListener('abort', () => dialled.link.cut('given up'), { once: true });
  return dialled;
}
