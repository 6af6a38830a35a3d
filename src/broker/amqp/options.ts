/** Options of the RabbitMQ adapter. */
import type { Facts } from '../../events.ts';
import type { Logger } from '../../log.ts';
import type { Random } from '../../policies/random.ts';
import type { ReconnectBackoff } from './pauses.ts';
import type { AmqpTls } from './tls-options.ts';

type Urls = string | readonly string[];

export interface AmqpBrokerOptions {
  /**
   * URLs of one cluster, tried in turn; or a function asked for one or all of them at each connect, for credentials that expire.
   * `amqp://user:password@host:5672/vhost?heartbeat=10`; parameters: heartbeat, frameMax, channelMax.
   */
  readonly urls: readonly string[] | (() => Urls | Promise<Urls>);
  /** Source of jitter. */
  readonly random: Random;
  /** Shown in the broker's list of connections, followed by what each is for. Default: `sluice`. */
  readonly connectionName?: string;
  /** Seconds between signs of life, 1 to 65535. A dead peer is noticed within three times this. Default: 10. */
  readonly heartbeatS?: number;
  /** From opening the socket to the end of the AMQP handshake, in milliseconds. Default: 10 000. */
  readonly handshakeTimeoutMs?: number;
  /** For each request that has an answer: open, declare, consume, cancel. Milliseconds. Default: 10 000. */
  readonly rpcTimeoutMs?: number;
  /** From publish to confirm, time in which the broker is blocked left out. Milliseconds. Default: 30 000. */
  readonly confirmTimeoutMs?: number;
  /** Pauses between connects, and between attempts to bring a consumer or channel back. Full jitter. */
  readonly reconnect?: ReconnectBackoff;
  /** Publishes out without a confirm at once; more wait. Integer, at least 1. Default: 1000. */
  readonly maxUnconfirmed?: number;
  /** Bytes out without a confirm at once; a larger message goes alone. They may take twice the memory: a body is copied into its frames. Default: 16 MiB. */
  readonly maxUnconfirmedBytes?: number;
  /** For `amqps://`; a function is asked at each connect. */
  readonly tls?: AmqpTls;
  /** `external`: the certificate says who we are; the URL needs no user. Default: `plain`. */
  readonly auth?: 'plain' | 'external';
  /** Default: silent. */
  readonly log?: Logger;
  /** Told of connection changes. Default: nobody. */
  readonly facts?: Facts;
}
