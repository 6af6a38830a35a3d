/** TLS towards the broker: verified by default, 1.2 or newer, pinned where asked. */
import { createHash, X509Certificate } from 'node:crypto';
import { checkServerIdentity } from 'node:tls';
import type { SocketOptions } from 'amqplib';
import { ConfigError } from '../../errors.ts';

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

/**
 * @throws ConfigError when a certificate comes without its key or a key without its certificate.
 */
export function tlsConnectOptions(options: AmqpTlsOptions): SocketOptions {
  const { ca, cert, key, passphrase, servername, pins = [], allowUnverified = false } = options;
  if ((cert === undefined) !== (key === undefined)) {
    const message = 'cert and key come together; one of them is missing';
    throw new ConfigError([{ subject: 'broker', path: 'tls', message }]);
  }
  return {
    minVersion: 'TLSv1.2',
    rejectUnauthorized: !allowUnverified,
    ...(ca === undefined ? {} : { ca: typeof ca === 'string' || Buffer.isBuffer(ca) ? ca : [...ca] }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(servername === undefined ? {} : { servername }),
    ...(pins.length === 0
      ? {}
      : {
          checkServerIdentity(host, certificate) {
            const refusal = checkServerIdentity(host, certificate);
            if (refusal !== undefined) return refusal;
            const pin = publicKeyPin(certificate.raw);
            return pins.includes(pin) ? undefined : new Error(`${host} has the public key ${pin}, which is not pinned`);
          },
        }),
  };
}

/** SHA-256 of a certificate's public key (SPKI), base64. */
export function publicKeyPin(certificate: Buffer): string {
  const key = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(key).digest('base64');
}
