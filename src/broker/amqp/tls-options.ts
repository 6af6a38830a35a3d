/** TLS towards the broker: verified by default, 1.2 or newer, pinned where asked. */
import type { SocketOptions } from 'amqplib';
import { ConfigError } from '../../errors.ts';
import { certificateFaults, pinned } from '../../policies/certificates.ts';

export interface AmqpTlsOptions {
  /** Certificates to trust instead of the system's, PEM. */
  readonly ca?: string | Buffer | readonly (string | Buffer)[];
  /** Our certificate and key, PEM, for mutual TLS. */
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly passphrase?: string;
  /** Name the certificate must carry. Default: the host of the URL. */
  readonly servername?: string;
  /** SHA-256 of public keys (SPKI, base64), one of which the broker must have. Default: none, any trusted key will do. */
  readonly pins?: readonly string[];
  /** Accepts any certificate. For development: whoever stands between can read and change everything. Default: false. */
  readonly allowUnverified?: boolean;
}

/** The options, or a function asked for them at each connect: certificates are replaced while the worker runs. */
export type AmqpTls = AmqpTlsOptions | (() => AmqpTlsOptions);

/**
 * What each connect is to be made with. Looked at now too, so that a start finds what is wrong.
 * @throws ConfigError, now or when it is called, for what is no certificate, no key, or no pair of them.
 */
export function tlsOfConnects(tls: AmqpTls): () => SocketOptions {
  if (typeof tls === 'function') {
    tlsConnectOptions(tls());
    return () => tlsConnectOptions(tls());
  }
  const options = tlsConnectOptions(tls);
  return () => options;
}

function tlsConnectOptions(options: AmqpTlsOptions): SocketOptions {
  const { cert, key, passphrase, servername, pins = [], allowUnverified = false } = options;
  const ca = options.ca === undefined ? undefined : listOf(options.ca);
  const faults = certificateFaults({ ca, cert, key, passphrase, pins });
  if (faults.length > 0)
    throw new ConfigError(
      faults.map(({ part, message }) => ({ subject: 'broker', path: 'tls', message: `${part} ${message}` })),
    );
  return {
    minVersion: 'TLSv1.2',
    rejectUnauthorized: !allowUnverified,
    ...(ca === undefined ? {} : { ca: [...ca] }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(servername === undefined ? {} : { servername }),
    ...(pins.length === 0 ? {} : { checkServerIdentity: pinned(pins) }),
  };
}

const listOf = (ca: string | Buffer | readonly (string | Buffer)[]): readonly (string | Buffer)[] =>
  typeof ca === 'string' || Buffer.isBuffer(ca) ? [ca] : ca;
