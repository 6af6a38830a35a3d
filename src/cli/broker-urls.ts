/** Where the broker of a worker process is: named by the environment, or embedded. */
import type { Config } from '../config.ts';
import type { Logger } from '../log.ts';
import { AMQP_PORT, startEmbeddedBroker } from './embedded-broker.ts';
import { warnOfPlainBrokers, withoutCredentials } from './plain-brokers.ts';

/** Brokers to try, in turn; as a function, read again at each connection. They hold credentials: never log them. */
export type BrokerUrls = readonly string[] | (() => readonly string[]);

export interface FoundBroker {
  readonly urls: BrokerUrls;
  /** Of the broker that was started because none was named. */
  readonly embeddedUrl: string | undefined;
  /** Ends the broker that was started. */
  close(): Promise<void>;
}

export interface BrokerOptions {
  /** The embedded broker is what is wanted, and nothing to be warned of. Default: false. */
  readonly isForDevelopment?: boolean | undefined;
}

/** Starts the embedded broker where no URL is set. */
export async function findBroker(
  { amqpUrls, rereadAmqpUrls }: Config,
  log: Logger,
  { isForDevelopment = false }: BrokerOptions = {},
): Promise<FoundBroker> {
  const urls = rereadAmqpUrls ?? amqpUrls;
  if (urls !== undefined) {
    warnOfPlainBrokers(readUrls(urls), log);
    return { urls, embeddedUrl: undefined, close: async () => {} };
  }
  const { url, isElsewhere, stop } = await startEmbeddedBroker();
  log[isForDevelopment ? 'info' : 'warn'](
    { url },
    'AMQP_URL is not set: using the embedded broker, which is in memory and for development; its messages end with this process',
  );
  if (isElsewhere)
    log.warn(
      { url, port: AMQP_PORT },
      'the port of AMQP is taken, perhaps by another broker: other commands find this one by AMQP_URL, set to this address',
    );
  return { urls: [url], embeddedUrl: url, close: stop };
}

export const readUrls = (urls: BrokerUrls): readonly string[] => (typeof urls === 'function' ? urls() : urls);

/** For people: addresses without credentials. */
export const describeUrls = (urls: BrokerUrls): string => readUrls(urls).map(withoutCredentials).join(', ');
