/**
 * TLS towards an API, or the place of an issuer's keys: always verified, 1.2 or newer; with an authority of its own, a client certificate and pinned keys where
 * asked. What stands in files is read again for each new connection.
 */

import { ConfigError } from '../errors.ts';
import { type CheckServerIdentity, certificateFaults, pinned } from '../policies/certificates.ts';
import { canChange, currentValue, Secret, type Setting } from '../setting.ts';
import { reveal, type SecretValue } from './secret-value.ts';

/** A certificate, or several behind each other, as PEM: `-----BEGIN CERTIFICATE-----`. */
export type Pem = Setting<string> | SecretValue;

/** There is no option to skip verification: for a certificate of your own, give its authority as `ca`. */
export interface TlsOptions {
  /** Authorities to trust instead of the system's. Default: those of Node. */
  readonly ca?: Pem | readonly Pem[];
  /** Our certificate, for mutual TLS; with `key`. */
  readonly cert?: Pem;
  /** Its private key, PEM without a passphrase. */
  readonly key?: SecretValue;
  /**
   * SHA-256 of public keys (SPKI, base64); the server's own certificate must hold one of them, beside being valid. Name the next key too before the
   * server changes to it. Default: any key that is certified.
   */
  readonly pins?: readonly (string | Setting<string>)[];
  /** Name the certificate must be for, and the server is asked for. Default: the host of the URL. */
  readonly servername?: string | Setting<string>;
}

/** The options with their settings read. */
export interface TlsSettings {
  readonly ca: readonly string[] | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly pins: readonly string[];
  readonly servername: string | undefined;
}

/** Thrown for what is wrong with the values; the message shows none of them. */
export class TlsError extends Error {
  readonly code = 'ERR_TLS_SETTINGS';
}

/** @throws ConfigError for a setting that is missing, TlsError for what is not what it should be. */
export function readTls({ ca, cert, key, pins = [], servername }: TlsOptions): TlsSettings {
  const read = {
    ca: ca === undefined ? undefined : listOf(ca).map(textOf),
    cert: cert === undefined ? undefined : textOf(cert),
    key: key === undefined ? undefined : reveal(key),
    pins: pins.map((pin) => currentValue<string>(pin)),
    servername: servername === undefined ? undefined : currentValue<string>(servername),
  };
  const [fault] = certificateFaults(read);
  if (fault !== undefined) throw new TlsError(`${fault.part} ${fault.message}`);
  return read;
}

/**
 * For definitions with certificates or pins in files: what they hold at the moment of a new connection. Undefined where nothing can change.
 * @throws TlsError, when it is called, for what cannot be used.
 */
export function tlsOfConnects(options: TlsOptions): (() => TlsSettings) | undefined {
  const { ca, cert, key, pins = [], servername } = options;
  if (![ca === undefined ? [] : listOf(ca), cert, key, pins, servername].flat().some(canChange)) return undefined;
  return () => {
    try {
      return readTls(options);
    } catch (error) {
      throw error instanceof ConfigError ? new TlsError(error.message, { cause: error }) : error;
    }
  };
}

const listOf = (pem: Pem | readonly Pem[]): readonly Pem[] =>
  Array.isArray(pem) ? (pem as readonly Pem[]) : [pem as Pem];

/** No secret, and often read as one, since it stands in a file. */
function textOf(pem: Pem): string {
  const text = currentValue<string | Secret>(pem);
  return text instanceof Secret ? text.reveal() : text;
}

/** What `tls.connect` takes, as far as an API may say it. */
export interface TlsConnectOptions {
  readonly rejectUnauthorized: true;
  readonly minVersion: 'TLSv1.2';
  readonly ca?: string[];
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
  readonly checkServerIdentity?: CheckServerIdentity;
}

/** For `tls.connect`. Says what Node's environment could weaken otherwise: NODE_TLS_REJECT_UNAUTHORIZED has no effect. */
export function tlsConnectOptions(settings: TlsSettings | undefined): TlsConnectOptions {
  const { ca, cert, key, pins = [], servername } = settings ?? {};
  return {
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    ...(ca === undefined ? {} : { ca: [...ca] }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(servername === undefined ? {} : { servername }),
    ...(pins.length === 0 ? {} : { checkServerIdentity: pinned(pins) }),
  };
}
