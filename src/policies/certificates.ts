/**
 * Certificates, keys and pins as texts: what is wrong with them, and whether a peer's key is one of those that are pinned.
 * Pure; brokers and APIs look at their peers by the same rules.
 */
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';

/** All in PEM, but for pins: SHA-256 of public keys (SPKI) in base64. */
export interface CertificateTexts {
  readonly ca?: readonly (string | Buffer)[] | undefined;
  readonly cert?: string | Buffer | undefined;
  readonly key?: string | Buffer | undefined;
  readonly passphrase?: string | undefined;
  readonly pins?: readonly string[] | undefined;
}

export interface CertificateFault {
  /** Which of them it is about. */
  readonly part: 'ca' | 'cert' | 'key' | 'pins';
  /** What is wrong, without the value: `is no certificate in PEM`. */
  readonly message: string;
}

const PIN = /^[A-Za-z0-9+/]{43}=$/;

/** What is wrong with them, the first of each part; nothing where they can be used. */
export function certificateFaults({
  ca = [],
  cert,
  key,
  passphrase,
  pins = [],
}: CertificateTexts): readonly CertificateFault[] {
  const faults: CertificateFault[] = [];
  const report = (part: CertificateFault['part'], message: string): void => void faults.push({ part, message });
  if (!ca.every((authority) => isReadable(() => new X509Certificate(authority))))
    report('ca', 'is no certificate in PEM');
  if (cert !== undefined && key !== undefined) {
    const certificate = read(() => new X509Certificate(cert));
    const privateKey = read(() => createPrivateKey({ key, ...(passphrase === undefined ? {} : { passphrase }) }));
    if (certificate === undefined) report('cert', 'is no certificate in PEM');
    if (privateKey === undefined)
      report(
        'key',
        passphrase === undefined
          ? 'is no private key in PEM without a passphrase'
          : 'is no private key in PEM that the passphrase opens',
      );
    if (certificate !== undefined && privateKey !== undefined && !certificate.checkPrivateKey(privateKey))
      report('key', 'does not belong to cert');
  } else if (cert !== undefined) {
    report('key', 'is missing: cert and key come together');
  } else if (key !== undefined) {
    report('cert', 'is missing: cert and key come together');
  }
  if (!pins.every((pin) => PIN.test(pin))) report('pins', 'are SHA-256 in base64, 44 characters each');
  return faults;
}

function read<T>(take: () => T): T | undefined {
  try {
    return take();
  } catch {
    return undefined;
  }
}

const isReadable = (take: () => unknown): boolean => read(take) !== undefined;

/** SHA-256 of a certificate's public key (SPKI), base64. */
export function publicKeyPin(certificate: string | Buffer): string {
  const key = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(key).digest('base64');
}

/** The peer's key is none of those that are pinned. */
export class KeyNotPinnedError extends Error {
  readonly code = 'ERR_KEY_NOT_PINNED';
}

export type CheckServerIdentity = (host: string, certificate: PeerCertificate) => Error | undefined;

/** For `tls.connect`: beside being for the host, the peer's own certificate has to hold one of these keys. */
export const pinned =
  (pins: readonly string[]): CheckServerIdentity =>
  (host, certificate) => {
    const refusal = checkServerIdentity(host, certificate);
    if (refusal !== undefined) return refusal;
    const pin = publicKeyPin(certificate.raw);
    return pins.includes(pin) ? undefined : new KeyNotPinnedError(`its public key ${pin} is not pinned`);
  };
